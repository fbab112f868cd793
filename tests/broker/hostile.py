# SPDX-License-Identifier: GPL-2.0-only
"""Cases of hostile domains, which write any data to the nodes that they may write."""

import itertools
import os
import random
import threading
import time

from policy import ALL, expect
from world import until

TRUSTING = "group t\n domain *\n addresses announced\n reach self\n"


def garbage(world):
    """an announcement that is not a list of addresses is ignored"""
    a, b = world.create("a"), world.create("b")
    world.policy(TRUSTING)
    world.start()
    world.paired((a, b))
    rng = random.Random(1)
    for value in (b"x" * 2000, os.urandom(2000), b"\0" * 100, b"10.0.0.1\0 10.0.0.2",
                  b"10.0.0.1;10.0.0.2", b"10.0.0.1\n", b"10.0.0.1/8", b"1 " * 1000,
                  b"%s%n%d" * 50, b"../../../../local/domain/0/name", b"127.0.0.1 ::1 0.0.0.0",
                  b"224.0.0.1 255.255.255.255 ff02::1 fe80::1", b"1.2.3 1.2.3.4.5 ::::",
                  bytes(rng.randrange(256) for _ in range(1000))):
        world.announce(a, value)
        # The broker has read the first announcement once it has published the second.
        mark = f"10.9.{rng.randrange(250)}.{rng.randrange(1, 250)}"
        world.announce(b, mark)
        world.addresses(a, b, mark)
        world.addresses(b, a)
    world.announce(a, b" ".join(b"10.0.%d.1" % i for i in range(90)))
    until(lambda: world.value(b, a, "peer-addresses"), "the list of addresses that is too long")
    expect(len(world.value(b, a, "peer-addresses")) < 800, "the published list exceeds its limit")


def address_theft(world):
    """a domain that announces the address of another domain does not get it"""
    victim, a = world.create("victim", "10.0.0.1"), world.create("a")
    b, peer = world.create("b"), world.create("peer")
    world.policy(TRUSTING)
    world.start()
    world.announce(a, "10.0.0.1 10.0.0.2")
    world.announce(b, "10.0.0.2 10.0.0.3")
    world.paired(*itertools.combinations((victim, a, b, peer), 2))
    world.addresses(peer, b, "10.0.0.3")
    world.addresses(peer, a)
    world.addresses(peer, victim, "10.0.0.1")
    victim = world.reboot(victim)
    world.address(victim, "10.0.0.1")
    world.addresses(peer, victim, "10.0.0.1")
    world.addresses(peer, a)


def own_nodes(world):
    """a domain that destroys its own nodes affects only its own channels"""
    a, b, c = (world.create(name) for name in "abc")
    world.policy(ALL)
    world.scan_interval = 1
    world.start()
    pairs = tuple(itertools.combinations((a, b, c), 2))
    world.paired(*pairs)
    end = world.end(c, a)
    for key in ("state", "dir-ref", "port-0"):
        world.store.write(f"{end}/{key}", os.urandom(2000))
    world.store.write(end, os.urandom(2000))
    for number in range(3000):
        world.store.write(f"{end}/node-{number}", "x")
    for number in range(1000):
        world.store.write(f"/local/domain/{c.domid}/data/schannel/{number}", "x")
    world.store.write(f"/local/domain/{c.domid}/data/schannel/addresses/deeper", "x")
    d = world.create("d")
    pairs = tuple(itertools.combinations((a, b, c, d), 2))
    world.paired(*pairs)
    # The domain removes its ends: a scan restores them.
    for peer in (a, b, d):
        world.store.remove(world.end(c, peer))
    world.paired(*pairs)
    world.destroy(c)
    world.paired(*itertools.combinations((a, b, d), 2))


def foreign_nodes(world):
    """a domain's nodes about other domains and devices are ignored"""
    a, b, c = (world.create(name) for name in "abc")
    world.policy("group g\n domain a b\n reach self\ngroup h\n domain c\n"
                 " addresses announced\n")
    world.scan_interval = 1
    broker = world.start()
    world.paired((a, b))
    home = f"/local/domain/{c.domid}"
    for path, value in (
            (f"{home}/data/schannel/name", "a"), (f"{home}/data/name", "a"),
            (f"{home}/data/schannel/uuid", a.uuid),
            (f"{home}/device/vif/0/ip", "10.0.0.1"),
            (f"{home}/device/vif/0/backend", f"/local/domain/{a.domid}/backend"),
            (f"{home}/backend/vif/{c.domid}/0/ip", "10.0.0.1"),
            (f"{home}/backend/vif/{a.domid}/0/ip", "10.0.0.2")):
        world.store.write(path, value)
    # This domain has no pair, so its announcement must not cause one.
    world.announce(c, "10.0.0.77")
    before = broker.cpu()
    until(lambda: broker.cpu() > before or world.log().count("STATUS"), "a scan", 60)
    world.paired((a, b))
    world.addresses(a, b)


def storm(world):
    """a storm of events does not delay other domains, and uses a bounded share of a CPU"""
    a, b, c = (world.create(name) for name in "abc")
    world.policy(TRUSTING)
    broker = world.start()
    world.paired(*itertools.combinations((a, b, c), 2))
    stop = threading.Event()
    written = 0

    def flood():
        nonlocal written
        client = world.client()
        path = f"/local/domain/{c.domid}/data/schannel/addresses"
        while not stop.is_set():
            client.flood(path, b"10.3.0.%d" % (written // 1000 % 250 + 1), 1000)
            written += 1000
        client.close()
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        until(lambda: "too many xenstore events" in world.log(), "its events to be ignored")
        start, used, worst = time.monotonic(), broker.cpu(), 0.0
        for number in range(10):
            since = time.monotonic()
            world.address(a, f"10.4.0.{number + 1}")
            world.addresses(b, a, f"10.4.0.{number + 1}")
            worst = max(worst, time.monotonic() - since)
        took, used = time.monotonic() - start, broker.cpu() - used
    finally:
        stop.set()
        thread.join()
    expect(worst < 20, f"another domain's change took {worst:.1f} s")
    expect(used < 0.3 * took + 0.2, f"{used:.2f} s of CPU in {took:.1f} s")
    expect(world.log().count("too many xenstore events") == 1, "the flood is logged more than once")
    return (f"{written} writes; another domain's change took at most {worst * 1000:.0f} ms, "
            f"{used * 1000:.0f} ms of CPU in {took:.1f} s")


def storm_ends(world):
    """the events of a domain are handled again after the next scan"""
    a, b = world.create("a"), world.create("b")
    world.policy(TRUSTING)
    world.scan_interval = 2
    world.start()
    world.paired((a, b))
    world.store.flood(f"/local/domain/{a.domid}/data/schannel/addresses", b"10.0.0.1", 5000)
    until(lambda: "too many xenstore events" in world.log(), "its events to be ignored")
    world.announce(a, "10.0.0.2")
    world.addresses(b, a, "10.0.0.2")


CASES = (garbage, address_theft, own_nodes, foreign_nodes, storm, storm_ends)
