"""Make the pictures of docs/mailroom-guide.md: a batch of invented people, drawn by the line's own code."""

import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from PIL import Image, ImageDraw

from distribution.channels.paper import calibration, cover_sheet, print_batch, proof
from distribution.channels.paper.content import LineKind, Piece, ScoreLine, Student
from distribution.channels.paper.edge_cases import ADDRESS, IMB
from distribution.channels.paper.geometry import INCH, LETTER
from distribution.settings import PROJECT_ROOT

TARGET = PROJECT_ROOT / "docs" / "pictures"
PAGE_DPI, DETAIL_DPI = 110, 200
GREYS = 16  # enough for letters with soft edges, and a tenth of the bytes of full colour
_CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
_PAPER_EDGE, _ENVELOPE = 170, 235
_TICKET = print_batch.Ticket(
    "PB-20261123-A", "N20261123-01", date(2026, 11, 23), _CREATED, LETTER, 3, international=False, of=3
)  # fmt: skip
_RETURN_ADDRESS = ("CLEP Score Reports", "PO Box 0000", "Anytown NY 00000")


def pictures() -> dict[str, Image.Image]:
    """The guide's pictures by file name, in shades of grey."""
    first, again = _batch(_piece()), _batch(replace(_piece(), generation=1))
    calibrated = calibration.calibration_page(LETTER, created_at=_CREATED)
    shown = {
        "cover": _framed(_page(_cover(), 0, PAGE_DPI)),
        "calibration": _framed(_page(calibrated, 0, PAGE_DPI)),
        "sheets": _side_by_side(_page(first, 0, PAGE_DPI), _page(first, 2, PAGE_DPI)),
        "envelope": _envelope(_page(first, 0, DETAIL_DPI)),
        "reprint": _side_by_side(_head(first), _head(again)),
    }
    return {f"mailroom-{name}.png": _few_greys(picture) for name, picture in shown.items()}


def _piece() -> Piece:
    """An envelope of two students: three scores, and one that is corrected."""
    scores = (
        ("College Mathematics", "2026-11-18", "61", "6"),
        ("Introductory Psychology", "2026-11-19", "57", "3"),
        ("Western Civilization II: 1648 to the Present", "2026-11-20", "48", "—"),
    )
    lines = tuple(
        ScoreLine(number, LineKind.SCORE, *score, essays=False, other_name="")
        for number, score in enumerate(scores)
    )
    mended = replace(lines[1], kind=LineKind.CORRECTED)
    students = (
        Student("004471203", "Nguyễn, Thị Minh", "U0042917", lines),
        Student("004471558", "Wiśniewski, Łukasz", "", (mended,)),
    )
    return Piece("4471", ADDRESS, students, number=118, imb=IMB)


def _batch(piece: Piece) -> bytes:
    return print_batch.print_batch(_TICKET, [piece], return_address=_RETURN_ADDRESS).pdf


def _cover() -> bytes:
    counts = cover_sheet.Counts(398, 1194, 2388, "00501", "99929-0110")
    told = cover_sheet.Instructions(
        file_name="PB-20261123-A.pdf",
        pdf_sha256="1c9e4f07" + "0" * 48 + "3d5288ab",
        mail_by=datetime(2026, 11, 24, 15, 0, tzinfo=UTC),
        created="Mon 23 Nov 2026 22:00 EST",
        operations="operations@example.org",
    )
    return cover_sheet.cover_sheet(_TICKET, counts, told)


def _page(pdf: bytes, page: int, dpi: int) -> Image.Image:
    return proof.picture(pdf, page, dpi=dpi)


def _framed(page: Image.Image) -> Image.Image:
    """A page whose edge can be seen on white."""
    ImageDraw.Draw(page).rectangle((0, 0, page.width - 1, page.height - 1), outline=_PAPER_EDGE)
    return page


def _envelope(page: Image.Image) -> Image.Image:
    """The folded letter in its envelope, pushed left: what the window shows of it."""
    dots = DETAIL_DPI / INCH
    envelope = Image.new("L", (round(LETTER.width * dots), round(LETTER.height * dots)), _ENVELOPE)
    window, seen = LETTER.window, LETTER.window_on_paper()
    left, top = round(window.left * dots), round(window.top * dots)
    shown = page.crop((seen.left * dots, seen.top * dots, seen.right * dots, seen.bottom * dots))
    corners = (left, top, left + shown.width, top + shown.height)
    behind = Image.new("L", envelope.size, 0)
    ImageDraw.Draw(behind).rounded_rectangle(corners, radius=round(3 * dots), fill=255)
    envelope.paste(shown, (left, top), behind.crop((left, top, left + shown.width, top + shown.height)))
    draw = ImageDraw.Draw(envelope)
    draw.rounded_rectangle(corners, radius=round(3 * dots), outline=_PAPER_EDGE, width=2)
    draw.rectangle((0, 0, envelope.width - 1, envelope.height - 1), outline=_PAPER_EDGE, width=2)
    return envelope.resize((envelope.width * 3 // 4, envelope.height * 3 // 4), Image.Resampling.LANCZOS)


def _head(pdf: bytes) -> Image.Image:
    """The top right of a first sheet: piece, sheet and code."""
    dots = DETAIL_DPI / INCH
    page = _page(pdf, 0, DETAIL_DPI)
    return page.crop((round(130 * dots), round(8 * dots), round(200 * dots), round(27 * dots)))


def _side_by_side(before: Image.Image, after: Image.Image) -> Image.Image:
    gap = 24
    both = Image.new("L", (before.width + gap + after.width, before.height), 255)
    both.paste(_framed(before), (0, 0))
    both.paste(_framed(after), (before.width + gap, 0))
    return both


def _few_greys(picture: Image.Image) -> Image.Image:
    step = 255 / (GREYS - 1)
    return picture.point([round(round(level / step) * step) for level in range(256)])


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        _save(picture, TARGET / name)
    return 0


def _save(picture: Image.Image, path: Path) -> None:
    """As a palette of the greys that are left."""
    picture.quantize(GREYS).save(path, optimize=True, dpi=(PAGE_DPI, PAGE_DPI))


if __name__ == "__main__":
    sys.exit(main())
