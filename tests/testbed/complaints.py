# SPDX-License-Identifier: GPL-2.0-only
"""Finds in a console's log what a kernel or hypervisor complains about."""

import pathlib
import re
from dataclasses import dataclass

PATTERNS = re.compile("|".join((
    r"\bWARNING:", r"\bBUG[: ]", r"\bOops\b", r"\bkernel BUG at", r"general protection",
    r"Kernel panic", r"Unable to handle", r"unable to handle page fault", r"double fault",
    r"Call Trace:", r"Bad page state", r"list_(add|del) corruption", r"refcount_t",
    r"possible circular locking", r"possible recursive locking", r"inconsistent lock state",
    r"suspicious RCU usage", r"lock held when returning", r"bad unlock balance", r"possible irq lock inversion",
    r"invalid wait context", r"sleeping function called from invalid context",
    r"scheduling while atomic", r"workqueue lockup", r"\bKASAN\b", r"\bKCSAN\b", r"\bUBSAN\b",
    r"unreferenced object", r"new suspected memory leaks", r"ODEBUG",
    r"rcu: INFO: .*(stall|detected)", r"soft lockup", r"hard LOCKUP",
    r"task .* blocked for more than", r"Out of memory", r"invoked oom-killer",
    r"segfault at", r"trap(s:| ).* (divide error|invalid opcode)",
    r"stack-protector", r"leaked grant|deferring g\.e\.|g\.e\. .* still (in use|pending)",
    r"\(XEN\).*(Panic on CPU|Assertion .* failed|FATAL TRAP|Xen BUG at|Xen WARN at|Triple fault)",
    r"\(XEN\).*Bad (status|flags|grant|ref|handle|frame)",
    r"Domain-?\d* .*crashed|domain_crash",
)))

# What the pinned kernel, hypervisor and emulator say on a good day, and why
# that is no complaint. Each must match the line itself, as narrowly as it can.
ALLOWED = (
    # The kernel announces the switches it was built with.
    (r"^\W*(\[[^]]*\] )?(kasan|KASAN): KernelAddressSanitizer initialized", "boot banner"),
)
_ALLOWED = [re.compile(pattern) for pattern, _ in ALLOWED]

_NOISE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1bc|\r|\0")
_BEFORE, _AFTER = 2, 30


@dataclass
class Complaint:
    log: pathlib.Path
    line: int
    excerpt: str

    def __str__(self):
        return f"{self.log}:{self.line}:\n{self.excerpt}"


def lines(log):
    """A log's lines without what terminals and line endings add."""
    return _NOISE.sub("", log.read_bytes().decode(errors="replace")).split("\n")


def scan(log):
    """All complaints in a log; lines close together make one."""
    text = lines(log)
    found = []
    shown = -1
    for number, line in enumerate(text):
        if number <= shown or not PATTERNS.search(line):
            continue
        if any(allowed.search(line) for allowed in _ALLOWED):
            continue
        shown = number + _AFTER
        excerpt = text[max(0, number - _BEFORE):shown + 1]
        found.append(Complaint(log, number + 1, "\n".join("    " + each for each in excerpt)))
    return found
