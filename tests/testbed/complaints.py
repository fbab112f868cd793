# SPDX-License-Identifier: GPL-2.0-only
"""Finds complaints of a kernel or hypervisor in a console's log."""

import pathlib
import re
from dataclasses import dataclass

PATTERNS = re.compile("|".join((
    r"\bWARNING:", r"\bBUG[: ]", r"\bOops\b", r"\bkernel BUG at", r"general protection",
    r"Kernel panic", r"Unable to handle", r"unable to handle page fault", r"double fault",
    r"Call Trace:", r"Bad page state", r"list_(add|del) corruption", r"refcount_t",
    r"possible circular locking", r"possible recursive locking", r"inconsistent lock state",
    r"possible irq lock inversion", r"suspicious RCU usage", r"lock held when returning",
    r"bad unlock balance", r"invalid wait context", r"scheduling while atomic",
    r"sleeping function called from invalid context", r"workqueue lockup",
    r"\bKASAN\b", r"\bKCSAN\b", r"\bUBSAN\b", r"unreferenced object", r"new suspected memory leaks",
    r"ODEBUG", r"rcu: INFO: .*(stall|detected)", r"soft lockup", r"hard LOCKUP",
    r"task .* blocked for more than", r"Out of memory", r"invoked oom-killer",
    r"segfault at", r"trap(s:| ).* (divide error|invalid opcode)",
    r"pagealloc: (memory corruption|single bit error)", r"ref_tracker: .* has .* users",
    r"unregister_netdevice: waiting for", r"turning off the locking correctness validator",
    r"kmemleak: .*(disabled|pool empty)",
    r"stack-protector", r"leaked grant|deferring g\.e\.|g\.e\. .* still (in use|pending)",
    r"\(XEN\).*(Panic on CPU|Assertion .* failed|FATAL TRAP|Xen BUG at|Xen WARN at|Triple fault)",
    r"\(XEN\).*Bad (status|flags|grant|ref|handle|frame)",
    r"Domain-?\d* .*crashed|domain_crash",
)))

# Lines that match a pattern above and are harmless, with the reason. Each expression should
# match as little else as possible.
ALLOWED = (
    # The kernel announces that it was built with KASAN.
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
    """A log's lines without escape sequences and carriage returns."""
    return _NOISE.sub("", log.read_bytes().decode(errors="replace")).split("\n")


def scan(log):
    """All complaints in a log; matching lines close together are one."""
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


# Linux reserves ffff8000... to ffff87ff... for the hypervisor: a Linux guest never has such an
# address in a register.
_XENS_OWN = re.compile(r"\bffff8[0-7][0-9a-f]{10}\b")
_TRIPLE_FAULT = re.compile(r"\(XEN\).*Triple fault")
_DUMP_LINES = 40


def _triple_fault(text):
    for number, line in enumerate(text):
        if _TRIPLE_FAULT.search(line):
            dump = text[number:number + _DUMP_LINES]
            if any("(XEN)" in each and _XENS_OWN.search(each) for each in dump):
                return "a PVH domU's triple fault with Xen's own address in its registers"
    return None


def _netback_panic(text):
    whole = "\n".join(text)
    panic = re.search(r"Kernel panic|Fatal exception", whole)
    trace = whole[:panic.end()].rsplit("------------[ cut here", 1)[-1] if panic else ""
    if re.search(r"RIP: .*(gnttab_|xenvif_|\[xen_netback\])", trace) and "schannel" not in trace:
        return "dom0 died in netback's grant mapping, outside this project's code"
    return None


# The kernel patches its code by way of a breakpoint. Another vCPU of the emulator can still
# run into it after the kernel has replaced it.
_INT3 = re.compile(r"Oops: int3")
_PROGRAM_FAULT = re.compile(r"(\S+)\[\d+\]:? (segfault at|general protection fault)")


def stray_breakpoint(log):
    """The fault that a console shows of code patching, unless our modules are in the trace."""
    text = lines(log)
    for number, line in enumerate(text):
        if _INT3.search(line) and "schannel" not in "".join(text[number:number + _DUMP_LINES]):
            return "a kernel ran into a breakpoint of its own code patching"
    return None


def _program_fault(text):
    for line in text:
        found = _PROGRAM_FAULT.search(line)
        if found and not found[1].startswith("schannel"):
            return f"{found[1]}, a program in dom0, died of a fault"
    return None


# Every message of this project's modules contains this.
_OURS = re.compile(r"schannel")


def _before_ours(folder):
    """The fault, if every complaint of a domU came before a module of ours was loaded."""
    guests = sorted(folder.glob("u*.console"))
    found = [(log, complaint) for log in guests for complaint in scan(log)]
    for log, complaint in found:
        if any(_OURS.search(line) for line in lines(log)[:complaint.line]):
            return None
    if found:
        return f"{found[0][0].stem}'s kernel complained before a module of this project was loaded"
    return None


def emulator_fault(folder):
    """A known fault of TCG that these logs show, as text, or None."""
    console = folder / "xen-dom0.console"
    dom0 = lines(console)
    return (_triple_fault(dom0) or _netback_panic(dom0) or stray_breakpoint(console) or
            _program_fault(dom0) or _before_ours(folder))
