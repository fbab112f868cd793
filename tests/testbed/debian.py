# SPDX-License-Identifier: GPL-2.0-only
"""The Debian kernel and Xen hypervisor: downloaded and unpacked, never installed."""

import functools
import lzma
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import zlib

import cache
from report import Failure, step

XEN_VERSION = "4.17"
XEN = f"xen-hypervisor-{XEN_VERSION}-amd64"


# The kernel series that the modules support and the testbed boots, and the packages whose
# dependency is the newest kernel of it: Debian 12 has one for each series, Debian 13 one in all.
SERIES = "6.12"
_META_PACKAGES = (f"linux-headers-{SERIES}-amd64", "linux-headers-amd64")


def _download(package, path):
    """Unpack a package into the folder path."""
    with tempfile.TemporaryDirectory(prefix="testbed.") as scratch, step(f"downloading {package}"):
        got = subprocess.run(["apt-get", "-q", "download", package], cwd=scratch,
                             capture_output=True, text=True)
        debs = list(pathlib.Path(scratch).glob("*.deb"))
        if got.returncode or len(debs) != 1:
            raise Failure(f"cannot download {package}; is 'apt-get update' due?\n"
                          f"{got.stderr.strip()}")
        subprocess.run(["dpkg", "-x", debs[0], path], check=True)


def _unpacked(package):
    return cache.item(package, lambda path: _download(package, path))


def _depends(package):
    """The names of the packages that a package, in the version apt would install, depends on."""
    shown = subprocess.run(["apt-cache", "show", "--no-all-versions", package],
                           capture_output=True, text=True).stdout
    return [re.split(r"[ :(]", each)[0] for line in re.findall(r"^Depends: (.*)", shown, re.M)
            for each in re.split(r"[,|] *", line)]


def _newest_release():
    for package in _META_PACKAGES:
        for name in _depends(package):
            if name.startswith(f"linux-headers-{SERIES}."):
                return name.removeprefix("linux-headers-")
    raise Failure(f"apt knows no headers of Linux {SERIES}; is 'apt-get update' due?")


def _relocate(path, release):
    """Make an unpacked kernel usable where it is; all but one path in its headers is relative."""
    makefile = path / f"usr/src/linux-headers-{release}" / "Makefile"
    makefile.write_text(makefile.read_text().replace(
        "include /usr/src/", "include $(dir $(lastword $(MAKEFILE_LIST)))../"))
    # From Debian 13 on the packages know only /usr/lib.
    if not (path / "lib").exists():
        (path / "lib").symlink_to("usr/lib")


@functools.cache
def _kernel():
    """The cached kernel: its image, modules and headers, unpacked into one folder."""
    found = [path.name for path in cache.ROOT.glob(f"linux-{SERIES}.*-amd64")]
    newest = max(found, default=None, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    release = newest.removeprefix("linux-") if newest else _newest_release()

    def build(path):
        headers = f"linux-headers-{release}"
        parts = [name for name in _depends(headers)
                 if re.match(r"linux-(headers|kbuild|compiler)-", name)]
        for package in (f"linux-image-{release}", headers, *parts):
            _download(package, path)
        _relocate(path, release)
        subprocess.run(["depmod", "-b", path, release], check=True)
    return cache.item(f"linux-{release}", build)


def kernel_release():
    """The release of the kernel that the testbed boots."""
    return _kernel().name.removeprefix("linux-")


def headers():
    """The folder to build modules for that kernel with: KDIR."""
    return _kernel() / f"usr/src/linux-headers-{kernel_release()}"


def kernel():
    """The kernel image as packaged (a bzImage)."""
    return _kernel() / "boot" / f"vmlinuz-{kernel_release()}"


def kernel_elf():
    """The kernel as an ELF image: an emulated machine would decompress it slowly."""
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
    """A root filesystem with these packages and their dependencies, as a tar archive."""
    command = ["mmdebstrap", "--variant=essential", "--include=" + ",".join(packages),
               "--mode=" + ("root" if os.geteuid() == 0 else "unshare"), "--format=tar",
               *options, "bookworm", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"mmdebstrap failed:\n{done.stderr.strip()}")


def modules(names):
    """The files of the named kernel modules and their dependencies, in loading order."""
    files = []
    for name in names:
        got = subprocess.run(["modprobe", "-d", _kernel(), "-S", kernel_release(),
                              "--show-depends", name], capture_output=True, text=True)
        if got.returncode:
            raise Failure(f"no kernel module {name}: {got.stderr.strip()}")
        for line in got.stdout.splitlines():
            verb, file = line.split()[:2]
            if verb == "insmod" and file not in files:
                files.append(file)
    return [pathlib.Path(file) for file in files]


def module_bytes(file):
    """A packaged module, decompressed for insmod."""
    return lzma.decompress(file.read_bytes()) if file.suffix == ".xz" else file.read_bytes()


def xenstored():
    """The packaged C xenstored, for tests on the host, without Xen."""
    return _unpacked(f"xen-utils-{XEN_VERSION}") / f"usr/lib/xen-{XEN_VERSION}/bin/xenstored"


def xen():
    """The hypervisor, decompressed: QEMU loads a multiboot ELF image."""
    def build(path):
        packed, = _unpacked(XEN).glob(f"boot/xen-{XEN_VERSION}-amd64.gz")
        path.write_bytes(zlib.decompressobj(31).decompress(packed.read_bytes()))
    return cache.item(f"xen-{XEN_VERSION}", build)
