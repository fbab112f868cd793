# SPDX-License-Identifier: GPL-2.0-only
"""liburing's tests of sockets, built from Debian's source of it."""

import suite

PACKAGES = ()

_SHORT = ("accept", "connect", "recv-multishot", "send_recv", "send_recvmsg", "shutdown",
          "socket-rw")
_TESTS = (*_SHORT, "232c93d07b74", "accept-link", "accept-reuse", "defer-taskrun",
          "files-exit-hang-poll", "files-exit-hang-timeout", "poll-link", "recv-msgall",
          "recv-msgall-stream", "ring-leak2", "send-zerocopy", "socket", "socket-rw-eagain",
          "socket-rw-offset")
# What the suite means by "skipped".
_SKIPPED = 77
_LIMIT = 180

KNOWN = {"recv-multishot": "Have its end seen before all that precedes it was received"}


def build(folder):
    import host
    tree = folder / "tree"
    host.copy_source("liburing", tree)
    host.run("./configure", cwd=tree)
    host.run("make", "-C", "src", "ENABLE_SHARED=0", cwd=tree)
    host.run("make", "-C", "test", "-k", *(f"{name}.t" for name in _TESTS), cwd=tree)
    for name in _TESTS:
        host.run("cp", tree / f"test/{name}.t", folder)
    host.run("rm", "-r", tree)


def programs(short):
    return [suite.Program(name, (f"{suite.HERE}/liburing/{name}.t",), _LIMIT)
            for name in (_SHORT if short else _TESTS)]


read = suite.by_status(skipped=(_SKIPPED,))
