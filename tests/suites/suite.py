# SPDX-License-Identifier: GPL-2.0-only
"""What a foreign suite is to the driver: see README.md."""

import dataclasses
import re

PASS, FAIL, SKIP = "pass", "fail", "skip"

# Where the driver and what the suites' build() made are, in the VM.
HERE = "/usr/local/suites"


@dataclasses.dataclass(frozen=True)
class Program:
    """One process of a suite, which reports any number of tests.

    command    what is run, with
    arguments  behind it; or with those of the suite's only(), to run one test of it again
    limit      seconds it may take, on the emulator
    """
    name: str
    command: tuple
    limit: float = 120
    arguments: tuple = ()
    cwd: str = "/tmp"
    environment: tuple = ()


def by_status(skipped=()):
    """A reader of programs that are one test each, whose exit status is the result."""
    def read(program, status, _output):
        verdict = PASS if status == 0 else SKIP if status in skipped else FAIL
        return {program.name: verdict}
    return read


_POINT = re.compile(r"^\s*(not )?ok +(\d+)(?: +-?)? *([^#\n]*?) *(?:# *(SKIP|TODO)\b.*)?$",
                    re.MULTILINE | re.IGNORECASE)


def by_tap(named=True):
    """A reader of programs that report in TAP; the tests are known by name, or by number."""
    def read(program, status, output):
        results = {}
        for failed, number, name, directive in _POINT.findall(output):
            label = name if named and name else number
            verdict = SKIP if directive else FAIL if failed else PASS
            results[f"{program.name}: {label}"] = verdict
        # A program that dies early, or fails for another reason than a test.
        if status and FAIL not in results.values():
            results[program.name] = FAIL
        return results or {program.name: SKIP}
    return read
