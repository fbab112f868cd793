# SPDX-License-Identifier: GPL-2.0-only
"""What a run prints on stdout: one TAP stream, whatever the guest's programs print.

A guest may run several programs that each report in TAP and number their points from 1.
Stream renumbers the points, checks the programs' own plans, turns all other output into
comments, and prints one plan at the end, so that prove(1) can read every run.
"""

import re
import sys

_POINT = re.compile(r"(?P<failed>not )?ok(?: +(?P<number>\d+))?(?: +(?:- )?(?P<name>.*))?$")
_PLAN = re.compile(r"1\.\.(?P<count>\d+)\s*(?:#\s*SKIP\b\s*(?P<reason>.*))?$", re.IGNORECASE)


def _one_line(text):
    return text.split("\n", 1)[0]


class Raw:
    """Passes a guest's output on as it comes."""

    failed = 0

    def hold_failures(self):
        pass

    def restart(self):
        pass

    def feed(self, data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def end(self, *_):
        pass


class Stream:
    def __init__(self, out=sys.stdout):
        self._out = out
        self._line = b""
        self._count = 0		# points printed
        self._seen = 0		# points of the guest program that reports now
        self._planned = None	# its plan, if that came first
        self._held = None	# failed points to be printed at the end
        self._failed = 0

    @property
    def failed(self):
        """How many points have failed."""
        return self._failed + len(self._held or ())

    def hold_failures(self):
        """Print failures as comments only; end() reports them, unless there is a restart."""
        self._held = []

    def restart(self):
        """The run is repeated: forget the failures that are held back."""
        self._line, self._seen, self._planned, self._held = b"", 0, None, []

    def feed(self, data):
        """Output of the guest, in pieces of any length."""
        *whole, self._line = (self._line + data).split(b"\n")
        for line in whole:
            self._read(line.decode(errors="replace").rstrip("\r"))

    def end(self, name, problem=""):
        """The last point: whether the run itself ended well. Then the plan."""
        if self._line:
            self.feed(b"\n")
        self._close()
        for held in self._held or ():
            self._print(False, held)
        self._held = None
        self._point(not problem, f"{name}: {_one_line(problem) or 'ended without a complaint'}")
        self._say(f"1..{self._count}")

    def _say(self, text):
        print(text, file=self._out, flush=True)

    def _print(self, good, name):
        self._count += 1
        self._failed += not good
        self._say(f"{'ok' if good else 'not ok'} {self._count}" + (f" - {name}" if name else ""))

    def _point(self, good, name):
        if good or self._held is None:
            self._print(good, name)
        else:
            self._held.append(name)
            self._say(f"# not ok - {name}")

    def _close(self):
        """The end of one program's points."""
        if self._planned not in (None, self._seen):
            self._point(False, f"{self._planned} points were planned, {self._seen} reported")
        self._seen, self._planned = 0, None

    def _plan(self, count, reason):
        if reason is not None and not count:
            self._point(True, f"all of it # SKIP {reason}")
        elif self._seen and self._planned is None:
            self._planned = count
            self._close()
        else:
            self._close()
            self._planned = count

    def _read(self, line):
        if point := _POINT.match(line):
            if point["number"] == "1" and self._seen:
                self._close()
            self._seen += 1
            self._point(not point["failed"], point["name"] or "")
        elif plan := _PLAN.match(line):
            self._plan(int(plan["count"]), plan["reason"])
        elif line.startswith("Bail out!"):
            # For prove that would be the end of all other runs, too.
            self._point(False, line)
        elif line.startswith("#"):
            self._say(line)
        elif line.strip() and not line.startswith("TAP version "):
            self._say(f"# {line}")
