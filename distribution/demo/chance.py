"""Seeded chance: one stream of numbers for each purpose, so that more rows never change the rows before."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

Cells = np.ndarray[Any, np.dtype[np.object_]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Chance:
    """The chance of one seed on one day; `kind` sets apart rows that are made beside each other."""

    seed: int
    day: date
    kind: str = ""

    def draw(self, purpose: str, size: int) -> Numbers:
        """`size` numbers in [0, 1); the first n are the same for every size >= n."""
        name = zlib.crc32(f"{self.kind}/{purpose}".encode())
        return np.random.default_rng([self.seed, self.day.toordinal(), name]).random(size)


def pick(values: Sequence[str] | Cells, numbers: Numbers) -> Cells:
    """One of `values` for each number in [0, 1), as text cells."""
    pool = np.asarray(values, dtype=object)
    chosen: Cells = pool[(numbers * len(pool)).astype(np.int64)]
    return chosen


def cells(size: int, value: str = "") -> Cells:
    """`size` text cells that hold `value`."""
    return np.full(size, value, dtype=object)
