# SPDX-License-Identifier: GPL-2.0-only
"""The folder with a run's consoles, and the run's verdict."""

import pathlib
import time
from dataclasses import dataclass

import complaints
from report import say

TREE = pathlib.Path(__file__).resolve().parents[2]

# Exit statuses of a run that are not the guest command's.
NOT_UP, HANG, BROKEN, COMPLAINT = 123, 124, 125, 126


@dataclass
class Verdict:
    """How a run ended: its exit status, and what was wrong unless that is 0."""
    code: int
    problem: str = ""


# Lines shown of each console if a machine stops without a complaint.
_LAST_WORDS = 12


def directory(name):
    """A new folder build/logs/NAME-<timestamp>."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f".{n}" for n in range(2, 100))):
        path = TREE / "build" / "logs" / f"{name}-{stamp}{suffix}"
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            continue
    raise FileExistsError(path)


def verdict(outcome, folder):
    """Say how a run ended; -> Verdict, a good one only without a complaint in any console."""
    found = [each for log in sorted(folder.glob("*.console")) for each in complaints.scan(log)]
    for complaint in found:
        say(f"COMPLAINT in {complaint}")
    if outcome.status is None:
        code = HANG if outcome.reason.startswith("time limit") else BROKEN
        if not found:
            for log in sorted(folder.glob("*.console")):
                last = "\n    ".join(complaints.lines(log)[-_LAST_WORDS:])
                say(f"the end of {log}:\n    {last}")
        problem = outcome.reason
    elif outcome.status:
        code = outcome.status
        problem = f"exit status {outcome.status}"
    elif found:
        code = COMPLAINT
        problem = f"{len(found)} complaint(s) in the consoles"
    else:
        return Verdict(0)
    say(f"FAILED: {problem}")
    say(f"logs are in {folder}")
    return Verdict(code, problem)
