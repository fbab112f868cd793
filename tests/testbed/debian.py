# SPDX-License-Identifier: GPL-2.0-only
"""The Debian kernel and Xen hypervisor: downloaded and unpacked, never installed."""

import functools
import lzma
import os
import pathlib
import re
import struct
import subprocess
import zlib

import cache
from report import Failure, step

XEN_VERSION = "4.17"
XEN = f"xen-hypervisor-{XEN_VERSION}-amd64"


@functools.cache
def kernel_release():
    """The release the project's modules are built for, and so the one to boot."""
    kdir = os.environ.get("KDIR")
    if kdir:
        try:
            return (pathlib.Path(kdir) / "include/config/kernel.release").read_text().strip()
        except OSError as error:
            raise Failure(f"KDIR={kdir} holds no configured kernel: {error}")
    found = [path.parent.name for path in pathlib.Path("/lib/modules").glob("6.12*-amd64/build")]
    if not found:
        raise Failure("no headers of Linux 6.12 here; run tests/testbed/setup")
    return max(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])


def _unpacked(package):
    def build(path):
        path.mkdir()
        with step(f"downloading {package}"):
            got = subprocess.run(["apt-get", "-q", "download", package], cwd=path.parent,
                                 capture_output=True, text=True)
            debs = list(path.parent.glob("*.deb"))
            if got.returncode or len(debs) != 1:
                raise Failure(f"cannot download {package}; is 'apt-get update' due, or has the "
                              f"archive moved on from the headers?\n{got.stderr.strip()}")
            subprocess.run(["dpkg", "-x", debs[0], path], check=True)
        if package.startswith("linux-image"):
            subprocess.run(["depmod", "-b", path, package.removeprefix("linux-image-")], check=True)
    return cache.item(package, build)


def _kernel_package():
    return _unpacked(f"linux-image-{kernel_release()}")


def kernel():
    """The kernel image as packaged (a bzImage)."""
    return _kernel_package() / "boot" / f"vmlinuz-{kernel_release()}"


def kernel_elf():
    """The kernel unpacked, which spares the emulated machine the decompressing."""
    def build(path):
        image = kernel().read_bytes()
        # Documentation/arch/x86/boot.rst: the setup header's payload fields
        # count from the protected-mode code, after setup_sects + 1 sectors.
        setup_sects = image[0x1f1] or 4
        offset, length = struct.unpack_from("<II", image, 0x248)
        payload = image[(setup_sects + 1) * 512 + offset:][:length]
        if payload[:6] == b"\xfd7zXZ\0":
            elf = lzma.LZMADecompressor().decompress(payload)
        elif payload[:4] == b"\x28\xb5\x2f\xfd":
            # The payload's last four bytes are its size, not part of the frame.
            elf = subprocess.run(["zstd", "-dcq"], input=payload[:-4], check=True,
                                 capture_output=True).stdout
        elif payload[:2] == b"\x1f\x8b":
            elf = zlib.decompressobj(31).decompress(payload)
        else:
            raise Failure(f"{kernel()}: unknown compression {payload[:6].hex()}")
        if elf[:4] != b"\x7fELF":
            raise Failure(f"{kernel()} does not hold an ELF image")
        path.write_bytes(elf)
    return cache.item(f"vmlinux-{kernel_release()}", build)


def root(packages, path, *options):
    """A root filesystem with these packages and what they need, as a tar archive."""
    command = ["mmdebstrap", "--variant=essential", "--include=" + ",".join(packages),
               "--mode=" + ("root" if os.geteuid() == 0 else "unshare"), "--format=tar",
               *options, "bookworm", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"mmdebstrap failed:\n{done.stderr.strip()}")


def modules(names):
    """The files of the named kernel modules and all they need, in loading order."""
    files = []
    for name in names:
        got = subprocess.run(["modprobe", "-d", _kernel_package(), "-S", kernel_release(),
                              "--show-depends", name], capture_output=True, text=True)
        if got.returncode:
            raise Failure(f"no kernel module {name}: {got.stderr.strip()}")
        for line in got.stdout.splitlines():
            verb, file = line.split()[:2]
            if verb == "insmod" and file not in files:
                files.append(file)
    return [pathlib.Path(file) for file in files]


def module_bytes(file):
    """A packaged module as insmod wants it."""
    return lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()


def xenstored():
    """The C xenstored as packaged, to be run where there is no Xen."""
    return _unpacked(f"xen-utils-{XEN_VERSION}") / f"usr/lib/xen-{XEN_VERSION}/bin/xenstored"


def xen():
    """The hypervisor unpacked: QEMU wants a multiboot ELF image."""
    def build(path):
        packed, = _unpacked(XEN).glob(f"boot/xen-{XEN_VERSION}-amd64.gz")
        path.write_bytes(zlib.decompressobj(31).decompress(packed.read_bytes()))
    return cache.item(f"xen-{XEN_VERSION}", build)
