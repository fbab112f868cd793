# SPDX-License-Identifier: GPL-2.0-only
"""Real Xen with dom0 and domUs in one QEMU machine, and a scenario run in dom0."""

import pathlib
import shlex
import subprocess
import tarfile
import tempfile

import attempts
import cache
import complaints
import debian
import debianroot
import dom0root
import logs
from accel import accelerator, nested
from image import Image
from qemu import Machine
from report import Failure, step

GUEST = pathlib.Path(__file__).resolve().parent / "guest"
_ABI = logs.TREE / "include/uapi/xen/schannel.h"

_DOM0_MIB = 1536
_XEN_MIB = 384
_DOMU_OVERHEAD_MIB = 64
DOMU_MODULES = ("xen-netfront", "xen-gntdev", "xen-gntalloc", "xen-evtchn", "xenfs", "xen-privcmd")
_ROOT_MODULES = ("xen-blkfront", *debianroot.MODULES)

# The cost of a mitigation under an emulator says nothing about hardware: every system call
# of a PV guest would flush the emulator's translations.
_XEN_ARGUMENTS = ("console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all sched=credit "
                  "spec-ctrl=no xpti=off pv-l1tf=off "
                  f"dom0_mem={_DOM0_MIB}M,max:{_DOM0_MIB}M dom0_max_vcpus=2")
# Consoles on one device. With a dozen, QEMU drops notifications that a port is open, and a
# write to such a port blocks for ever.
_PORTS = 8
# How often a run is repeated if the emulator failed.
_REPEATS = {"pv": 1, "pvh": 2}

# QEMU separates the multiboot modules by commas, so the arguments cannot contain any.
_DOM0_ARGUMENTS = "console=hvc0 loglevel=7 panic=-1 mitigations=off rdinit=/init"

# A PV dom0 crashes on TCG's "max". PVH domUs need SVM; on "max" programs in dom0 and domUs died
# at random under load, with netfront alone (5 of 100 commands; on Opteron_G3 none of 582).
# TCG emulates RDTSCP incorrectly under SVM.
_TCG_CPU = {"pv": "Nehalem,+rdrand", "pvh": "Opteron_G3,-rdtscp,+svm,+npt,+rdrand"}


def _compiled(source, *options, headers=()):
    """A helper program for the guests, built once per version of its source."""
    def build(path):
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", path, source, *options], check=True)
    return cache.item(f"{source.stem}-{cache.digest(source, options, *headers)}", build)


def _products(image, kernel_modules, left_out=()):
    """Add what the build made: modules to /lib/schannel, programs to /usr/local/bin."""
    for module in kernel_modules:
        image.file(module, f"lib/schannel/{module.name}")
    for folder in ("tools", "lib/examples", "tests/sockets", "tests/soak", "tests/proof",
                   "tests/bench"):
        for program in sorted((logs.TREE / "build" / folder).glob("*")):
            if program.name in left_out:
                continue
            if program.is_file() and program.stat().st_mode & 0o100:
                image.file(program, f"usr/local/bin/{program.name}")


def _extra_files(image, options):
    for each in options.file:
        source, _, target = each.partition(":")
        image.file(source, target or f"usr/local/bin/{pathlib.Path(source).name}")


def _domu(options, path):
    folder = pathlib.Path(options.domu_modules or logs.TREE / "net/schannel")
    image = Image()
    image.skeleton()
    image.busybox()
    image.file(GUEST / "domu-init", "init")
    image.file(GUEST / "leaks", "bin/leaks")
    if options.root:
        image.file(GUEST / "debian-init", "testbed/debian-init")
        image.file(GUEST / "debian", "bin/debian")
    image.file(_compiled(GUEST / "agent.c", "-static"), "bin/agent")
    image.file(_compiled(GUEST / "forge.c", "-static", headers=(_ABI,)), "bin/forge")
    for program in ("iperf3", "socat"):
        image.file(f"/usr/bin/{program}", f"usr/bin/{program}")
    if not options.domu_kernel:
        for module in debian.modules(DOMU_MODULES + (_ROOT_MODULES if options.root else ())):
            image.module(module)
    # A domU has no libxenstore, which the broker needs.
    _products(image, sorted(folder.glob("*.ko")), ("schanneld",))
    _extra_files(image, options)
    image.write(path)


