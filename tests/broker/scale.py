# SPDX-License-Identifier: GPL-2.0-only
"""Cases with fifty domains, all of them paired: time, CPU and memory."""

import itertools
import signal
import time

from policy import ALL, expect

DOMAINS = 50
# Limits far above the measured values: they fail if a cost grows by an order of magnitude.
MEMORY_MAX_KIB = 8192
IDLE_CPU_MAX = 0.05


def fifty(world):
    """fifty domains are all paired, within limits of memory and idle CPU time"""
    world.policy(ALL)
    world.scan_interval = 60
    domains = [world.create(f"d{number}", f"10.0.0.{number + 1}", f"fd00::{number + 1:x}")
             for number in range(DOMAINS)]
    start = time.monotonic()
    broker = world.start()
    first = time.monotonic() - start
    first_cpu = broker.cpu()
    world.paired(*itertools.combinations(domains, 2))
    broker.end(signal.SIGKILL)

    start = time.monotonic()
    broker = world.start()
    again = time.monotonic() - start

    start = time.monotonic()
    domains[7] = world.reboot(domains[7])
    world.address(domains[7], "10.0.1.7")
    front = world.front(domains[7].domid, domains[0].domid)
    while not world.store.text(f"{front}/state"):
        time.sleep(0.001)
    one = time.monotonic() - start
    world.paired(*itertools.combinations(domains, 2))
    world.addresses(domains[0], domains[7], "10.0.1.7")

    used, start = broker.cpu(), time.monotonic()
    time.sleep(5)
    idle = (broker.cpu() - used) / (time.monotonic() - start)
    memory, resident = broker.memory(), broker.resident()
    expect(world.sanitized or memory < MEMORY_MAX_KIB, f"{memory} KiB of memory")
    expect(idle < IDLE_CPU_MAX, f"{idle * 100:.1f}% of a CPU when idle")
    return (f"{DOMAINS * (DOMAINS - 1) // 2} pairs in {first:.1f} s, {first_cpu:.2f} s of CPU; "
            f"restarted in {again:.2f} s; a new domain's first pair after {one * 1000:.0f} ms; "
            f"{memory} KiB of private memory, {resident} KiB resident; "
            f"{idle * 100:.2f}% of a CPU when idle")


def scanning(world):
    """a scan of fifty domains uses a limited share of a CPU"""
    world.policy(ALL)
    world.scan_interval = 1
    domains = [world.create(f"d{number}") for number in range(DOMAINS)]
    broker = world.start()
    world.paired(*itertools.combinations(domains, 2))
    used, start = broker.cpu(), time.monotonic()
    time.sleep(5)
    used, took = broker.cpu() - used, time.monotonic() - start
    expect(used < took * 0.5, f"{used:.2f} s of CPU in {took:.1f} s, with a scan each second")
    return f"{used / took * 1000:.0f} ms of CPU for each scan"


CASES = (fifty, scanning)
