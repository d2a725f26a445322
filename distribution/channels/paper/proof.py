"""The proof of a design: the edge cases as PDFs, as pictures, and measured against the envelope's window."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image, ImageChops

from distribution.channels.paper import geometry, layout, print_batch
from distribution.channels.paper.edge_cases import EdgeCase
from distribution.channels.paper.geometry import Stock

PICTURE_DPI, MEASURED_DPI = 60, 300
_DAY = date(2026, 11, 23)
_CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
RETURN_ADDRESS = ("CLEP Score Reports", "PO Box 0000", "Anytown NY 00000")
_DARK = 160  # of 255: a printed pixel
_SEEN = 48  # levels of grey by which a pixel must differ to count as a difference


@dataclass(frozen=True, slots=True)
class Clearance:
    """Clear space between the address and the window's edges in millimetres, the least of all positions."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def least(self) -> float:
        return min(self.left, self.top, self.right, self.bottom)


def print_case(
    case: EdgeCase, *, return_address: Sequence[str] = RETURN_ADDRESS
) -> tuple[Stock, print_batch.Printed]:
    """A case as a batch of its own, the same bytes each time."""
    stock, _ = layout.plan(case.pieces[0])
    ticket = print_batch.Ticket(
        batch_id="PROOF", run_id="", business_date=_DAY, created_at=_CREATED, stock=stock,
        sheets_per_piece=0, international=case.pieces[0].address.country != "US",
    )  # fmt: skip
    return stock, print_batch.print_batch(ticket, case.pieces, return_address=return_address)


def picture(pdf: bytes, page: int, *, dpi: int = PICTURE_DPI) -> Image.Image:
    """A page (from 0) in shades of grey."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[page].render(scale=dpi / 72, grayscale=True).to_pil()
    finally:
        document.close()


def shown_pages(pages: int) -> tuple[int, ...]:
    """The pages (from 0) of a case that people look at: the first sheet, the second, and the last."""
    return tuple(sorted({0, 1, 2, pages - 2} & set(range(pages))))


def clearance(page: Image.Image, stock: Stock, *, below_imb: bool) -> Clearance:
    """Measure the address on a first side, rendered at `MEASURED_DPI`.

    The address is all ink that the window can show, in any position of the letter; above it the Intelligent
    Mail barcode, which may stand closer to the edge, is left out. Raises ValueError when no ink is there.
    """
    seen = stock.window_on_paper()
    slide = stock.width - geometry.PAGE_WIDTH
    top = geometry.IMB_TOP + geometry.IMB_HEIGHT if below_imb else seen.top
    dark = np.asarray(page) < _DARK
    dots = MEASURED_DPI / geometry.INCH
    area = dark[round(top * dots) : round(seen.bottom * dots), : round(seen.right * dots)]
    area = area[:, round(max(seen.left - slide, 0) * dots) :]
    rows, columns = np.flatnonzero(area.any(axis=1)), np.flatnonzero(area.any(axis=0))
    if not len(rows):
        raise ValueError("there is no address in the window")
    left = max(seen.left - slide, 0) + int(columns[0]) / dots
    right = max(seen.left - slide, 0) + (int(columns[-1]) + 1) / dots
    return Clearance(
        left=left - seen.left,
        top=top + int(rows[0]) / dots - seen.top,
        right=seen.right - slide - right,
        bottom=seen.bottom - top - (int(rows[-1]) + 1) / dots,
    )


def difference_to(shown: Image.Image, reference: Path) -> Image.Image | None:
    """What a picture and its reference do not share, in black on white; None when nobody would see one.

    A reference that is missing, or of another size, differs altogether.
    """
    if not reference.is_file():
        return Image.new("L", shown.size, 0)
    with Image.open(reference) as before:
        if before.size != shown.size:
            return Image.new("L", shown.size, 0)
        apart = ImageChops.difference(before.convert("L"), shown.convert("L"))
    seen = apart.point(lambda level: 255 if level > _SEEN else 0)
    return ImageChops.invert(seen) if seen.getbbox() else None
