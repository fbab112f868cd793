# SPDX-License-Identifier: GPL-2.0-only
"""Runs foreign suites in the VM: over plain TCP, diverted, and diverted with switching.

	driver.py SUITE[,SUITE...] [short]

Prints TAP; README.md says what is compared.
"""

import collections
import contextlib
import fnmatch
import importlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from suite import FAIL, PASS, SKIP

CGROUPS = pathlib.Path("/sys/fs/cgroup")
SYSCTLS = pathlib.Path("/proc/sys/net/schannel")
# How often a test whose result differs is run again, over plain TCP and diverted.
AGAIN = 3
# So many tests pass over plain TCP for each that fails, or the suite does not work here.
PLAIN_RATIO = 4
# Lines of a failed test's output that are shown.
SHOWN = 25
SHOWN_PLAIN = 4

PLAIN, DIVERTED, SWITCHING = "plain", "diverted", "switching"
CGROUP = {PLAIN: CGROUPS / "plain/run", DIVERTED: CGROUPS / "diverted/run",
          SWITCHING: CGROUPS / "diverted/run"}


def say(*words):
    print(*words, flush=True)


def ctl(*arguments):
    """What a command of schannelctl says, from JSON."""
    done = subprocess.run(["schannelctl", "-j", *arguments], capture_output=True, text=True)
    return json.loads(done.stdout or "null")


@contextlib.contextmanager
def switching():
    """Meanwhile, flows are taken from diverted connections."""
    with subprocess.Popen(["switch", str(random.getrandbits(31))]) as switch:
        try:
            yield
            if switch.poll() is not None:
                sys.exit("switch has ended")
        finally:
            switch.kill()


def _leave_nothing(cgroup):
    """Kill what a program has left behind, and wait until it is gone."""
    (cgroup / "cgroup.kill").write_text("1")
    while "populated 1" in (cgroup / "cgroup.events").read_text():
        time.sleep(0.01)


def run(program, mode, arguments=None):
    """-> (exit status, output); a program that exceeds its limit is killed."""
    cgroup = CGROUP[mode]
    arguments = program.arguments if arguments is None else arguments

    def enter():
        (cgroup / "cgroup.procs").write_text("0")
        os.setsid()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([*program.command, *arguments], cwd=program.cwd, stdout=out,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **dict(program.environment)},
                                   preexec_fn=enter)
        try:
            status = process.wait(program.limit)
        except subprocess.TimeoutExpired:
            status = -signal.SIGALRM
        _leave_nothing(cgroup)
        process.wait()
        out.seek(0)
        output = out.read().decode(errors="replace")
    if status == -signal.SIGALRM:
        output += f"\nkilled after {program.limit} s\n"
    return status, output


