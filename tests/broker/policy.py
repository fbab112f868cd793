# SPDX-License-Identifier: GPL-2.0-only
"""Cases of the policy: which domains may reach which, their addresses, and changes."""

import itertools

from world import TREE, Broker, Failed, until

ALL = "group all\n domain *\n reach self\n"


def expect(condition, text):
    if not condition:
        raise Failed(text)


def empty_policy(world):
    """an empty policy pairs no domains"""
    world.create("a")
    world.create("b")
    world.policy("# nothing\n")
    world.start()
    world.paired()


def groups(world):
    """a group reaches the groups that it names, in both directions, and no others"""
    web1, web2 = world.create("web-1"), world.create("web-2")
    db, lone = world.create("db"), world.create("lone")
    named = world.create("anything")
    world.policy(f"""
        group web
            domain web-*        # by pattern
            reach db
        group db
            domain db           # by name
            uuid {named.uuid.upper()}
            reach self
        group lone
            domain lone
    """)
    world.start()
    world.paired((web1, db), (web2, db), (web1, named), (web2, named), (db, named))
    expect(lone in world.domains.values(), "the domain without a peer is missing")


def first_group(world):
    """a domain is in the first group that matches it"""
    a, b = world.create("a"), world.create("b")
    world.create("c")
    world.policy("group none\n domain c\n" + ALL)
    world.start()
    world.paired((a, b))


def control_domain(world):
    """a pattern does not match the control domain, but its name does"""
    a, b = world.create("a"), world.create("b")
    world.policy(ALL)
    broker = world.start()
    world.paired((a, b))
    world.policy("group all\n domain * Domain-0\n reach self\n")
    broker.reload()
    world.paired((a, b), (a, world.domain0), (b, world.domain0))


def memory(world):
    """each end has the memory limit of its own group"""
    a, b = world.create("a"), world.create("b")
    world.policy("group a\n domain a\n memory 16\n reach b\ngroup b\n domain b\n")
    broker = world.start()
    world.paired((a, b))
    expect(world.value(a, b, "pool-mib") == "16", "the end of a does not have its limit")
    expect(world.value(b, a, "pool-mib") == "", "the end of b has a limit")
    world.policy("group a\n domain a\n reach b\ngroup b\n domain b\n memory 8\n")
    broker.reload()
    until(lambda: world.value(a, b, "pool-mib") == "" and world.value(b, a, "pool-mib") == "8",
          "the new limits")


def reloads(world):
    """SIGHUP and schannelctl reload change the pairs; pairs that stay allowed do not change"""
    a, b, c = (world.create(name) for name in "abc")
    world.policy("group g\n domain a b\n reach self\n")
    broker = world.start()
    world.paired((a, b))
    watcher = world.client()
    for path in world.end(a, b), world.end(b, a):
        watcher.watch(path)
    world.policy("group g\n domain a b c\n reach self\n")
    broker.reload()
    world.paired((a, b), (a, c), (b, c))
    world.policy("group g\n domain a b\n reach self\n")
    done = world.tool("schannelctl", "reload", world.lock)
    expect(done.returncode == 0, f"schannelctl reload: {done.stderr}")
    broker.await_message("RELOADING=1")
    world.paired((a, b))
    expect(not watcher.take_events(), "the pair that stays was changed")
    world.policy("")
    broker.reload()
    world.paired()


def bad_policies(world):
    """an invalid policy is refused with file and line, and the previous one stays"""
    a, b = world.create("a"), world.create("b")
    world.policy(ALL)
    broker = world.start()
    world.paired((a, b))
    for text, line, reason in (
            ("grup x\n", 1, "unknown keyword 'grup'; did you mean 'group'?"),
            ("\ndomain x\n", 2, "before the first group"),
            ("group x\n reach y\n domain x\n", 2, "unknown group 'y'"),
            ("group x\n domain x\n memory 9999\n", 3, "out of range"),
            ("group x\n domain x\n memory 1k\n", 3, "invalid number"),
            ("group x\n uuid 1234\n", 2, "invalid UUID"),
            ("group x\n domain x\n addresses maybe\n", 3, "expected: toolstack, announced"),
            ("group x\n domain x\ngroup x\n domain y\n", 3, "already"),
            ("group x\n domain y\n domain y\n", 3, "line 2"),
            ("group x\n", 1, "without any domain"),
            ("group x\n domain\n", 2, "nothing follows"),
            ("group x\n domain x\n memory 1 2\n", 3, "unexpected"),
            ("group x\n domain x\0y\n", 2, "control character"),
    ):
        world.policy(text)
        broker.reload()
        wanted = f"{world.policy_path}:{line}: "
        until(lambda w=wanted, r=reason: any(w in each and r in each
                                             for each in world.log().splitlines()),
              f"an error message about {text!r}")
        done = world.tool("schannelctl", "policy", "check", world.policy_path)
        expect(done.returncode == 1 and wanted in done.stderr and reason in done.stderr,
               f"schannelctl policy check {text!r}: {done.stderr}")
        done = world.tool("schannelctl", "reload", world.lock)
        expect(done.returncode == 1 and wanted in done.stderr,
               f"schannelctl reload accepts {text!r}")
    world.paired((a, b))
    broker.end()
    broker = Broker(world, wait=False)
    expect(broker.process.wait() == 1, "the broker starts with an invalid policy")
    world.paired((a, b))


