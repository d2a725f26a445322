"""A batch's PDF: all its pieces in order, the same bytes for the same ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from distribution import exams
from distribution.channels.paper import geometry, layout
from distribution.channels.paper.content import Piece
from distribution.channels.paper.forms import Stationery
from distribution.channels.paper.geometry import Stock
from distribution.channels.paper.pen import Pen
from distribution.channels.paper.score_report import PieceDrawing


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the ledger says of a batch. `position` of `of` counts the batches planned together, from 1."""

    batch_id: str
    run_id: str
    business_date: date
    created_at: datetime
    stock: Stock
    sheets_per_piece: int
    international: bool
    position: int = 1
    of: int = 1


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One sheet of a piece and the pages of the batch's PDF that are its two sides, from 1."""

    piece: int
    di: str
    sheet: int
    of: int
    first_page: int
    last_page: int
    imb: str = ""
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Printed:
    """A batch as it was set; `lines_set` counts the score lines that stand on its pages."""

    pdf: bytes
    sha256: str
    pages: int
    lines_set: int
    sheets: tuple[SheetRow, ...]


def print_batch(
    ticket: Ticket, pieces: Sequence[Piece], *, return_address: Sequence[str], omr: bool = False
) -> Printed:
    """Set a batch. Raises ValueError when a piece does not fall onto as many sheets as the batch states."""
    programme = exams.programme().name
    pen = Pen(
        title=ticket.batch_id,
        subject=f"{programme} score reports",
        author=programme,
        created_at=ticket.created_at,
    )
    stationery = Stationery(ticket.batch_id, ticket.business_date, tuple(return_address), omr)
    drawing = PieceDrawing(pen, stationery)
    rows: list[SheetRow] = []
    for piece in pieces:
        sheets = layout.sheets_on(ticket.stock, piece)
        if ticket.sheets_per_piece and len(sheets) != ticket.sheets_per_piece:
            raise ValueError(
                f"{ticket.batch_id} piece {piece.number} takes {len(sheets)} sheets, "
                f"not {ticket.sheets_per_piece}"
            )
        drawing.draw(piece, sheets, stock=ticket.stock)
        rows += _rows_of(piece, len(sheets), pages_before=len(rows) * geometry.PAGES_PER_SHEET)
    pdf = pen.close()
    return Printed(
        pdf=pdf,
        sha256=hashlib.sha256(pdf).hexdigest(),
        pages=len(rows) * geometry.PAGES_PER_SHEET,
        lines_set=drawing.lines_set,
        sheets=tuple(rows),
    )


def _rows_of(piece: Piece, sheets: int, *, pages_before: int) -> list[SheetRow]:
    per_sheet = geometry.PAGES_PER_SHEET
    return [
        SheetRow(
            piece=piece.number,
            di=piece.di,
            sheet=sheet,
            of=sheets,
            first_page=pages_before + (sheet - 1) * per_sheet + 1,
            last_page=pages_before + sheet * per_sheet,
            imb=piece.imb,
            generation=piece.generation,
        )
        for sheet in range(1, sheets + 1)
    ]
