# SPDX-License-Identifier: GPL-2.0-only
"""dom0's root filesystem: Debian with the Xen toolstack, as an initramfs built once."""

import pathlib

import cache
import debian
import image
from report import step

PACKAGES = ("xen-utils-4.17", "xenstore-utils", "iproute2", "iperf3", "kmod",
            "busybox-static", "jq")
MODULES = ("xen-netback", "xen-gntdev", "xen-gntalloc", "xen-evtchn", "xenfs", "xen-privcmd",
           "bridge", "xen-blkback", "virtio_blk")
# dom0 does not use these, and an emulated machine unpacks every megabyte slowly.
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
            "usr/share/perl", "usr/share/zoneinfo", "usr/share/bash-completion", "usr/lib/udev",
            "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/perl",
            "var/lib/dpkg", "var/cache")


def _tar():
    def build(path):
        with step("building dom0's root filesystem"):
            debian.root(PACKAGES, path)
    return cache.item(f"dom0-{cache.digest(PACKAGES)}.tar", build)


def archive():
    """The cpio archive, to which a run appends its own files."""
    def build(path):
        root = image.Image()
        root.skeleton()
        root.tar(_tar(), LEFT_OUT)
        for applet in ("insmod", "mount", "umount", "sysctl", "ping", "poweroff"):
            root.symlink(f"usr/local/bin/{applet}", "/bin/busybox")
        for module in debian.modules(MODULES):
            root.module(module)
        root.write(path)
    # A change of image.py changes the archive, too.
    parts = PACKAGES, MODULES, LEFT_OUT, debian.kernel_release(), pathlib.Path(image.__file__)
    return cache.item(f"dom0-{cache.digest(*parts)}.cpio", build)