def example(world):
    """the example policy is valid and pairs no domains"""
    source = TREE / "tools/schanneld/policy.example"
    world.policy(source.read_text())
    world.create("web-1")
    world.create("db-1")
    done = world.tool("schannelctl", "policy", "check", world.policy_path)
    expect(done.returncode == 0, done.stderr)
    world.start()
    world.paired()


def addresses(world):
    """the addresses of all interfaces of a domain, and their changes, reach the peers"""
    a = world.create("a", "10.0.0.1 fd00::1/64", "10.1.0.1")
    b = world.create("b")
    c = world.create("c", "10.0.0.3")
    world.policy("group g\n domain a b\n reach self\ngroup h\n domain c\n reach g\n")
    world.start()
    world.paired((a, b), (a, c), (b, c))
    world.addresses(b, a, "10.0.0.1", "10.1.0.1", "fd00::1")
    world.addresses(a, b)
    world.address(a, "10.0.0.7")
    for peer in b, c:
        world.addresses(peer, a, "10.0.0.7", "10.1.0.1")
    world.address(b, "fd00::b", 3)
    world.addresses(a, b, "fd00::b")
    world.store.remove(f"/local/domain/0/backend/vif/{b.domid}/3")
    world.addresses(a, b)


def conflicts(world):
    """an address of two domains is published for neither until one is destroyed"""
    a = world.create("a", "10.0.0.1 10.0.0.5")
    b = world.create("b", "10.0.0.2")
    c = world.create("c", "10.0.0.1")
    outside = world.create("outside", "10.0.0.5")
    world.policy("group g\n domain a b c\n reach self\n")
    world.start()
    world.paired(*itertools.combinations((a, b, c), 2))
    world.addresses(b, a)
    world.addresses(b, c)
    world.addresses(a, b, "10.0.0.2")
    expect(f"domain {c.domid} (c): address conflict, not published: 10.0.0.1" in world.log(),
           "the conflict is not logged")
    world.destroy(outside)
    world.addresses(b, a, "10.0.0.5")
    world.destroy(c)
    world.addresses(b, a, "10.0.0.1", "10.0.0.5")


def migration(world):
    """a domain that migrates to this host keeps its addresses"""
    a = world.create("a", "10.0.0.1")
    b = world.create("b")
    world.policy("group g\n domain a a--* b\n reach self\n")
    world.start()
    world.paired((a, b))
    incoming = world.create("a--incoming", "10.0.0.1", identity=a.uuid)
    world.paired(*itertools.combinations((a, b, incoming), 2))
    world.addresses(b, a, "10.0.0.1")
    world.addresses(b, incoming, "10.0.0.1")
    world.destroy(a)
    incoming = world.rename(incoming, "a")
    world.paired((b, incoming))
    world.addresses(b, incoming, "10.0.0.1")


def announced(world):
    """announced addresses are used if the group trusts them and the toolstack has none"""
    a, b = world.create("a"), world.create("b")
    configured, owner = world.create("configured", "10.0.0.9"), world.create("owner", "10.0.0.3")
    world.policy("group t\n domain a configured\n addresses announced\n reach self rest\n"
                 "group rest\n domain *\n reach self\n")
    broker = world.start()
    for domain, what in ((a, "10.0.0.1 10.0.0.3"), (b, "10.0.0.2"), (configured, "10.0.0.8")):
        world.announce(domain, what)
    world.paired(*itertools.combinations((a, b, configured, owner), 2))
    world.addresses(b, a, "10.0.0.1")
    world.addresses(a, b)
    world.addresses(a, configured, "10.0.0.9")
    world.addresses(a, owner, "10.0.0.3")
    world.announce(a, "fd00::1")
    world.addresses(b, a, "fd00::1")
    world.policy(ALL)
    broker.reload()
    world.addresses(b, a)


CASES = (empty_policy, groups, first_group, control_domain, memory, reloads, bad_policies, example,
         addresses, conflicts, migration, announced)
