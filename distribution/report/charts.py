"""The geometry of the report's charts: shares and bars in percent of the width; templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from distribution.report.content import Step, Went

SMALLEST_SHARE = 1.2  # percent: one failed score among a million must still be seen
LABELLED_FROM = 13.0  # percent: narrower segments have no room for their label


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of the bar; `left` and `width` in percent."""

    name: str
    label: str
    count: int
    left: float
    width: float

    @property
    def has_room(self) -> bool:
        return self.width >= LABELLED_FROM


def stacked(went: Went) -> tuple[Segment, ...]:
    """The bar of where the scores went; parts without a score are left out."""
    parts = [
        ("electronic", "Electronic", went.electronic),
        ("paper", "Paper", went.paper),
        ("portal", "Portal", went.portal),
        ("held", "Held", went.held),
        ("failed", "Failed", went.failed),
        ("waiting", "Waiting", went.waiting),
    ]
    shown = [part for part in parts if part[2] > 0]
    widths = _shares([count for _, _, count in shown])
    segments, left = [], 0.0
    for (name, label, count), width in zip(shown, widths, strict=True):
        segments.append(Segment(name, label, count, round(left, 3), round(width, 3)))
        left += width
    return tuple(segments)


def _shares(counts: Sequence[int]) -> list[float]:
    """Percent of each count, none under `SMALLEST_SHARE`; they sum to 100."""
    whole = sum(counts)
    widths = [max(100 * count / whole, SMALLEST_SHARE) for count in counts]
    return [100 * width / sum(widths) for width in widths]


@dataclass(frozen=True, slots=True)
class Bar:
    """One step on the time axis; `left` and `width` in percent."""

    step: Step
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    seconds: float
    peak_mb: float


def timeline(steps: Sequence[Step]) -> Timeline:
    """The steps one after the other on one axis of round ticks."""
    seconds = sum(step.seconds for step in steps)
    gap = _round_gap(seconds)
    axis = max(gap * math.ceil(seconds / gap), gap)
    bars, begun = [], 0.0
    for step in steps:
        bars.append(Bar(step, round(100 * begun / axis, 3), round(max(100 * step.seconds / axis, 0.3), 3)))
        begun += step.seconds
    ticks = [Tick(round(100 * at * gap / axis, 3), duration(at * gap)) for at in range(round(axis / gap) + 1)]
    return Timeline(tuple(bars), tuple(ticks), seconds, max((step.peak_mb for step in steps), default=0.0))


def _round_gap(seconds: float) -> float:
    """The smallest round gap that needs at most six ticks."""
    gaps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
    return next((gap for gap in gaps if seconds <= 6 * gap), 4 * 3600.0)


def duration(seconds: float) -> str:
    """`0.4 s`, `38 s`, `6 min 51 s`, `2 h 05 min`."""
    if 0 < seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60:02d} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60:02d} min" if whole % 3600 // 60 else "")