def _dom0(options, accel, nonce, domu, path):
    image = Image()
    for name in ("library", "vif", "disk"):
        image.file(GUEST / name, f"testbed/{name}")
    image.file(GUEST / "dom0-init", "init")
    image.file(GUEST / "leaks", "usr/local/bin/leaks")
    image.file(_compiled(GUEST / "agent.c", "-static"), "usr/local/bin/agent")
    for name in ("cpu-time", "grants"):
        image.file(_compiled(GUEST / f"{name}.c", "-lxenctrl"), f"usr/local/bin/{name}")
    image.file(options.scenario, "testbed/scenario")
    for part in sorted((pathlib.Path(options.scenario).parent / "lib").glob("*")):
        image.file(part, f"testbed/lib/{part.name}")
    image.file(options.domu_kernel or debian.kernel_elf(), "boot/domu-kernel")
    image.file(domu, "boot/domu.cpio")
    _products(image, sorted((logs.TREE / "net/schannel").glob("*.ko")))
    _extra_files(image, options)
    environment = {
        "ACCEL": accel, "GUEST": options.guest, "XEN": debian.XEN_VERSION,
        "KERNEL": debian.kernel_release(), "DOMUS": options.domus,
        "STARTED": options.domus if options.started is None else options.started,
        "VCPUS": options.vcpus, "PCPUS": options.cpus, "DOMU_MEM": options.domu_mem,
        "DOMU_APPEND": " ".join(options.domu_append),
        "ROOT": "/dev/vda" if options.root else "",
    }
    arguments = " ".join(shlex.quote(argument) for argument in options.arguments)
    image.text("testbed/environment", "".join(
        f"export {name}={shlex.quote(str(value))}\n" for name, value in environment.items())
        + f"ARGUMENTS=({arguments})\n")
    image.text("testbed/nonce", nonce)
    image.write(path, base=dom0root.archive())


def _cpu(accel, guest):
    if accel == "tcg":
        return _TCG_CPU[guest]
    if guest == "pvh" and not nested():
        raise Failure("PVH domUs under KVM need its module's parameter nested=1 (or ACCEL=tcg)")
    return "host"


def _boot(options, accel, output):
    """One boot and scenario; -> (logs.Verdict, log folder)."""
    folder = logs.directory(options.name)
    memory = _XEN_MIB + _DOM0_MIB + options.domus * (options.domu_mem + _DOMU_OVERHEAD_MIB)
    threads = f",thread={options.tcg_thread}" if accel == "tcg" else ""
    arguments = ["-accel", accel + threads, "-cpu", _cpu(accel, options.guest),
                 "-smp", options.cpus, "-m", memory,
                 "-kernel", debian.xen(), "-append", _XEN_ARGUMENTS,
                 "-serial", f"file:{folder}/xen-dom0.console",
                 "-device", "virtio-serial-pci,id=ports0",
                 "-device", "virtserialport,bus=ports0.0,chardev=control,name=control",
                 "-chardev", f"file,id=result,path={folder}/result.tar",
                 "-device", "virtserialport,bus=ports0.0,chardev=result,name=result"]
    if options.root:
        arguments += debianroot.drive(debianroot.DOMU_PACKAGES)
    for number in range(1, options.domus + 1):
        bus = f"ports{1 + (number - 1) // _PORTS}"
        if number % _PORTS == 1:
            arguments += ["-device", f"virtio-serial-pci,id={bus}"]
        arguments += ["-chardev", f"file,id=u{number},path={folder}/u{number}.console",
                      "-device", f"virtserialport,bus={bus}.0,chardev=u{number},name=u{number}"]
    machine = Machine(map(str, arguments), folder)
    with tempfile.TemporaryDirectory(prefix="testbed.") as scratch:
        _domu(options, f"{scratch}/domu.cpio")
        _dom0(options, accel, machine.nonce, f"{scratch}/domu.cpio", f"{scratch}/dom0.cpio")
        with machine:
            machine.start("-initrd",
                          f"{debian.kernel_elf()} {_DOM0_ARGUMENTS},{scratch}/dom0.cpio")
            with step(f"Xen with {options.domus} {options.guest.upper()} domUs: {options.name}"):
                outcome = machine.run(options.timeout, output.feed)
    _results(folder, options.result)
    return logs.verdict(outcome, folder), folder


def _results(folder, target):
    """Unpack what the scenario left in /result."""
    archive = folder / "result.tar"
    if archive.stat().st_size:
        with tarfile.open(archive) as files:
            for place in (folder / "result", target):
                if place:
                    files.extractall(place, [m for m in files if m.isfile() or m.isdir()])
    archive.unlink()


def _fault(verdict, folder):
    fault = complaints.emulator_fault(folder)
    if not fault and verdict.code == logs.NOT_UP:
        fault = "the domUs did not come up, and no module of this project was loaded in any"
    return fault


def run(options, output):
    """Run the scenario in dom0; what it prints goes to output. -> logs.Verdict"""
    options.name = options.name or pathlib.Path(options.scenario).stem
    options.domus = max(options.domus, options.started or 0)
    accel = accelerator()
    return attempts.run(lambda: _boot(options, accel, output), _fault, _REPEATS[options.guest],
                        accel, output)
