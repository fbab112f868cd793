# SPDX-License-Identifier: GPL-2.0-only
"""Reads measurements from lines of JSON, and groups them into series."""

import json
import statistics
from dataclasses import dataclass, field
from typing import NamedTuple

GIB = 1 << 30


class Malformed(Exception):
    """A line that is not a measurement; the message names its file and line number."""


class Key(NamedTuple):
    """The fields that all measurements of a series have in common."""
    where: str
    peer: str
    test: str
    bytes: int
    flows: int
    vcpus: int


@dataclass
class Series:
    """The values of one measurement, one for each round."""
    unit: str
    values: list = field(default_factory=list)
    cpu_per_gib: list = field(default_factory=list)
    lost: list = field(default_factory=list)		# shares of the bytes sent
    percentiles: dict = field(default_factory=dict)	# percent -> a value for each round

    def add(self, line):
        self.values.append(line["value"])
        moved, sent = line.get("moved_bytes"), line.get("sent_bytes")
        if moved and line.get("cpu_s") is not None:
            self.cpu_per_gib.append(line["cpu_s"] / (moved / GIB))
        if sent and moved is not None:
            self.lost.append(max(0, 1 - moved / sent))
        for percent, value in line.get("percentiles", {}).items():
            self.percentiles.setdefault(float(percent), []).append(value)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        return min(self.values), max(self.values)

    @property
    def cpu(self):
        """CPU seconds per GiB, or None."""
        return statistics.median(self.cpu_per_gib) if self.cpu_per_gib else None

    def percentile(self, percent):
        """The median of the rounds' percentiles, or None."""
        values = self.percentiles.get(float(percent))
        return statistics.median(values) if values else None


class Results:
    """All series, and the descriptions of the environments where they were measured."""

    def __init__(self):
        self.series = {}
        self.about = {}

    def read(self, lines, name):
        """Add the measurements in lines; error messages call the file name."""
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                self._line(json.loads(text))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise Malformed(f"{name}:{number}: {error!r}: {text.strip()[:100]}")

    def _line(self, line):
        if "about" in line:
            self.about.setdefault(line["where"], {}).update(line["about"])
            return
        key = Key(line["where"], line["peer"], line["test"], int(line["bytes"]),
                  int(line["flows"]), int(line["vcpus"]))
        if not isinstance(line["value"], (int, float)):
            raise ValueError("value is not a number")
        if line["round"] > 0:
            self.series.setdefault(key, Series(line["unit"])).add(line)

    def environments(self):
        return sorted({key.where for key in self.series})

    def find(self, **wanted):
        """The sorted list of (key, series) whose keys have these fields."""
        return sorted((key, series) for key, series in self.series.items()
                      if all(getattr(key, name) == value for name, value in wanted.items()))

    def one(self, **wanted):
        """The series with these fields, or None; of several, the one with the most vCPUs."""
        found = self.find(**wanted)
        return max(found, key=lambda each: each[0].vcpus)[1] if found else None
