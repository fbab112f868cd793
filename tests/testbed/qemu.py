# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process: consoles go to files, the control channel to this program."""

import ctypes
import os
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

from report import Failure

# Seconds until a machine that should end is terminated, and then killed.
_GRACE = 5


@dataclass
class Outcome:
    """How a guest's run ended: its exit status, or None and the reason."""
    status: int | None
    reason: str


def _die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Machine:
    """QEMU with a control channel: a character device of the guest, connected to this program.

    The guest writes its output there and at its end a line "NONCE STATUS". The nonce is new
    in every run, so that no program's output can be mistaken for this line.
    """

    def __init__(self, arguments, logs):
        self.nonce = os.urandom(12).hex()
        self._log = open(logs / "qemu.log", "w")
        self._arguments = arguments
        self._process = None
        self._control = None
        self._pending = b""
        self._ended = False

    def __enter__(self):
        return self

    def start(self, *arguments):
        """Start QEMU; arguments must give chardev "control" a device in the guest."""
        ours, theirs = socket.socketpair()
        command = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none",
                   "-monitor", "none", *self._arguments,
                   "-chardev", f"socket,id=control,fd={theirs.fileno()}", *arguments]
        self._log.write(" ".join(map(str, command)) + "\n")
        self._log.flush()
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log,
                                             stderr=self._log, pass_fds=[theirs.fileno()],
                                             preexec_fn=_die_with_parent)
        except OSError as error:
            raise Failure(f"cannot start qemu-system-x86_64: {error.strerror}")
        theirs.close()
        self._control = ours

    def run(self, limit, output):
        """Pass the guest's output to output(bytes) until the guest ends; -> Outcome."""
        deadline = time.monotonic() + limit
        marker = f"\n{self.nonce} ".encode()
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                if not selector.select(left):
                    break
                data = self._control.recv(1 << 16)
                if not data:
                    output(self._pending)
                    return Outcome(None, "the machine stopped before the command ended")
                self._pending += data
                before, found, after = self._pending.partition(marker)
                if found and b"\n" in after:
                    output(before)
                    self._ended = True
                    return Outcome(int(after.split()[0]), "ended")
                # Hold back bytes that may be the beginning of the last line.
                keep = len(found + after) or _overlap(self._pending, marker)
                output(self._pending[:len(self._pending) - keep])
                self._pending = self._pending[len(self._pending) - keep:]
        output(self._pending)
        return Outcome(None, f"time limit of {limit:g} s")

    def __exit__(self, *_):
        if self._process:
            self._stop()
        self._log.close()

    def _stop(self):
        # After its last line the guest powers itself off; its consoles may still write.
        try:
            self._process.wait(_GRACE if self._ended else 0)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._control.close()


def _overlap(data, marker):
    """How many of data's last bytes are the beginning of marker."""
    for length in range(min(len(data), len(marker) - 1), 0, -1):
        if marker.startswith(data[-length:]):
            return length
    return 0
