# SPDX-License-Identifier: GPL-2.0-only
"""Writes bench.csv and the Markdown tables."""

import csv

# The environment of the part 'sizes', which has one table of its own.
SIZES = "sizes"
# Peers whose rings have a fixed size.
FIXED_SIZE = tuple(f"schannel-stream-{size}" for size in ("4k", "16k", "64k", "256k", "1m", "4m"))
# The order of the peers in tables and plots; unknown peers follow.
ORDER = ("schannel-stream", *FIXED_SIZE, "schannel-tcp", "schannel-iperf3", "schannel-seqpacket",
         "schannel-dgram", "unix-stream", "unix-seqpacket", "unix-dgram", "tcp", "iperf3", "udp",
         "vsock", "pipe", "xenvchan-64k", "xenvchan-1m", "ring-64k", "ring-256k", "ring-1m",
         "ring-4m", "ring-1-thread", "event-channel", "memcpy")
RECORDS = ("schannel-seqpacket", "schannel-dgram", "unix-seqpacket", "unix-dgram", "udp")


def rank(peer):
    """The sort key of a peer."""
    return ORDER.index(peer) if peer in ORDER else len(ORDER), peer


def by_order(peers):
    return sorted(peers, key=rank)


def number(value):
    """Three significant digits."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def size(count):
    return f"{count // 1024} KiB" if count >= 1024 and count % 1024 == 0 else f"{count} B"


def with_spread(series):
    if series is None:
        return "-"
    least, most = series.spread
    return f"{number(series.median)} ({number(least)}..{number(most)})"


def markdown(head, rows):
    """A table; the first column is aligned to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _pivot(found, row, cell, label):
    """A table of (key, series) pairs: a row for each row(key), a column for each peer."""
    cells = {(row(key), key.peer): cell(series) for key, series in found}
    peers = by_order({peer for _, peer in cells})
    if not cells:
        return None
    rows = sorted({each for each, _ in cells})
    return markdown(["", *peers],
                    [[label(each)] + [cells.get((each, peer), "-") for peer in peers]
                     for each in rows])


def _most_vcpus(found):
    """Only the series with the highest number of vCPUs."""
    most = max((key.vcpus for key, _ in found), default=0)
    return [each for each in found if each[0].vcpus == most]


def _streams(results, where, records):
    found = _most_vcpus(results.find(where=where, test="stream", flows=1))
    return [each for each in found if (each[0].peer in RECORDS) == records]


def _copies(results, where):
    """memcpy() as two more peers: one copying thread, and two at the same time."""
    return [(key._replace(peer=f"memcpy x {key.flows}"), series)
            for key, series in _most_vcpus(results.find(where=where, test="copy"))]


def _by_size(found, cell):
    return _pivot(found, lambda key: key.bytes, cell, size)


def _ratios(found, ours):
    """Throughput of ours divided by that of each other peer, by size."""
    base = {key.bytes: series.median for key, series in found if key.peer == ours}
    others = [each for each in found if each[0].peer != ours and each[0].bytes in base]
    cells = {id(series): f"{number(base[key.bytes] / series.median)} x"
             for key, series in others if series.median}
    return _by_size(others, lambda series: cells.get(id(series), "-"))


def _quantiles(results, where, test):
    percents = (1, 50, 90, 99, 99.9)
    found = _most_vcpus(results.find(where=where, test=test, flows=1))
    if not found:
        return None
    ours = next((series.median for key, series in found if key.peer == "schannel-stream"), None)
    rows = {key.peer: [key.peer, with_spread(series),
                       *(number(series.percentile(percent)) for percent in percents),
                       number(ours / series.median) + " x" if ours and series.median else "-"]
            for key, series in found}
    return markdown(["us", "median of the medians"] + [f"{percent} %" for percent in percents] +
                    ["schannel-stream / this"], [rows[peer] for peer in by_order(rows)])


def _scaling(results, where):
    found = [each for each in results.find(where=where, test="stream", bytes=65536)
             if each[0].peer not in RECORDS]
    if len({(key.vcpus, key.flows) for key, _ in found}) < 2:
        return None
    return _pivot(found, lambda key: (key.vcpus, key.flows), with_spread,
                  lambda row: f"{row[0]} vCPU, {row[1]} flow{'s' * (row[1] > 1)}")


def _connections(results, where):
    return _pivot(_most_vcpus(results.find(where=where, test="connect")),
                  lambda key: key.flows, with_spread,
                  lambda flows: f"{flows} at a time")


def _ring_sizes(results):
    return _pivot(results.find(where=SIZES), lambda key: (key.test == "rtt", key.flows),
                  with_spread, lambda row: "round trip, us" if row[0] else
                  f"{row[1]} stream{'s' * (row[1] > 1)}, MiB/s")


def _others(results, where):
    """The tests without a table of their own."""
    known = ("stream", "copy", "rtt", "connect")
    rows = [[key.test, key.peer, size(key.bytes), key.flows, key.vcpus, with_spread(series),
             series.unit]
            for key, series in results.find(where=where) if key.test not in known]
    return markdown(["test", "peer", "bytes", "flows", "vCPUs", "median", "unit"],
                    rows) if rows else None


def environment(results, where):
    """The (title, table) pairs of one environment."""
    if where == SIZES:
        return [("Ring sizes: the default and fixed sizes", _ring_sizes(results))]
    streams, records = (_streams(results, where, each) for each in (False, True))
    tables = [
        ("Streams, and memcpy alone, MiB/s", _by_size(streams + _copies(results, where),
                                                      with_spread)),
        ("Throughput of AF_SCHANNEL / the other streams", _ratios(streams, "schannel-stream")),
        ("Records, MiB/s received", _by_size(records, with_spread)),
        ("Records lost", _by_size(
            [each for each in records if max(each[1].lost, default=0) > 0],
            lambda series: f"{100 * sum(series.lost) / len(series.lost):.0f} %")),
        ("CPU seconds per GiB, whole machine or all domains", _by_size(
            [each for each in streams + records if each[1].cpu is not None],
            lambda series: number(series.cpu))),
        ("Round trip of 1 byte", _quantiles(results, where, "rtt")),
        ("Connections per second", _connections(results, where)),
        ("Several flows, 64 KiB, MiB/s in total", _scaling(results, where)),
        ("Other tests", _others(results, where)),
    ]
    return [(title, table) for title, table in tables if table]


def write_csv(results, path):
    with open(path, "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["where", "peer", "test", "bytes", "flows", "vcpus", "rounds", "unit",
                       "median", "least", "greatest", "cpu_s_per_gib", "lost", "p1", "p99"])
        for key, series in results.find():
            lost = sum(series.lost) / len(series.lost) if series.lost else None
            row = [*key, len(series.values), series.unit, series.median, *series.spread,
                   series.cpu, lost, series.percentile(1), series.percentile(99)]
            rows.writerow([f"{each:.6g}" if isinstance(each, float) else
                           "" if each is None else each for each in row])
