# SPDX-License-Identifier: GPL-2.0-only
"""The cache folder: files that are downloaded or built once and used by many runs."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import tempfile

ROOT = pathlib.Path(os.environ.get("SCHANNEL_CACHE") or
                    pathlib.Path.home() / ".cache" / "schannel")


def digest(*parts):
    """A short name for content: of strings, and of the files that paths name."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode()
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:16]


@contextlib.contextmanager
def _lock(name):
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / f".lock-{name}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def item(name, build):
    """The path ROOT/name, made by build(path) if it does not exist.

    build() works on a temporary path, which is renamed when it returns: every item in the
    cache is complete. If two runs want the same item, one builds it and the other waits.
    """
    path = ROOT / name
    if path.exists():
        return path
    with _lock(name):
        if path.exists():
            return path
        scratch = pathlib.Path(tempfile.mkdtemp(prefix=".new-", dir=ROOT))
        try:
            build(scratch / name)
            (scratch / name).rename(path)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return path


def forget_others(prefix, keep):
    """Remove the outdated items called prefix*, all but keep."""
    for path in ROOT.glob(prefix + "*"):
        if path != keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
