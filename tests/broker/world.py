# SPDX-License-Identifier: GPL-2.0-only
"""Simulated domains in a real xenstored, and the broker as a process that the tests can kill."""

import collections
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import store

TREE = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 60      # seconds until a wait fails

Domain = collections.namedtuple("Domain", "domid name uuid")


class Failed(Exception):
    """A check that failed."""


def until(condition, what, limit=LIMIT):
    """Wait until condition() is true; what is a text, or returns one, that names the condition."""
    deadline = time.monotonic() + limit
    while True:
        start = time.monotonic()
        if condition():
            return
        now = time.monotonic()
        if now > deadline:
            raise Failed(f"not within {limit} s: {what() if callable(what) else what}")
        # Poll a fifth of the time at most, to leave the processor to the broker.
        time.sleep(max(0.01, 4 * (now - start)))


class Broker:
    """A process of schanneld, from its start to its end."""

    def __init__(self, world, *options, wait=True):
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(f"{world.folder}/notify-{time.monotonic_ns()}")
        self._notify.settimeout(LIMIT)
        self._log = open(world.folder / "log", "ab")
        environment = dict(world.environment, NOTIFY_SOCKET=self._notify.getsockname())
        environment.update(world.broker_environment)
        self.process = subprocess.Popen(
            [*world.wrapper, world.tools / "schanneld", "-v", "-p", world.policy_path,
             "-l", world.lock, "-s", str(world.scan_interval), *options],
            env=environment, stderr=self._log)
        if wait:
            self.await_message("READY=1")

    def await_message(self, line):
        """Wait for a message of the broker to the service manager."""
        while True:
            try:
                said = self._notify.recv(4096).decode().split("\n")
            except TimeoutError:
                raise Failed(f"the broker did not send {line}") from None
            if line in said:
                return

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        self.await_message("RELOADING=1")
        self.await_message("READY=1")

    def end(self, how=signal.SIGTERM):
        """End the broker with a signal, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(LIMIT)
        self._notify.close()
        self._log.close()
        return status

    def _stat(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        return text.rsplit(")", 1)[1].split()

    def cpu(self):
        """CPU seconds since its start."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """KiB of private memory that is resident now."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M))

    def resident(self):
        """KiB of resident memory, including shared libraries."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Rss:\s+(\d+) kB", text, re.M)[1])


class World:
    """A simulated host: xenstored, domains, a policy, and a broker while one is started."""

    def __init__(self, tools):
        self._folder = tempfile.TemporaryDirectory(prefix="broker.")
        self.folder = pathlib.Path(self._folder.name)
        self.tools = pathlib.Path(tools)
        # a program with sanitizers needs more memory than its limit
        self.sanitized = b"__asan_init" in (self.tools / "schanneld").read_bytes()
        self.daemon = store.Daemon(self.folder)
        self.store = self.client()
        self.policy_path = self.folder / "policy"
        self.lock = self.folder / "lock"
        self.environment = dict(os.environ, XENSTORED_PATH=str(self.daemon.path))
        self.broker_environment = {}
        self.wrapper = ()
        self.scan_interval = 3600
        self.domains = {}
        self._next = 1
        self._broker = None
        self.policy("")
        self.domain0 = self._nodes(0, "Domain-0", "00000000-0000-0000-0000-000000000000")

    def close(self):
        if self._broker and self._broker.process.poll() is None:
            self._broker.end(signal.SIGKILL)
        self.store.close()
        self.daemon.stop()
        self._folder.cleanup()

    def client(self):
        return store.Client(self.daemon.path)

    def start(self, *options):
        self._broker = Broker(self, *options)
        return self._broker

    def policy(self, text):
        """Replace the policy file with a new one, as editors do."""
        scratch = self.policy_path.with_suffix(".new")
        scratch.write_text(text)
        scratch.rename(self.policy_path)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def tool(self, *arguments):
        """Run a tool, and return its exit status and its output."""
        return subprocess.run([self.tools / arguments[0], *arguments[1:]], env=self.environment,
                              capture_output=True, text=True, timeout=LIMIT)

    # ---- Domains: the nodes that libxl makes -----------------------------

    def _nodes(self, domid, name, identity):
        path = f"/local/domain/{domid}"
        self.store.write(path, "")
        self.store.permit(path, "n0", f"r{domid}")
        for key in ("device", "backend", "control"):
            self.store.write(f"{path}/{key}", "")
        self.store.write(f"{path}/data", "")
        self.store.permit(f"{path}/data", f"n{domid}")
        self.store.write(f"{path}/vm", f"/vm/{identity}")
        self.store.write(f"{path}/name", name)
        return Domain(domid, name, identity)

    def create(self, name, *addresses, identity=None):
        domid = self._next
        self._next += 1
        domain = self._nodes(domid, name, identity or str(uuid.uuid4()))
        for number, address in enumerate(addresses):
            self.address(domain, address, number)
        self.store.introduce(domid)
        self.domains[domid] = domain
        return domain

    def address(self, domain, address, vif=0):
        """Set the address that the toolstack knows; each vif has one."""
        self.store.write(f"/local/domain/0/backend/vif/{domain.domid}/{vif}/ip", address)

    def announce(self, domain, value):
        path = f"/local/domain/{domain.domid}/data/schannel/addresses"
        self.store.write(path, value)

    def destroy(self, domain, tree_first=False):
        """Destroy a domain; the order of libxl's step and xenstored's step varies."""
        if not tree_first:
            self.store.release(domain.domid)
        self.store.remove(f"/local/domain/{domain.domid}")
        self.store.remove(f"/local/domain/0/backend/vif/{domain.domid}")
        if tree_first:
            self.store.release(domain.domid)
        del self.domains[domain.domid]

    def rename(self, domain, name):
        self.store.write(f"/local/domain/{domain.domid}/name", name)
        renamed = domain._replace(name=name)
        self.domains[domain.domid] = renamed
        return renamed

    def reboot(self, domain):
        self.destroy(domain)
        return self.create(domain.name, identity=domain.uuid)

    def tree(self, path="/"):
        """The paths of all nodes."""
        found = {path}
        for name in self.store.list(path):
            found |= self.tree(f"{path.rstrip('/')}/{name}")
        return found

    # ---- Pairs -----------------------------------------------------------

    @staticmethod
    def front(fe, be):
        return f"/local/domain/{fe}/device/schannel/{be}"

    @staticmethod
    def back(fe, be):
        return f"/local/domain/{be}/backend/schannel/{fe}/0"

    def ends(self):
        """The ends of all pairs, each as (domid, peer domid)."""
        found = set()
        for domid in map(int, self.store.list("/local/domain")):
            path = f"/local/domain/{domid}"
            for peer in self.store.list(f"{path}/device/schannel"):
                found.add((domid, int(peer)))
            for peer in self.store.list(f"{path}/backend/schannel"):
                if "0" in self.store.list(f"{path}/backend/schannel/{peer}"):
                    found.add((domid, int(peer)))
        return found

    def end(self, domain, peer):
        """The path of the domain's end of its pair with peer."""
        a, b = domain.domid, peer.domid
        return self.front(a, b) if a > b else self.back(b, a)

    def value(self, domain, peer, key):
        """The value of key in the domain's end of its pair with peer."""
        return self.store.text(f"{self.end(domain, peer)}/{key}")

    def paired(self, *pairs):
        """Wait until exactly these pairs of domains exist, and check both ends of each."""
        wanted = {(a.domid, b.domid) for pair in pairs for a, b in (pair, pair[::-1])}
        until(lambda: self.ends() == wanted,
              lambda: f"{len(wanted)} ends of pairs; the first missing: "
              f"{sorted(wanted - self.ends())[:10]}, the first unexpected: "
              f"{sorted(self.ends() - wanted)[:10]}")
        for pair in pairs:
            for domain, peer in (pair, pair[::-1]):
                self._check_end(domain, peer)

    def _check_end(self, domain, peer):
        """Check that an end names the right domain, and that only dom0 may write trusted keys."""
        path = self.end(domain, peer)
        is_front = domain.domid > peer.domid
        other = self.end(peer, domain)
        facts = {
            "frontend" if not is_front else "backend": other,
            "frontend-id" if not is_front else "backend-id": str(peer.domid),
            "peer-name": peer.name,
            "peer-uuid": peer.uuid,
        }
        for key, value in facts.items():
            until(lambda k=key, v=value: self.store.text(f"{path}/{k}") == v,
                  lambda k=key, v=value: f"{path}/{k} to be {v}; it is "
                  f"{self.store.text(f'{path}/{k}')}")
        for key in (*facts, "peer-addresses", "pool-mib"):
            allowed = self.store.permissions(f"{path}/{key}")
            if domain.domid and allowed != ["n0", f"r{domain.domid}"]:
                raise Failed(f"{path}/{key} has the permissions {allowed}")

    def addresses(self, domain, peer, *wanted):
        """Wait until the domain's end of its pair has exactly these addresses of peer."""
        until(lambda: sorted((self.value(domain, peer, "peer-addresses") or "").split()) ==
              sorted(wanted),
              lambda: f"{domain.name} to get the addresses {wanted} of {peer.name}; it has "
              f"{self.value(domain, peer, 'peer-addresses')}")
