# SPDX-License-Identifier: GPL-2.0-only
"""The targets: limits for the results, and the verdicts of a run."""

from typing import Callable, NamedTuple

import tables

KIB = 1024


class Target(NamedTuple):
    """A lower or an upper limit for a number that is computed from the results."""
    where: str
    text: str
    measure: Callable		# (results) -> the number, or None if it was not measured
    least: float | None		# the lower limit ...
    most: float | None		# ... or the upper limit
    unit: str = "x"

    def limit(self):
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
    """A measure: take(series ours) / take(series theirs), each selected by its fields."""
    def measure(results):
        above, below = (take(results.one(where=where, **each)) for each in (ours, theirs))
        return above / below if above and below else None
    return measure


def _stream(peer, size):
    return dict(peer=peer, test="stream", bytes=size, flows=1)


def _rtt(peer):
    return dict(peer=peer, test="rtt", bytes=1, flows=1)


def _streams(where, peer, limits, ours="schannel-stream"):
    """A target for each block size in limits, {size: lower limit of the ratio}."""
    for size, least in limits.items():
        yield Target(where, f"{ours} / {peer}, {tables.size(size)}",
                     _ratio(where, _stream(ours, size), _stream(peer, size)), least, None)


def _round_trip(where, peer, most):
    yield Target(where, f"round trip, schannel-stream / {peer}",
                 _ratio(where, _rtt("schannel-stream"), _rtt(peer)), None, most)


def _domains(where, pv):
    """The targets between domains; those of PV and PVH guests differ."""
    def limit(of_pv, of_pvh):
        return of_pv if pv else of_pvh
    yield from _streams(where, "tcp", {KIB: limit(3, 4), 8 * KIB: limit(4, 8),
                                       64 * KIB: limit(8, 15), 128 * KIB: limit(8, 15)})
    yield from _streams(where, "iperf3", {128 * KIB: limit(7, 12)}, "schannel-iperf3")
    yield from _streams(where, "xenvchan-64k", {8 * KIB: limit(4, 10), 64 * KIB: limit(4, 10),
                                                128 * KIB: limit(4, 10)})
    yield from _streams(where, "xenvchan-1m", {64 * KIB: limit(1, 1.2), 128 * KIB: limit(1, 1.2)})
    yield Target(where, "schannel-stream / memcpy in both domains at the same time, 128 KiB",
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
        yield Target(where, f"slowest of {flows} busy flows / an equal share",
                     lambda results, flows=flows: _value(results.one(
                         where=where, peer="schannel-stream", test="fairness", flows=flows)),
                     .5, None)


def _loopback(where):
    for peer in ("unix-stream", "tcp", "vsock"):
        yield from _streams(where, peer, {KIB: 1, 8 * KIB: 1, 64 * KIB: 1, 128 * KIB: 1})
        yield from _round_trip(where, peer, 1)


def _ring_sizes():
    """The default ring size needs no tuning: it is almost as good as the best fixed size."""
    def ratio(best, **what):
        def measure(results):
            default = _value(results.one(where=tables.SIZES, peer="schannel-stream", **what))
            fixed = [series.median for key, series in results.find(where=tables.SIZES, **what)
                     if key.peer in tables.FIXED_SIZE]
            return default / best(fixed) if default and fixed else None
        return measure
    for flows, streams in (1, "1 stream"), (64, "64 streams"):
        yield Target(tables.SIZES, f"default / best fixed size, {streams}",
                     ratio(max, test="stream", flows=flows), .95, None)
    yield Target(tables.SIZES, "default / best fixed size, round trip",
                 ratio(min, test="rtt", flows=1), None, 1.05)


def _native():
    yield Target("native", "ring-4m / memcpy on one core, 64 KiB",
                 _ratio("native", _stream("ring-4m", 64 * KIB),
                        dict(peer="memcpy", test="copy", bytes=64 * KIB, flows=1)), .6, None)


TARGETS = (*_native(), *_loopback("icount"), *_loopback("vm"), *_ring_sizes(),
           *_domains("xen-pv", True), *_domains("xen-pvh", False))


def judge(results, where):
    """The rows [target, limit, measured, verdict] of one environment."""
    rows = []
    for target in TARGETS:
        if target.where != where:
            continue
        value = target.measure(results)
        rows.append([target.text, target.limit(),
                     "-" if value is None else f"{tables.number(value)} {target.unit}",
                     "not measured" if value is None else
                     "met" if target.met(value) else "**missed**"])
    return rows
