# SPDX-License-Identifier: GPL-2.0-only
"""Runs the tests of a module of CPython, or the named ones of them.

	cpython_run.py MODULE [TEST...]

Prints a line "@result TEST pass|fail|skip" for each, after whatever the test itself prints. A
test that hangs fails, and the rest goes on in a new process.
"""

import faulthandler
import os
import sys
import unittest

from test import support

# Seconds one test may take on an emulator, and how much longer than on hardware anything lasts.
LIMIT = 60
SLOW = 4


class Result(unittest.TestResult):
    """Says at once how each test went."""

    def __init__(self, skip, pipe):
        super().__init__()
        self._done = skip
        self._pipe = pipe
        self._verdict = None

    def _tell(self, test, verdict):
        # What a test prints does not always end its line.
        print(f"\n@result {test.id()} {verdict}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self._verdict = "pass"
        os.write(self._pipe, f"{test.id()}\n".encode())
        faulthandler.dump_traceback_later(LIMIT, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        self._tell(test, self._verdict)

    def _failed(self, test, error):
        # Of a class or a module that cannot be set up, no test is started.
        self._verdict = "fail"
        print(f"\n---- {test.id()}\n{self._exc_info_to_string(error, test)}", flush=True)
        if not isinstance(test, unittest.TestCase):
            self._tell(test, "fail")

    def addFailure(self, test, err):
        self._failed(test, err)

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err:
            self._failed(test, err)

    def addSkip(self, test, reason):
        self._verdict = "skip"

    def addUnexpectedSuccess(self, test):
        self._verdict = "fail"


def _flat(tests):
    for each in tests:
        if isinstance(each, unittest.TestSuite):
            yield from _flat(each)
        else:
            yield each


def _child(module, names, done, pipe):
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(names) if names else loader.loadTestsFromName(module)
    left = unittest.TestSuite(test for test in _flat(tests) if test.id() not in done)
    left.run(Result(done, pipe))


def main(module, names):
    support.use_resources = ["cpu"]
    support.verbose = False
    for name in ("LOOPBACK_TIMEOUT", "SHORT_TIMEOUT"):
        setattr(support, name, getattr(support, name) * SLOW)
    os.chdir("/tmp")
    done = []
    while True:
        read, write = os.pipe()
        os.set_inheritable(write, False)
        pid = os.fork()
        if not pid:
            os.close(read)
            _child(module, names, set(done), write)
            sys.stdout.flush()
            os._exit(0)
        os.close(write)
        _, status = os.waitpid(pid, 0)
        # Started, since whoever inherited the pipe may live on.
        os.set_blocking(read, False)
        with open(read, "rb") as pipe:
            started = (pipe.read() or b"").decode().split()
        done += started
        if status == 0:
            return 0
        if not started:
            return 1
        print(f"\n@result {started[-1]} fail", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
