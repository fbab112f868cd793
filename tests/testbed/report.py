# SPDX-License-Identifier: GPL-2.0-only
"""What the harness itself says: progress to stderr, guests' own output to stdout."""

import contextlib
import sys
import time


class Failure(Exception):
    """The harness cannot go on; the text says why and what to do."""


def say(text):
    print(f"testbed: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text):
    """Say what is being done and how long it took."""
    say(f"{text} ...")
    start = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - start:.1f} s")
