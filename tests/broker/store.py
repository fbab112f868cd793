# SPDX-License-Identifier: GPL-2.0-only
"""A real xenstored that runs without Xen, and a client with the rights of the control domain."""

import collections
import errno
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "testbed"))

import cache    # noqa: E402
import debian   # noqa: E402

_HEADER = struct.Struct("<IIII")
_DIRECTORY, _READ, _GET_PERMS, _WATCH, _UNWATCH = 1, 2, 3, 4, 5
_INTRODUCE, _RELEASE, _WRITE, _MKDIR, _RM = 8, 9, 11, 12, 13
_SET_PERMS, _EVENT, _ERROR, _DIRECTORY_PART = 14, 15, 16, 20


def _hypervisor():
    """The library that replaces the hypervisor, built once for each version of its source."""
    source = HERE / "hypervisor.c"

    def build(path):
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra",
                        "-Wno-unused-parameter", "-o", path, source], check=True)
    return cache.item(f"hypervisor-{cache.digest(source)}.so", build)


class Daemon:
    """A xenstored process with its socket in folder."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "socket"
        environment = dict(os.environ, LD_PRELOAD=str(_hypervisor()),
                           XENSTORED_ROOTDIR=str(folder), XENSTORED_RUNDIR=str(folder))
        self.process = subprocess.Popen([debian.xenstored(), "--no-fork", "--internal-db"],
                                        env=environment)
        deadline = time.monotonic() + 20
        while True:
            try:
                Client(self.path).read("/tool")
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Client:
    """A connection with the control domain's rights."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self.events = collections.deque()

    def close(self):
        self._socket.close()

    def _receive(self, size):
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("xenstored has closed the connection")
            data += more
        return data

    def _message(self):
        kind, _, _, size = _HEADER.unpack(self._receive(_HEADER.size))
        return kind, self._receive(size)

    def _send(self, kind, payload):
        self._socket.sendall(_HEADER.pack(kind, 0, 0, len(payload)) + payload)

    def _reply(self):
        while True:
            kind, payload = self._message()
            if kind == _EVENT:
                self.events.append(tuple(payload.decode().split("\0")[:2]))
            elif kind == _ERROR:
                name = payload.rstrip(b"\0").decode()
                number = getattr(errno, name)
                raise OSError(number, os.strerror(number))
            else:
                return payload

    def _ask(self, kind, payload):
        self._send(kind, payload)
        return self._reply()

    def read(self, path):
        return self._ask(_READ, path.encode() + b"\0")

    def text(self, path):
        """The value of a node as text, or None if the node does not exist."""
        try:
            return self.read(path).decode()
        except FileNotFoundError:
            return None

    def list(self, path):
        """The names of a node's children; an empty list if the node does not exist."""
        try:
            payload = self._ask(_DIRECTORY, path.encode() + b"\0")
        except FileNotFoundError:
            return []
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            payload = self._list_parts(path)
        return payload.decode().split("\0")[:-1]

    def _list_parts(self, path):
        whole = b""
        while not whole.endswith(b"\0\0"):
            part = self._ask(_DIRECTORY_PART, f"{path}\0{len(whole)}\0".encode())
            whole += part.split(b"\0", 1)[1]
        return whole[:-1]

    def write(self, path, value):
        data = value if isinstance(value, bytes) else value.encode()
        self._ask(_WRITE, path.encode() + b"\0" + data)

    def flood(self, path, value, times):
        """Write the value as often as times, as fast as xenstored accepts it."""
        payload = path.encode() + b"\0" + value
        for start in range(0, times, 100):
            count = min(100, times - start)
            for _ in range(count):
                self._send(_WRITE, payload)
            for _ in range(count):
                self._reply()

    def remove(self, path):
        try:
            self._ask(_RM, path.encode() + b"\0")
        except FileNotFoundError:
            pass

    def permit(self, path, *permissions):
        """Set permissions in xenstore's notation: n5 r0 means owner 5, and domain 0 may read."""
        self._ask(_SET_PERMS, "\0".join((path, *permissions, "")).encode())

    def permissions(self, path):
        return self._ask(_GET_PERMS, path.encode() + b"\0").decode().split("\0")[:-1]

    def introduce(self, domid):
        self._ask(_INTRODUCE, f"{domid}\0001\0001\0".encode())

    def release(self, domid):
        self._ask(_RELEASE, f"{domid}\0".encode())

    def watch(self, path):
        """Collect the events of path in self.events, without the one that each new watch gets."""
        self._ask(_WATCH, f"{path}\0test\0".encode())
        # xenstored sends that event before the reply to a later request.
        self.read("/tool")
        self.events.clear()

    def take_events(self):
        """Return the events since watch() or the last call."""
        self.read("/tool")
        events = list(self.events)
        self.events.clear()
        return events
