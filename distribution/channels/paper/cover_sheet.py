"""The job ticket of a batch: one page for the mailroom, counts and instructions, no student's data."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from distribution import __version__
from distribution.channels.paper import barcodes, fonts, geometry, typesetting, words
from distribution.channels.paper.fonts import BOLD, REGULAR
from distribution.channels.paper.geometry import Stock
from distribution.channels.paper.pen import HEAVY, INK, LINE_INK, RULE, SECOND_INK, Pen
from distribution.channels.paper.print_batch import Ticket

_LEFT, _RIGHT = 14.0, 201.9
_MIDDLE = 112.0
_LABEL_WIDTH, _ROW = 30.0, 6.2
_GRID_COLUMNS, _GRID_ROWS, _GRID_HEIGHT = 6, 3, 7.2


@dataclass(frozen=True, slots=True)
class Counts:
    """What the mailroom counts. `first_postal_code` and `last_postal_code` in the order of the batch."""

    pieces: int
    sheets: int
    pages: int
    first_postal_code: str
    last_postal_code: str


@dataclass(frozen=True, slots=True)
class Instructions:
    """What the mailroom is told besides the counts; `created` in local time, as it is printed."""

    file_name: str
    pdf_sha256: str
    mail_by: datetime  # local time, as it is printed
    created: str
    operations: str


def weight_steps(stock: Stock, sheets_per_piece: Sequence[int]) -> dict[int, int]:
    """How many pieces fall into each whole ounce that postage is paid for: ounces → pieces."""
    ounces = (
        math.ceil(round(stock.envelope_oz + sheets * geometry.SHEET_OZ, 6)) for sheets in sheets_per_piece
    )
    return dict(sorted(Counter(ounces).items()))


def cover_sheet(ticket: Ticket, counts: Counts, told: Instructions) -> bytes:
    """The cover sheet as a PDF of one page, the same bytes for the same ledger."""
    pen = Pen(
        title=f"{ticket.batch_id} cover sheet",
        subject="Print batch cover sheet",
        author="score-distribution",
        created_at=ticket.created_at,
    )
    drawing = _Cover(pen, ticket, counts, told)
    drawing.draw()
    pen.turn_page()
    return pen.close()


class _Cover:
    """Draws one cover sheet from top to bottom."""

    def __init__(self, drawn_with: Pen, ticket: Ticket, counts: Counts, told: Instructions):
        self.pen, self.ticket, self.counts, self.told = drawn_with, ticket, counts, told
        self.words = words.of_cover_sheet()

    def draw(self) -> None:
        self._heading()
        self._codes()
        self._figures()
        self._print_column()
        self._insert_column()
        self._sign_off()
        self._damaged()
        self._grid()
        self._foot()

    def _heading(self) -> None:
        say, ticket = self.words, self.ticket
        mail_by = f"{self.told.mail_by:%A} {self.told.mail_by.day} {self.told.mail_by:%B %Y, %H:%M}"
        kind = say("kind", international=ticket.international, stock=ticket.stock.title)
        self.pen.text(_LEFT, 14.0, say("heading"), font=BOLD, size=10.5)
        self.pen.text(_LEFT, 28.5, ticket.batch_id, font=BOLD, size=34)
        self.pen.text(_LEFT, 36.5, kind, size=11.5)
        self.pen.text(_LEFT, 42.8, say("mail_by", day=mail_by), font=BOLD, size=11.5)
        self.pen.line(_LEFT, 48.5, _RIGHT, weight=HEAVY, ink=INK)

    def _codes(self) -> None:
        """The batch id as a line code to start with, and a square code that says what must be there."""
        say, ticket = self.words, self.ticket
        left = barcodes.draw_line_code(
            self.pen, ticket.batch_id, right=177.0, top=10.0, module=0.335, height=12.0
        )
        self.pen.text(left, 26.0, ticket.batch_id, size=7.5)
        self.pen.right(177.0, 26.0, say("scan"), size=7.5)
        words_ = f"{ticket.batch_id}|{self.counts.pieces}|{self.counts.sheets}|{self.told.pdf_sha256[:16]}"
        barcodes.draw_qr_code(self.pen, words_, left=_RIGHT - 20.0, top=10.0, size=20.0)
        self.pen.right(_RIGHT, 34.0, say("check"), size=7.5)

    def _figures(self) -> None:
        say, counts, ticket = self.words, self.counts, self.ticket
        figures = (
            (f"{counts.pieces:,}", say("pieces")),
            (f"{counts.sheets:,}", say("sheets")),
            (f"0001–{counts.pieces:04d}", say("numbers")),
            (f"{ticket.position} of {ticket.of}", say("batches")),
        )
        for (figure, label), x in zip(figures, (_LEFT, 54.0, 98.0, 160.0), strict=True):
            if x > _LEFT:
                self.pen.line(x - 4.0, 48.5, x - 4.0, 71.0, weight=RULE, ink=INK)
            self.pen.text(x, 60.0, figure, font=BOLD, size=22)
            self.pen.text(x, 66.5, label, size=9.5)
        self.pen.line(_LEFT, 71.0, _RIGHT, weight=RULE, ink=INK)

    def _print_column(self) -> None:
        say, counts, told = self.words, self.counts, self.told
        impressions = say("impressions_of", pages=f"{counts.pages:,}", sheets=f"{counts.sheets:,}")
        checksum = f"SHA-256 {told.pdf_sha256[:8]} … {told.pdf_sha256[-8:]}"
        rows = (
            (say("file"), told.file_name, REGULAR),
            (say("impressions"), impressions, REGULAR),
            (say("checksum"), checksum, REGULAR),
            (say("stock"), say("stock_of"), REGULAR),
            (say("scale"), say("scale_of"), BOLD),
        )
        self._column(_LEFT, say("print_title"), rows, width=_MIDDLE - _LEFT - 26.0, label_width=24.0)

    def _insert_column(self) -> None:
        say, counts, ticket = self.words, self.counts, self.ticket
        order = say(
            "order_of",
            first=counts.first_postal_code,
            last=counts.last_postal_code,
            international=ticket.international,
        )
        steps = weight_steps(ticket.stock, [ticket.sheets_per_piece] * counts.pieces)
        stepwise = " · ".join(say("step", ounces=step, pieces=pieces) for step, pieces in steps.items())
        rows = (
            (say("fold"), ticket.stock.fold, REGULAR),
            (say("per_piece"), say("per_piece_of", sheets=ticket.sheets_per_piece), REGULAR),
            (say("start"), say("start_of"), REGULAR),
            (say("order"), order, REGULAR),
            (
                say("postage"),
                say("postage_of", international=ticket.international, steps=stepwise),
                REGULAR,
            ),
        )
        width = _RIGHT - _MIDDLE - _LABEL_WIDTH
        self._column(_MIDDLE, say("insert_title"), rows, width=width, label_width=_LABEL_WIDTH)

    def _column(
        self, x: float, title: str, rows: Sequence[tuple[str, str, str]], *, width: float, label_width: float
    ) -> None:
        self.pen.text(x, 80.0, title, font=BOLD, size=10.5)
        y = 87.0
        for label, value, font in rows:
            self.pen.text(x, y, label, size=9.5, ink=SECOND_INK)
            setting = typesetting.set_down(value, font, width=width, largest=9.5, smallest=8.0)
            for line in setting.lines:
                self.pen.text(x + label_width, y, line, font=font, size=setting.size)
                y += _ROW if line is setting.lines[-1] else 4.2
        self.pen.line(_LEFT, 123.0, _RIGHT, weight=RULE, ink=INK)

    def _sign_off(self) -> None:
        say, counts = self.words, self.counts
        self.pen.text(_LEFT, 131.5, say("sign_off"), font=BOLD, size=10.5)
        for x, place in (
            (_LEFT, "step_heading"),
            (84.0, "count_heading"),
            (138.0, "name_heading"),
            (174.0, "time_heading"),
        ):
            self.pen.text(x, 139.0, say(place), font=BOLD, size=9)
        self.pen.line(_LEFT, 142.0, _RIGHT, weight=RULE, ink=INK)
        pieces, sheets = f"{counts.pieces:,}", f"{counts.sheets:,}"
        steps = (
            ("printed", say("of_sheets", sheets=sheets)),
            ("checked", ""),
            ("inserted", say("of_pieces", pieces=pieces)),
            ("spoiled", say("listed")),
            ("mailed", say("of_pieces", pieces=pieces)),
        )
        for row, (step, count) in enumerate(steps):
            self._step(142.0 + 9.4 * row, say(step), count)

    def _step(self, y: float, step: str, count: str) -> None:
        """A line to sign: a box to tick, a blank for the count, room for name and time."""
        self.pen.box(_LEFT, y + 2.4, 4.6, 4.6, weight=RULE)
        self.pen.text(_LEFT + 7.0, y + 6.2, step, size=9.5)
        if count:
            self.pen.line(84.0, y + 6.8, 102.0, weight=RULE, ink=INK)
            self.pen.text(103.5, y + 6.2, count, size=9.5)
        else:
            for x, piece in ((84.0, 1), (108.0, self.counts.pieces)):
                self.pen.text(x, y + 6.2, f"{piece:04d}", size=9.5)
                self.pen.box(x + 11.0, y + 2.4, 4.6, 4.6, weight=RULE)
        self.pen.line(_LEFT, y + 9.4, _RIGHT, ink=LINE_INK)

    def _damaged(self) -> None:
        say = self.words
        self.pen.box(_LEFT, 193.0, _RIGHT - _LEFT, 22.5, weight=1.4)
        self.pen.text(_LEFT + 4.0, 198.6, say("damaged_question"), font=BOLD, size=9.5)
        told = say("damaged", pieces=f"{self.counts.pieces:,}", operations=self.told.operations)
        y = 203.6
        for line in typesetting.wrap(told, REGULAR, 9.0, width=_RIGHT - _LEFT - 8.0):
            self.pen.text(_LEFT + 4.0, y, line, size=9.0)
            y += 4.3

    def _grid(self) -> None:
        self.pen.text(_LEFT, 222.0, self.words("spoiled_title"), font=BOLD, size=10.5)
        width = (_RIGHT - _LEFT) / _GRID_COLUMNS
        for row in range(_GRID_ROWS):
            for column in range(_GRID_COLUMNS):
                x, y = _LEFT + width * column, 225.0 + _GRID_HEIGHT * row
                self.pen.box(x, y, width, _GRID_HEIGHT, weight=0.7)

    def _foot(self) -> None:
        say = self.words
        self.pen.line(_LEFT, 264.5, _RIGHT, weight=RULE, ink=INK)
        made = say("made", run=self.ticket.run_id, version=__version__, created=self.told.created)
        confidential = say("confidential")
        room = _RIGHT - _LEFT - fonts.width(confidential, REGULAR, 7.5) / geometry.MM - 4.0
        setting = typesetting.set_down(made, REGULAR, width=room, largest=7.5, smallest=5.5)
        self.pen.text(_LEFT, 268.8, setting.lines[0], size=setting.size)
        self.pen.right(_RIGHT, 268.8, confidential, size=7.5)
