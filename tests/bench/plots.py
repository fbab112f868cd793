# SPDX-License-Identifier: GPL-2.0-only
"""Draws the plots with gnuplot, as SVG."""

import subprocess

import tables

# A peer has the same colour in all plots; socket families have similar colours.
_COLOURS = {
    "schannel-stream": "#c00000", "schannel-seqpacket": "#ff5050", "schannel-dgram": "#ff9a9a",
    "schannel-tcp": "#800040", "schannel-iperf3": "#d040a0",
    "unix-stream": "#003f9e", "unix-seqpacket": "#3d85e0", "unix-dgram": "#90bff5",
    "tcp": "#006b2d", "iperf3": "#3fae4a", "udp": "#96d48a", "vsock": "#e08a00", "pipe": "#808080",
    "xenvchan-64k": "#b08cd9", "xenvchan-1m": "#6a32a8",
    "ring-64k": "#ff9a9a", "ring-256k": "#ff5050", "ring-1m": "#c00000",
    "ring-4m": "#700000", "ring-1-thread": "#606060",
}

_STYLE = """
set terminal svg size 900,560 dynamic font "sans,13" background "white"
set output "{path}"
set title "{title}" noenhanced
set xlabel "{xlabel}"
set ylabel "{ylabel}"
set key outside right noenhanced
set grid
"""


class Gnuplot(Exception):
    """gnuplot is missing, or rejects its input."""


def _quote(text):
    return '"' + text.replace('"', "'") + '"'


def _run(script):
    try:
        done = subprocess.run(["gnuplot", "-"], input=script, text=True, capture_output=True)
    except OSError as error:
        raise Gnuplot(f"cannot run gnuplot: {error.strerror}")
    if done.returncode or "warning" in done.stderr:
        raise Gnuplot(f"gnuplot: {done.stderr}")


def _line(name):
    """The line style of a curve, whose name is "PEER" or "PEER, N vCPU"."""
    peer, _, vcpus = name.partition(", ")
    return f'linecolor rgb "{_COLOURS.get(peer, "#000000")}"' + \
           (" dashtype 2" if vcpus.startswith("1 ") else "")


def _plot(path, title, xlabel, ylabel, settings, curves, using):
    """Draw curves, {name: [row of numbers]}, with gnuplot's 'using' clause."""
    script = _STYLE.format(path=path, title=title, xlabel=xlabel, ylabel=ylabel) + settings
    for index, rows in enumerate(curves.values()):
        script += f"\n$d{index} << END\n"
        script += "".join(" ".join(map(str, row)) + "\n" for row in rows) + "END\n"
    script += "plot " + ", ".join(f"$d{index} {using} {_line(name)} title {_quote(name)}"
                                  for index, name in enumerate(curves)) + "\n"
    _run(script)


def _curves(found, row, name=lambda key: key.peer):
    """{name: [row]} of the series found; the rows are sorted by their first number."""
    curves = {}
    for key, series in sorted(found, key=lambda each: tables.rank(each[0].peer)):
        curves.setdefault(name(key), []).append(row(key, series))
    return {each: sorted(rows) for each, rows in curves.items()}


def _flows_name(key):
    return f"{key.peer}, {key.vcpus} vCPU"


_SIZES = """set logscale x 2
set xrange [48:190000]
set xtics ("64" 64, "1K" 1024, "8K" 8192, "64K" 65536, "128K" 131072)
"""


def _bars(path, title, ylabel, found):
    """Draw a group of bars for each number of flows, with a bar for each peer."""
    flows = sorted({key.flows for key, _ in found})
    value = {(key.flows, key.peer): series.median for key, series in found}
    peers = tables.by_order({key.peer for key, _ in found})
    script = _STYLE.format(path=path, title=title, xlabel="clients at the same time",
                           ylabel=ylabel)
    script += "set style data histograms\nset style fill solid 0.8\nset yrange [0:*]\n$d << END\n"
    for each in flows:
        script += f"{each} " + " ".join(str(value.get((each, peer), 0)) for peer in peers) + "\n"
    script += "END\nplot " + ", ".join(
        f"$d using {column}:xtic(1) {_line(peer)} title {_quote(peer)}"
        for column, peer in enumerate(peers, 2)) + "\n"
    _run(script)


def environment(results, where, folder):
    """Draw the plots that an environment has data for, and return their file names."""
    if where == tables.SIZES:
        return []
    drawn = []

    def path(name):
        drawn.append(f"{name}-{where}.svg")
        return folder / drawn[-1]

    streams = results.find(where=where, test="stream", flows=1)
    most = max((key.vcpus for key, _ in streams), default=0)
    streams = [each for each in streams if each[0].vcpus == most]
    if streams:
        _plot(path("throughput"), f"Throughput by message size, {where}", "message size in bytes",
              "MiB/s", _SIZES + "set logscale y\n",
              _curves(streams, lambda key, series: (key.bytes, series.median, *series.spread)),
              "using 1:2:3:4 with yerrorlines")
    cpu = [each for each in streams if each[1].cpu]
    if cpu:
        _plot(path("cpu"), f"CPU time, {where}", "message size in bytes", "CPU seconds per GiB",
              _SIZES + "set logscale y\n",
              _curves(cpu, lambda key, series: (key.bytes, series.cpu)),
              "using 1:2 with linespoints")
    latency = {key.peer: [(series.percentile(percent), percent)
                          for percent in sorted(series.percentiles)]
               for key, series in results.find(where=where, test="rtt", flows=1)
               if series.percentiles}
    if latency:
        _plot(path("latency"), f"Round trip of 1 byte, {where}", "us",
              "% of round trips that take at most this time",
              "set logscale x\nset yrange [0:100]\n",
              {peer: latency[peer] for peer in tables.by_order(latency)},
              "using 1:2 with lines linewidth 2")
    connect = results.find(where=where, test="connect")
    if connect:
        _bars(path("connections"), f"Connections per second, {where}", "1/s", connect)
    scale = [each for each in results.find(where=where, test="stream", bytes=65536)
             if each[0].peer not in tables.RECORDS]
    if len({key.flows for key, _ in scale}) > 1:
        _plot(path("scaling"), f"Several flows, 64 KiB, {where}", "flows", "MiB/s in total",
              "set logscale x 2\nset logscale y\n",
              _curves(scale, lambda key, series: (key.flows, series.median, *series.spread),
                      _flows_name),
              "using 1:2:3:4 with yerrorlines")
    return drawn
