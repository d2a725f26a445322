"""Where things stand on paper: millimetres from the top left of a US Letter sheet, and the stocks as a table.

Points exist only below `x_pt`, `y_pt` and `pt`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MM = 72 / 25.4
INCH = 25.4
PAGE_WIDTH, PAGE_HEIGHT = 8.5 * INCH, 11 * INCH
PAGE_SIZE_PT = (612.0, 792.0)

LEFT, RIGHT = 1.0 * INCH, 7.5 * INCH
TOP = 0.5 * INCH
FOOT_LINE, FOOT_TEXT = 264.5, 268.6
BODY_BOTTOM = 261.0

# The address, clear of the window's edges by 1/8 in wherever the letter slides from left to right in its
# envelope: a #10 window shows x 0.875–5.375 in of a letter pushed left, -0.125–4.375 in of one pushed right.
# Vertically the letter rests on the envelope's lower edge (C-fold: 4.125 - 3.667 in below the top), which
# puts the window at y 2.042–3.167 in.
CLEARANCE = 0.125 * INCH
ADDRESS_LEFT, ADDRESS_WIDTH = 1.0 * INCH, 3.25 * INCH
ADDRESS_TOP, ADDRESS_HEIGHT = 2.167 * INCH, 0.875 * INCH

# The Intelligent Mail barcode above the address: 0.06 in below the window's edge and 0.03 in above the words
# (USPS asks for 0.028), as wide as a letter may slide and both its ends keep 1/8 in clear.
IMB_LEFT, IMB_TOP = ADDRESS_LEFT, 2.102 * INCH
IMB_WIDTH, IMB_HEIGHT = 2.9 * INCH, 0.145 * INCH
IMB_CLEARANCE = 0.028 * INCH
ADDRESS_TOP_BELOW_IMB = IMB_TOP + IMB_HEIGHT + 0.03 * INCH

CODE_SIZE = 9.0  # the Data Matrix at the top right of each sheet
CODE_LEFT = RIGHT - CODE_SIZE
RETURN_WIDTH = 4.5 * INCH  # the most that the return address takes: the sheet's ids stand beside it
BAR_LEFT, BAR_TOP, BAR_WIDTH, BAR_HEIGHT = 7.0, 128.0, 3.0, 18.0  # begins a piece, at the left edge

# Optional marks for the inserter's eye, below the bar.
OMR_LEFT, OMR_TOP, OMR_PITCH = 6.0, 158.0, INCH / 6
OMR_WIDTH, OMR_HEIGHT = 10.0, 0.6


class StockName(StrEnum):
    """The envelopes that the mailroom holds."""

    NO10_WINDOW = "no10-window"
    FLAT_9X12 = "flat-9x12"


class Edges(NamedTuple):
    """A rectangle's edges in millimetres from the top left of the paper."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Window:
    """An envelope's window in millimetres from the envelope's top left (its flap on top)."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Stock:
    """An envelope, its window, and how many sheets go into it. Lengths in millimetres, weights in ounces."""

    name: StockName
    title: str
    width: float
    height: float
    window: Window
    panel_height: float  # of the folded letter that shows in the window
    most_sheets: int
    fold: str
    envelope_oz: float
    body_top: float  # nothing of a student's stands above it: the window might show it

    def window_on_paper(self) -> Edges:
        """The window on a letter that lies left, on the envelope's lower edge."""
        drop = self.height - self.panel_height
        top = self.window.top - drop
        right = self.window.left + self.window.width
        return Edges(self.window.left, top, right, top + self.window.height)


SHEET_OZ = 0.192  # US Letter, 24 lb: 500 sheets of 17 × 22 in weigh 24 lb
PAGES_PER_SHEET = 2  # both sides: each sheet has two pages in the file, a blank back too

STOCKS = {
    # Window 1-1/8 × 4-1/2 in, 7/8 in from the left, 1/2 in from the bottom: the common single window.
    StockName.NO10_WINDOW: Stock(
        name=StockName.NO10_WINDOW,
        title="#10 window",
        width=9.5 * INCH,
        height=4.125 * INCH,
        window=Window(0.875 * INCH, 2.5 * INCH, 4.5 * INCH, 1.125 * INCH),
        panel_height=11 * INCH / 3,
        most_sheets=3,
        fold="C-fold, address out",
        envelope_oz=0.22,
        body_top=3.8 * INCH,
    ),
    # 60 sheets and the envelope stay below 13 oz, the most that First-Class flats may weigh.
    StockName.FLAT_9X12: Stock(
        name=StockName.FLAT_9X12,
        title="9 × 12 flat",
        width=9 * INCH,
        height=12 * INCH,
        window=Window(0.75 * INCH, 2.0 * INCH, 4.5 * INCH, 2.25 * INCH),
        panel_height=11 * INCH,
        most_sheets=60,
        fold="Flat, do not fold, address side to the window",
        envelope_oz=0.9,
        body_top=4.4 * INCH,
    ),
}
LETTER = STOCKS[StockName.NO10_WINDOW]
FLAT = STOCKS[StockName.FLAT_9X12]


def pt(millimetres: float) -> float:
    """A length in points."""
    return millimetres * MM


def x_pt(millimetres: float) -> float:
    """A place from the left edge, in points."""
    return millimetres * MM


def y_pt(millimetres: float) -> float:
    """A place from the top edge, as PDF counts: points from the bottom."""
    return PAGE_SIZE_PT[1] - millimetres * MM
