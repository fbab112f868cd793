# SPDX-License-Identifier: GPL-2.0-only
"""The harness's own messages, on stderr; stdout is for the guests' output."""

import contextlib
import sys
import time


class Failure(Exception):
    """The run cannot go on; the text gives the reason and the remedy."""


def say(text):
    print(f"testbed: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text):
    """Report a step's beginning, and how long it took."""
    say(f"{text} ...")
    start = time.monotonic()
    yield
    say(f"{text}: {time.monotonic() - start:.1f} s")
