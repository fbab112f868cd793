# SPDX-License-Identifier: GPL-2.0-only
"""Where a run leaves its consoles, and the verdict drawn from them."""

import pathlib
import sys
import time

import complaints
from report import say

TREE = pathlib.Path(__file__).resolve().parents[2]

# What a run exits with when it is not the guest's command that decides.
NOT_UP, HANG, BROKEN, COMPLAINT = 123, 124, 125, 126

# Lines shown of each console when a machine stops without a complaint.
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


def to_stdout(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def verdict(outcome, folder):
    """Say how a run ended; -> its exit code, 0 only for a success nobody complained about."""
    found = [each for log in sorted(folder.glob("*.console")) for each in complaints.scan(log)]
    for complaint in found:
        say(f"COMPLAINT in {complaint}")
    if outcome.status is None:
        code = HANG if outcome.reason.startswith("time limit") else BROKEN
        if not found:
            for log in sorted(folder.glob("*.console")):
                last = "\n    ".join(complaints.lines(log)[-_LAST_WORDS:])
                say(f"the end of {log}:\n    {last}")
        say(f"FAILED: {outcome.reason}")
    elif outcome.status:
        code = outcome.status
        say(f"FAILED: exit status {outcome.status}")
    elif found:
        code = COMPLAINT
        say(f"FAILED: {len(found)} complaint(s) in the consoles")
    else:
        return 0
    say(f"logs are in {folder}")
    return code