class Suite:
    """One suite in one VM."""

    def __init__(self, name, short):
        self._module = importlib.import_module(name)
        self._programs = self._module.programs(short)
        self._only = getattr(self._module, "only", lambda program, _test: program.arguments)
        self.name = name
        self.flaky = set()
        self.failing = set()
        self.known = set()

    def everything(self, mode):
        """-> {(program, test): verdict}"""
        results = {}
        for program in self._programs:
            began = time.monotonic()
            status, output = run(program, mode)
            read = self._module.read(program, status, output)
            results |= {(program, test): verdict for test, verdict in read.items()}
            self._show(program, mode, read, output, time.monotonic() - began)
        return results

    @staticmethod
    def _show(program, mode, read, output, seconds):
        count = collections.Counter(read.values())
        say(f"# {mode}: {program.name}: {count[PASS]} {PASS}, {count[FAIL]} {FAIL}, "
            f"{count[SKIP]} {SKIP}, {seconds:.1f} s")
        if mode == PLAIN:
            for test, verdict in read.items():
                if verdict == FAIL:
                    _show_lines(f"{test} fails plain", _excerpt(test, output)[-SHOWN_PLAIN:])

    def known_difference(self, test):
        return any(fnmatch.fnmatchcase(test, known) for known in self._module.KNOWN)

    def _once(self, program, test, mode):
        """One more run; -> (whether it passes, output)"""
        status, output = run(program, mode, self._only(program, test))
        return self._module.read(program, status, output).get(test, FAIL) == PASS, output

    def differs(self, program, test, mode):
        """The output of a failed run, if a test fails in this mode only, else None."""
        shown = None
        for _ in range(AGAIN):
            good, output = self._once(program, test, mode)
            shown = shown if good else output
        plain = [self._once(program, test, PLAIN)[0] for _ in range(AGAIN)]
        if shown is not None and all(plain):
            return shown
        (self.flaky if any(plain) else self.failing).add(test)
        return None

    def _suspects(self, plain, results):
        """What fails, unless it is known to fail over plain TCP, too."""
        if plain:
            return [each for each, verdict in plain.items()
                    if verdict == PASS and results.get(each, FAIL) == FAIL]
        return [each for each, verdict in results.items() if verdict == FAIL]

    def compare(self, plain, mode):
        """Run everything in this mode; -> ({test: output} of what is not as expected, results)"""
        found = {}
        with switching() if mode == SWITCHING else contextlib.nullcontext():
            results = self.everything(mode)
            if mode == DIVERTED:
                found = {test: "It is listed as a known difference.\n" for (_, test), verdict
                         in results.items() if verdict == PASS and self.known_difference(test)}
            for program, test in self._suspects(plain, results):
                if self.known_difference(test):
                    self.known.add(test)
                elif (output := self.differs(program, test, mode)) is not None:
                    found[test] = output
        return found, results


class Report:
    """Points of TAP."""

    def __init__(self):
        self._count = 0

    def point(self, good, text):
        self._count += 1
        say(f"{'' if good else 'not '}ok {self._count} - {text}")

    def end(self):
        say(f"1..{self._count}")


def _counts(results):
    count = collections.Counter(results.values())
    return ", ".join(f"{count[verdict]} {verdict}" for verdict in (PASS, FAIL, SKIP))


def _excerpt(test, output):
    """The last lines that a failed run has printed of a test."""
    lines = output.split(f"---- {test}\n")[-1].strip().splitlines()
    return lines[-SHOWN:]


def _show_lines(title, lines):
    say(f"# ---- {title}")
    for line in lines:
        say(f"#   {line}")


def _stats():
    return ctl("stats")


def _one_suite(suite, short, report):
    # In the short form only what fails is run over plain TCP.
    plain = {} if short else suite.everything(PLAIN)
    if plain:
        count = collections.Counter(plain.values())
        report.point(count[PASS] > PLAIN_RATIO * count[FAIL], f"{suite.name}, {PLAIN}: {_counts(plain)}")
    for mode in (DIVERTED, SWITCHING):
        before = _stats()
        found, results = suite.compare(plain, mode)
        after = _stats()
        ok, moved, taken = (after[key] - before[key]
                            for key in ("divert_ok", "tcp_moved", "tcp_back_admin"))
        report.point(not found, f"{suite.name}, {mode}: {_counts(results)}" +
                     "".join(f"; {test} differs" for test in found))
        for test, output in found.items():
            _show_lines(f"{test}, {mode}", _excerpt(test, output))
        report.point(moved > 0 and (mode == DIVERTED or taken > 0),
                     f"{suite.name}, {mode}: {ok} ends of connections were diverted, {moved} times a "
                     f"direction moved to a ring, {taken} times its flow was taken")
    for label, tests in (("flaky", suite.flaky), ("fails plain, too", suite.failing),
                         ("known difference", suite.known)):
        for test in sorted(tests):
            say(f"# {label}: {test}")


def main(names, short):
    for path in set(CGROUP.values()):
        path.mkdir(parents=True)
    (SYSCTLS / "divert_local").write_text("1")
    (SYSCTLS / "divert_delay_ms").write_text("0")
    subprocess.run(["schannelctl", "attach", "/diverted"], check=True)
    random.seed(seed := time.time_ns())
    say(f"# seed {seed}")
    report = Report()
    for name in names:
        _one_suite(Suite(name, short), short, report)
    report.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].split(","), "short" in sys.argv[2:]))
