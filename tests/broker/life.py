# SPDX-License-Identifier: GPL-2.0-only
"""Cases of domains and brokers that start and end."""

import itertools
import random
import signal
import time

from policy import ALL, expect
from world import TREE, Broker, until


def create_and_destroy(world):
    """a new domain gets its pairs, and a destroyed one loses them"""
    world.policy(ALL)
    world.start()
    a = world.create("a")
    world.paired()
    b = world.create("b")
    world.paired((a, b))
    c = world.create("c")
    world.paired((a, b), (a, c), (b, c))
    world.destroy(b)
    world.paired((a, c))
    world.destroy(c, tree_first=True)
    world.paired()


def reboots(world):
    """a rebooted domain gets its pairs again under its new domain ID"""
    a, b = world.create("a"), world.create("b")
    world.policy(ALL)
    world.start()
    world.paired((a, b))
    for _ in range(5):
        a = world.reboot(a)
        world.paired((a, b))


def reused(world):
    """a domain ID that is used three hundred times leaves nothing behind"""
    world.policy(ALL)
    a = world.create("a", "10.0.0.1")
    broker = world.start()
    domid = a.domid + 1
    before = memory = None
    for number in range(300):
        world._next = domid
        b = world.create(f"b{number}", f"10.0.1.{number % 250}")
        world.paired((a, b))
        world.destroy(b, tree_first=number % 2)
        world.paired()
        # the first ones create directories that stay
        if number == 9:
            until(lambda: not world.store.list(f"/local/domain/{domid}"), "the nodes to go")
            before, memory = world.tree(), broker.memory()
    until(lambda: world.tree() == before, lambda: "the nodes to be as before; too many: "
          f"{sorted(world.tree() - before)[:10]}, missing: {sorted(before - world.tree())[:10]}")
    grown = broker.memory() - memory
    expect(world.sanitized or grown < 512, f"the broker has grown by {grown} KiB")
    return f"{len(before)} nodes, the broker has grown by {grown} KiB"


def renamed(world):
    """a renamed domain has its new name at the peers, and the pairs of its new group"""
    a, b, c = world.create("a"), world.create("b"), world.create("c")
    world.policy("group g\n domain a b x*\n reach self\n")
    world.start()
    world.paired((a, b))
    a = world.rename(a, "x-1")
    world.paired((a, b))
    b = world.rename(b, "nobody")
    world.paired()
    c = world.rename(c, "b")
    world.paired((a, c))


def building(world):
    """a domain that is not completely built, or not completely destroyed, has no pair"""
    a = world.create("a")
    world.policy(ALL)
    world.start()
    domid = a.domid + 1
    half = world._nodes(domid, "half", "00000000-0000-0000-0000-00000000000f")
    b = world.rename(a, "b")
    world._next = domid + 1
    c = world.create("c")
    world.paired((b, c))
    world.store.introduce(domid)
    world.paired((b, c), (b, half), (half, c))
    world.store.release(domid)
    world.paired((b, c))


def changes_without_broker(world):
    """a new broker handles the changes since the last one ended"""
    a, b, c, d = (world.create(name) for name in "abcd")
    world.policy(ALL)
    world.start().end(signal.SIGKILL)
    world.paired(*itertools.combinations((a, b, c, d), 2))
    a = world.reboot(a)
    world.destroy(b)
    world.destroy(c)
    d = world.rename(d, "e")
    world.address(d, "10.0.0.4")
    broker = world.start()
    world.paired((a, d))
    world.addresses(a, d, "10.0.0.4")
    broker.end()
    world.policy("")
    world.start()
    world.paired()


def unchanged(world):
    """a broker that starts or stops does not change a valid pair"""
    a, b = world.create("a", "10.0.0.1"), world.create("b")
    world.policy(ALL)
    broker = world.start()
    world.paired((a, b))
    watcher = world.client()
    for path in world.end(a, b), world.end(b, a):
        watcher.watch(path)
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        expect(broker.end(how) == (0 if how == signal.SIGTERM else -how), "wrong exit status")
        broker = world.start()
    world.paired((a, b))
    expect(not watcher.take_events(), "the pair was changed")


def manual_pair(world):
    """a pair created with schannelctl stays, whatever the policy says"""
    a, b, c, d = (world.create(name) for name in "abcd")
    expect(world.tool("schannelctl", "pair", "a", "b").returncode == 0, "schannelctl pair failed")
    watcher = world.client()
    for path in world.end(a, b), world.end(b, a):
        watcher.watch(path)
    world.scan_interval = 1
    world.policy("group g\n domain a b\n reach self\ngroup h\n domain c d\n reach self\n")
    broker = world.start()
    world.address(a, "10.0.0.1")
    world.address(c, "10.0.0.3")
    world.addresses(d, c, "10.0.0.3")
    world.policy("")
    broker.reload()
    world.paired((a, b))
    expect(not watcher.take_events(), "the pair was changed")
    expect(world.tool("schannelctl", "unpair", "a", "b").returncode == 0,
           "schannelctl unpair failed")
    world.paired()


