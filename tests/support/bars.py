"""Reads the bars of an Intelligent Mail barcode from a picture, as a sorting machine measures them."""

import numpy as np

from distribution.channels.paper import geometry

BARS = 65


def bars_on(black: np.ndarray, *, left: float, top: float, dpi: int) -> str:
    """The bars at a place (millimetres) as letters; asserts the sizes that USPS-B-3200 asks for."""
    first, last = (round(place / geometry.INCH * dpi) for place in (top - 1.0, top + 4.3))
    from_x, to_x = (round(place / geometry.INCH * dpi) for place in (left - 2.0, left + 78.0))
    strip = black[first:last, from_x:to_x]
    rows = np.flatnonzero(strip.any(axis=1))
    edges = np.flatnonzero(np.diff(strip.any(axis=0).astype(int)))
    starts, ends = edges[::2] + 1, edges[1::2] + 1
    assert len(starts) == BARS
    inch = 1 / dpi
    assert 0.125 - inch <= (rows[-1] - rows[0] + 1) * inch <= 0.165 + inch, "full height"
    assert 2.667 <= (ends[-1] - starts[0]) * inch <= 3.225, "width"
    assert all(0.015 - inch <= width * inch <= 0.025 + inch for width in ends - starts), "width of a bar"
    assert 20 <= 64 / ((starts[-1] - starts[0]) * inch) <= 24, "bars an inch"
    middle = (rows[0] + rows[-1] + 1) / 2
    return "".join(_letter(strip[:, a:b], middle, inch) for a, b in zip(starts, ends, strict=True))


def _letter(bar: np.ndarray, middle: float, inch: float) -> str:
    ink = np.flatnonzero(bar.any(axis=1))
    up, down = (middle - ink[0]) * inch, (ink[-1] + 1 - middle) * inch
    for reach in (up, down):
        assert 0.0195 - inch <= reach <= 0.0285 + inch or 0.062 - inch <= reach <= 0.083 + inch, (
            "a bar's height"
        )
    return {(False, False): "T", (True, False): "A", (False, True): "D", (True, True): "F"}[
        up > 0.045, down > 0.045
    ]
