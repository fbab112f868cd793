# SPDX-License-Identifier: GPL-2.0-only
"""What the numbers should be, and what they are."""

from typing import Callable, NamedTuple

import tables

KIB = 1024


class Target(NamedTuple):
    """A number that is to be on one side of a limit."""
    where: str
    text: str
    measure: Callable		# of results: a number, or None if it was not measured
    least: float | None		# the one or the other
    most: float | None
    unit: str = "x"

    def wanted(self):
        if self.least is not None:
            return f"at least {self.least:g} {self.unit}"
        return f"at most {self.most:g} {self.unit}"

    def met(self, value):
        return value >= self.least if self.least is not None else value <= self.most


def _value(series):
    return series and series.median


def _cpu(series):
    return series and series.cpu


def _ratio(where, ours, theirs, take=_value):
    """A function of results: take(ours) / take(theirs), each a description of one series."""
    def measure(results):
        above, below = (take(results.one(where=where, **each)) for each in (ours, theirs))
        return above / below if above and below else None
    return measure


def _stream(peer, size):
    return dict(peer=peer, test="stream", bytes=size, flows=1)


def _rtt(peer):
    return dict(peer=peer, test="rtt", bytes=1, flows=1)


def _streams(where, peer, limits, ours="schannel-stream"):
    """A target for each {size: at least} of limits."""
    for size, least in limits.items():
        yield Target(where, f"{ours} / {peer}, {tables.size(size)}",
                     _ratio(where, _stream(ours, size), _stream(peer, size)), least, None)


def _round_trip(where, peer, most):
    yield Target(where, f"round trip, schannel-stream / {peer}",
                 _ratio(where, _rtt("schannel-stream"), _rtt(peer)), None, most)


def _domains(where, pv):
    """Between domains; pv chooses between the limits of PV and PVH."""
    def limit(of_pv, of_pvh):
        return of_pv if pv else of_pvh
    yield from _streams(where, "tcp", {KIB: limit(3, 4), 8 * KIB: limit(4, 8),
                                       64 * KIB: limit(8, 15), 128 * KIB: limit(8, 15)})
    yield from _streams(where, "iperf3", {128 * KIB: limit(7, 12)}, "schannel-iperf3")
    yield from _streams(where, "xenvchan-64k", {8 * KIB: limit(4, 10), 64 * KIB: limit(4, 10),
                                                128 * KIB: limit(4, 10)})
    yield from _streams(where, "xenvchan-1m", {64 * KIB: limit(1, 1.2), 128 * KIB: limit(1, 1.2)})
    yield Target(where, "schannel-stream / copying in both domains at once, 128 KiB",
                 _ratio(where, _stream("schannel-stream", 128 * KIB),
                        dict(peer="memcpy", test="copy", bytes=128 * KIB, flows=2)),
                 limit(.5, .6), None)
    yield from _round_trip(where, "tcp", .25)
    yield from _round_trip(where, "xenvchan-64k", 1)
    yield Target(where, "CPU per GiB, schannel-stream / tcp, 64 KiB",
                 _ratio(where, _stream("schannel-stream", 64 * KIB), _stream("tcp", 64 * KIB),
                        _cpu), None, limit(1 / 8, 1 / 12))
    yield Target(where, "memory of an idle connection, both domains",
                 lambda results: _value(results.one(where=where, peer="schannel-stream",
                                                    test="idle")), None, 16384, "bytes")
    for flows in (64, 256, 10000):
        yield Target(where, f"the slowest of {flows} busy flows, of an equal share",
                     lambda results, flows=flows: _value(results.one(
                         where=where, peer="schannel-stream", test="fairness", flows=flows)),
                     .5, None)


def _loopback(where):
    for peer in ("unix-stream", "tcp", "vsock"):
        yield from _streams(where, peer, {KIB: 1, 8 * KIB: 1, 64 * KIB: 1, 128 * KIB: 1})
        yield from _round_trip(where, peer, 1)


def _ring_sizes():
    """The default needs no tuning: whatever is set by hand, little is won."""
    def ratio(best, **what):
        def measure(results):
            default = _value(results.one(where=tables.SIZES, peer="schannel-stream", **what))
            by_hand = [series.median for key, series in results.find(where=tables.SIZES, **what)
                       if key.peer in tables.BY_HAND]
            return default / best(by_hand) if default and by_hand else None
        return measure
    for flows, streams in (1, "1 stream"), (64, "64 streams"):
        yield Target(tables.SIZES, f"default / best size set by hand, {streams}",
                     ratio(max, test="stream", flows=flows), .95, None)
    yield Target(tables.SIZES, "default / best size set by hand, round trip",
                 ratio(min, test="rtt", flows=1), None, 1.05)


def _native():
    yield Target("native", "ring-4m / memcpy on one core, 64 KiB",
                 _ratio("native", _stream("ring-4m", 64 * KIB),
                        dict(peer="memcpy", test="copy", bytes=64 * KIB, flows=1)), .6, None)


TARGETS = (*_native(), *_loopback("icount"), *_loopback("vm"), *_ring_sizes(),
           *_domains("xen-pv", True), *_domains("xen-pvh", False))


def judge(results, where):
    """[[text, wanted, measured, verdict]] of one place."""
    rows = []
    for target in TARGETS:
        if target.where != where:
            continue
        value = target.measure(results)
        rows.append([target.text, target.wanted(),
                     "-" if value is None else f"{tables.number(value)} {target.unit}",
                     "not measured" if value is None else
                     "met" if target.met(value) else "**missed**"])
    return rows