def manual_unpair(world):
    """a pair that schannelctl removed comes back if the policy allows it"""
    a, b = world.create("a"), world.create("b")
    world.policy(ALL)
    world.scan_interval = 1
    world.start()
    world.paired((a, b))
    expect(world.tool("schannelctl", "unpair", "a", "b").returncode == 0,
           "schannelctl unpair failed")
    until(lambda: world.log().count("paired domains") == 2, "the pair to come back")
    world.paired((a, b))


def only_one(world):
    """a second broker reports the first one and ends"""
    world.start()
    expect(Broker(world, wait=False).process.wait() == 1, "the second broker runs")
    expect("another schanneld is running" in world.log(), "the second broker logs no reason")
    done = world.tool("schannelctl", "reload", world.folder / "nothing")
    expect(done.returncode == 1 and "does not run" in done.stderr, done.stderr)


def command_line(world):
    """--help and --version print to standard output; a usage error ends with 2"""
    version = (TREE / "VERSION").read_text().strip()
    for option, wanted in (("--help", "Usage: schanneld [OPTIONS]"), ("-h", "  -p, --policy=FILE"),
                           ("--version", f"schanneld {version}"), ("-V", f"schanneld {version}")):
        done = world.tool("schanneld", option)
        expect(done.returncode == 0 and not done.stderr and wanted in done.stdout,
               f"schanneld {option}: {done}")
    for arguments in ("--xyzzy",), ("argument",), ("--scan-interval=0",), ("-s", "3601"):
        done = world.tool("schanneld", *arguments)
        expect(done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1,
               f"schanneld {arguments}: {done}")


def manager(world):
    """the broker notifies the service manager: ready, alive, and stopping"""
    world.broker_environment = {"WATCHDOG_USEC": "200000"}
    broker = world.start()
    broker.await_message("WATCHDOG=1")
    broker.await_message("WATCHDOG=1")
    broker.process.send_signal(signal.SIGTERM)
    broker.await_message("STOPPING=1")


def without_store(world):
    """the broker ends with a failure when xenstored has ended"""
    broker = world.start()
    world.daemon.process.kill()
    until(lambda: broker.process.poll() is not None, "the broker to end", 20)
    expect(broker.process.returncode == 1, f"exit status {broker.process.returncode}")


def killed(world):
    """after kills at any time, while domains change, the next broker completes all pairs"""
    rng = random.Random(4)
    groups = {"web": {"web", "db"}, "db": {"web"}, "lone": set()}
    world.policy("group web\n domain web*\n reach self db\ngroup db\n domain db*\n"
                 "group lone\n domain lone*\n")
    kills = 0
    broker = Broker(world, wait=False)
    for step in range(300):
        domains = list(world.domains.values())
        what = rng.randrange(8)
        if (what < 3 and len(domains) < 30) or len(domains) < 4:
            world.create(f"{rng.choice(list(groups))}{step}", f"10.1.{step // 250}.{step % 250}")
        elif what == 3:
            world.destroy(rng.choice(domains), tree_first=rng.random() < 0.5)
        elif what == 4:
            world.reboot(rng.choice(domains))
        elif what == 5:
            world.rename(rng.choice(domains), f"{rng.choice(list(groups))}{step}")
        elif what == 6:
            world.address(rng.choice(domains), f"10.2.{step // 250}.{step % 250}")
        elif len(domains) > 15:
            world.destroy(rng.choice(domains))
        if rng.random() < 0.3:
            time.sleep(rng.random() * 0.03)
            broker.end(signal.SIGKILL)
            kills += 1
            broker = Broker(world, wait=False)
    domains = list(world.domains.values())

    def group(domain):
        return domain.name.rstrip("0123456789")
    world.paired(*((a, b) for a, b in itertools.combinations(domains, 2)
                   if group(b) in groups[group(a)]))
    for a, b in itertools.permutations(domains, 2):
        if group(b) in groups[group(a)]:
            world.addresses(a, b, *(
                world.store.text(f"/local/domain/0/backend/vif/{b.domid}/0/ip") or "").split())
    broker.end(signal.SIGKILL)
    return f"{kills} times, {len(domains)} domains at the end"


CASES = (create_and_destroy, reboots, reused, renamed, building, changes_without_broker, unchanged,
         manual_pair, manual_unpair, only_one, command_line, manager, without_store, killed)
