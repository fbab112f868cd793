# SPDX-License-Identifier: GPL-2.0-only
"""A Debian root for the domUs: unmodified programs, on a disk that all domUs share."""

import subprocess

import cache
import debian
from report import Failure, step

PACKAGES = ("iperf3", "redis-server", "redis-tools", "nginx-light", "wrk", "postgresql-15",
            "openssh-server", "openssh-client", "curl", "python3")
MODULES = ("xen-blkfront", "squashfs", "overlay")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")
# No compression: an emulated machine reads faster than it decompresses.
_SQUASHFS = ("-tar", "-noI", "-noD", "-noF", "-noX", "-no-progress", "-quiet")


def disk():
    """The image, a squashfs."""
    def build(path):
        archive = path.with_suffix(".tar")
        with step("building the domUs' Debian root"):
            debian.root(PACKAGES, archive,
                        *(f"--dpkgopt=path-exclude=/{folder}/*" for folder in LEFT_OUT))
            with open(archive, "rb") as tar:
                done = subprocess.run(["mksquashfs", "-", path, *_SQUASHFS], stdin=tar,
                                      capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"mksquashfs failed:\n{done.stderr.strip()}")
    return cache.item(f"domu-{cache.digest(PACKAGES, LEFT_OUT, _SQUASHFS)}.squashfs", build)
