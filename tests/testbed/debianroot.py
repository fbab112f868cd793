# SPDX-License-Identifier: GPL-2.0-only
"""A Debian root on a disk: unmodified programs for guests, which share it read-only."""

import subprocess

import cache
import debian
from report import Failure, step

DOMU_PACKAGES = ("iperf3", "redis-server", "redis-tools", "nginx-light", "wrk", "postgresql-15",
                 "openssh-server", "openssh-client", "curl", "python3")
# What mounting it needs, apart from the disk's driver.
MODULES = ("squashfs", "overlay")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
# No compression: an emulated machine reads faster than it decompresses.
_SQUASHFS = ("-tar", "-noI", "-noD", "-noF", "-noX", "-no-progress", "-quiet")


def disk(packages):
    """The image with these packages and their dependencies, a squashfs."""
    def build(path):
        archive = path.with_suffix(".tar")
        with step("building a Debian root"):
            debian.root(packages, archive,
                        *(f"--dpkgopt=path-exclude=/{folder}/*" for folder in LEFT_OUT))
            with open(archive, "rb") as tar:
                done = subprocess.run(["mksquashfs", "-", path, *_SQUASHFS], stdin=tar,
                                      capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"mksquashfs failed:\n{done.stderr.strip()}")
    return cache.item(f"root-{cache.digest(packages, LEFT_OUT, _SQUASHFS)}.squashfs", build)


def drive(packages):
    """The arguments for QEMU that give a machine this disk."""
    return ["-blockdev", f"driver=file,filename={disk(packages)},node-name=root,read-only=on",
            "-device", "virtio-blk-pci,drive=root"]
