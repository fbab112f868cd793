# SPDX-License-Identifier: GPL-2.0-only
"""Fifty domains, each of which may reach all others, and what that costs."""

import itertools
import signal
import time

from policy import ALL, expect

DOMAINS = 50
# The design's promise is "little"; these catch what is out of all proportion.
MEMORY_MAX_KIB = 8192
IDLE_CPU_MAX = 0.05


def fifty(world):
    """fifty domains all reach each other; what that costs"""
    world.policy(ALL)
    world.sweep = 60
    there = [world.create(f"d{number}", f"10.0.0.{number + 1}", f"fd00::{number + 1:x}")
             for number in range(DOMAINS)]
    start = time.monotonic()
    broker = world.start()
    first = time.monotonic() - start
    first_cpu = broker.cpu()
    world.paired(*itertools.combinations(there, 2))
    broker.end(signal.SIGKILL)

    start = time.monotonic()
    broker = world.start()
    again = time.monotonic() - start

    start = time.monotonic()
    there[7] = world.reboot(there[7])
    world.address(there[7], "10.0.1.7")
    front = world.front(there[7].domid, there[0].domid)
    while not world.store.text(f"{front}/state"):
        time.sleep(0.001)
    one = time.monotonic() - start
    world.paired(*itertools.combinations(there, 2))
    world.addresses(there[0], there[7], "10.0.1.7")

    used, start = broker.cpu(), time.monotonic()
    time.sleep(5)
    idle = (broker.cpu() - used) / (time.monotonic() - start)
    memory, resident = broker.memory(), broker.resident()
    expect(world.sanitized or memory < MEMORY_MAX_KIB, f"{memory} KiB of memory")
    expect(idle < IDLE_CPU_MAX, f"{idle * 100:.1f}% of a CPU when idle")
    return (f"{DOMAINS * (DOMAINS - 1) // 2} pairs in {first:.1f} s, {first_cpu:.2f} s of CPU; "
            f"started again in {again:.2f} s; a new domain's first pair after {one * 1000:.0f} ms; "
            f"{memory} KiB of its own, {resident} KiB resident; {idle * 100:.2f}% of a CPU idle")


def sweeping(world):
    """looking at everything, with fifty domains, costs little"""
    world.policy(ALL)
    world.sweep = 1
    there = [world.create(f"d{number}") for number in range(DOMAINS)]
    broker = world.start()
    world.paired(*itertools.combinations(there, 2))
    used, start = broker.cpu(), time.monotonic()
    time.sleep(5)
    used, took = broker.cpu() - used, time.monotonic() - start
    expect(used < took * 0.5, f"{used:.2f} s of CPU in {took:.1f} s, sweeping each second")
    return f"{used / took * 1000:.0f} ms of CPU each time"


CASES = (fifty, sweeping)
