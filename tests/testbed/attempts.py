# SPDX-License-Identifier: GPL-2.0-only
"""Repeats a run that failed because of a known fault of the emulator."""

from report import say


def run(boot, fault_of, repeats, accel, output):
    """Boot until the emulator is not at fault, repeats times more at most. -> logs.Verdict

    boot() returns (logs.Verdict, log folder); fault_of(verdict, folder) the fault as text, or
    None. Only TCG has such faults. Until it is known whether a run is repeated, output holds
    its failures back.
    """
    if accel != "tcg":
        return boot()[0]
    output.hold_failures()
    for left in reversed(range(repeats + 1)):
        verdict, folder = boot()
        fault = fault_of(verdict, folder) if verdict.code else None
        if not fault:
            return verdict
        say("*" * 70)
        say(f"EMULATOR FAULT, not a result: {fault}")
        say(f"({folder}) " + (f"The run is repeated, at most {left} times more."
                              if left else "No repetition is left: this counts as a failure."))
        say("*" * 70)
        if left:
            output.restart()
    return verdict
