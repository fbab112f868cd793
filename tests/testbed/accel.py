# SPDX-License-Identifier: GPL-2.0-only
"""Chooses QEMU's accelerator: KVM if it boots a kernel here, else TCG."""

import functools
import os
import pathlib
import subprocess
import tempfile

import cache
import debian
from image import Image
from report import Failure, say, step

# Seconds. A working KVM prints the marker within two; a broken one may hang.
_PROBE_LIMIT = 20
_MARKER = "testbed: kvm works"


def _kvm_boots():
    """Boot the stock kernel to its first program: /dev/kvm can open and yet not work."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Image()
        image.skeleton()
        image.busybox()
        image.text("init", f"#!/bin/sh\necho {_MARKER}\npoweroff -f\n", 0o755)
        image.write(f"{scratch}/probe.cpio")
        command = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none",
                   "-accel", "kvm", "-cpu", "host", "-m", "512", "-serial", "stdio",
                   "-kernel", debian.kernel(), "-initrd", f"{scratch}/probe.cpio",
                   "-append", "console=ttyS0 quiet panic=-1"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=_PROBE_LIMIT)
        except subprocess.TimeoutExpired:
            return False
    return _MARKER.encode() in done.stdout


def _probed():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def build(path):
        with step("probing whether KVM runs a kernel here"):
            path.write_text("kvm" if _kvm_boots() else "tcg")
    path = cache.item(f"accel-{boot}", build)
    cache.forget_others("accel-", path)
    return path.read_text()


@functools.cache
def accelerator():
    """"kvm" or "tcg"; the environment variable ACCEL overrides the probe."""
    chosen = os.environ.get("ACCEL")
    if chosen not in (None, "", "kvm", "tcg"):
        raise Failure(f"ACCEL={chosen}: only kvm and tcg are known")
    name = chosen or _probed()
    say(f"accelerator: {name}" + (" (from ACCEL)" if chosen else ""))
    load, cores = os.getloadavg()[0], os.cpu_count()
    if load > cores:
        say(f"this machine is busy (load {load:.1f} on {cores} cores): do not trust times")
    return name


def nested():
    """Whether a KVM guest can run guests of its own with hardware virtualisation."""
    flags = [path.read_text().strip() for path in
             pathlib.Path("/sys/module").glob("kvm_*/parameters/nested")]
    return any(flag in ("1", "Y") for flag in flags)
