# SPDX-License-Identifier: GPL-2.0-only
"""The plain VM: a kernel, busybox, the test's own files, and one command."""

import os
import pathlib
import tempfile

import attempts
import complaints
import debian
import debianroot
import logs
from accel import accelerator
from image import Image
from qemu import Machine
from report import Failure

GUEST = pathlib.Path(__file__).resolve().parent / "guest"

# With ERMS the kernel copies with "rep movsb", which TCG runs byte by byte; five-level
# paging makes its page walks longer.
_CPU = {"tcg": "max,-la57,-erms,-fsrm", "kvm": "host"}
# How often a run is repeated if the emulator failed.
_REPEATS = 1
_ROOT_MODULES = ("virtio_pci", "virtio_blk", *debianroot.MODULES)


def _image(options, nonce):
    image = Image()
    image.skeleton()
    image.busybox()
    image.file(GUEST / "vm-init", "init")
    image.file(GUEST / "leaks", "bin/leaks")
    if options.root:
        image.file(GUEST / "debian-init", "testbed/debian-init")
        image.file(GUEST / "debian", "bin/debian")
        image.directory("usr/local/bin")
    packaged = [*options.modprobe, *(_ROOT_MODULES if options.root else ())]
    if options.kernel == "debian":
        for module in debian.modules(packaged):
            image.module(module)
    elif packaged:
        raise Failure("--modprobe and --root load modules of Debian's kernel; they cannot be used "
                      "with --kernel")
    for module in options.insmod:
        image.module(module)
    for each in options.file:
        source, _, target = each.partition(":")
        folder = "bin/" if os.access(source, os.X_OK) and os.path.isfile(source) else ""
        image.file(source, target or folder + os.path.basename(source.rstrip("/")))
    image.text("testbed/command", " ".join(options.command) + "\n")
    image.text("testbed/nonce", nonce)
    return image


def _boot(options, accel, output):
    """One boot and its command; -> (logs.Verdict, log folder)."""
    folder = logs.directory(options.name)
    kernel = debian.kernel() if options.kernel == "debian" else options.kernel
    # With little CPU time for the emulator, the kernel's check of the timer's wiring fails.
    append = ["console=ttyS0", "panic=-1", "loglevel=7", "no_timer_check",
              *options.append]
    # One instruction takes one nanosecond, and idle time passes at once.
    count = ["-icount", "shift=0,sleep=off"] if options.icount else []
    root = debianroot.drive(options.root.split(",")) if options.root else []
    machine = Machine([*count, *root, "-accel", accel, "-cpu", _CPU[accel], "-smp", options.cpus,
                       "-m", options.mem, "-kernel", kernel, "-append", " ".join(append),
                       "-serial", f"file:{folder}/vm.console"], folder)
    with tempfile.TemporaryDirectory(prefix="testbed.") as scratch:
        initrd = f"{scratch}/vm.cpio"
        _image(options, machine.nonce).write(initrd)
        with machine:
            machine.start("-serial", "chardev:control", "-initrd", initrd)
            outcome = machine.run(options.timeout, output.feed)
    return logs.verdict(outcome, folder), folder


def run(options, output):
    """Boot and run options.command; what it prints goes to output. -> logs.Verdict"""
    accel = "tcg" if options.icount else accelerator()
    return attempts.run(lambda: _boot(options, accel, output),
                        lambda _, folder: complaints.stray_breakpoint(folder / "vm.console"),
                        _REPEATS, accel, output)
