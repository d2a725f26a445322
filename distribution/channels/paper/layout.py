"""How a piece falls onto sheets: which rows stand on which side. Planning and printing both ask here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from distribution.channels.paper import content, fonts, geometry, typesetting, words
from distribution.channels.paper.content import LineKind, Piece, Student
from distribution.channels.paper.geometry import FLAT, LETTER, PAGES_PER_SHEET, Stock
from distribution.channels.paper.typesetting import Setting

# Heights in millimetres, sizes in points.
HEAD_HEIGHT = 8.5
ROW_HEIGHT, NOTE_HEIGHT = 8.6, 4.6
ROSTER_ROW_HEIGHT, ROSTER_LINE_HEIGHT = 6.6, 3.7
TITLE_WIDTH, TITLE_LINE_HEIGHT = 82.6, 3.6  # an exam's title ends before its test date; each further line
REPORT_TAIL, ROSTER_TAIL = 46.0, 28.0
TITLE_HEIGHT = 20.0  # above the roster: title and opening sentence
STUDENT_HEIGHT, NAME_LINE_HEIGHT = 19.0, 5.2  # name and ids above a report; each further line of a name
REPORT_TOP = 34.0  # of a report that has a sheet of its own
CONTINUED_TOP, CONTINUED_HEIGHT = 28.0, 9.0

NAME_LARGEST, NAME_SMALLEST = 17.0, 10.0
TITLE_LARGEST, TITLE_SMALLEST = 10.5, 8.0
ROSTER_NAME_LARGEST, ROSTER_NAME_SMALLEST = 9.5, 7.0
ROSTER_NAME_WIDTH = 82.0
_MOST_TITLES = 1 << 10  # kept: a night sets a few dozen titles again and again
MOST_REPORT_SHEETS = FLAT.most_sheets - 4  # a flat's other sheets are kept for the roster


class FaceKind(StrEnum):
    ROSTER = "roster"
    REPORT = "report"
    LETTER = "letter"  # address and report on one sheet


@dataclass(frozen=True, slots=True)
class Face:
    """One printed side: rows `first` to before `last` of the roster or of a student's report."""

    kind: FaceKind
    student: int
    first: int
    last: int
    closes: bool

    @property
    def continued(self) -> bool:
        return self.first > 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a piece; a side without a face stays blank."""

    faces: tuple[Face, ...]


def plan(piece: Piece) -> tuple[Stock, tuple[Sheet, ...]]:
    """The stock that a piece needs and its sheets: a letter up to the fold limit, else a flat."""
    # A roster and a sheet for each student: more than the fold limit need not be laid out as a letter.
    if len(piece.students) < LETTER.most_sheets:
        sheets = sheets_on(LETTER, piece)
        if len(sheets) <= LETTER.most_sheets:
            return LETTER, sheets
    return FLAT, sheets_on(FLAT, piece)


def sheets_on(stock: Stock, piece: Piece) -> tuple[Sheet, ...]:
    """A piece's sheets on a stock. No sheet carries two students; each student begins on a new one."""
    if len(piece.students) == 1:
        return _sheets_of(_report_faces(piece.students[0], 0, FaceKind.LETTER, stock.body_top))
    sheets = list(_sheets_of(_roster_faces(piece, stock)))
    for index, student in enumerate(piece.students):
        sheets += _sheets_of(_report_faces(student, index, FaceKind.REPORT, REPORT_TOP))
    return tuple(sheets)


def report_sheets(student: Student) -> int:
    """How many sheets a student's report takes when it has sheets of its own."""
    return len(_sheets_of(_report_faces(student, 0, FaceKind.REPORT, REPORT_TOP)))


def divide(di: str, address: content.PostalAddress, students: Sequence[Student]) -> list[Piece]:
    """One institution's pieces: one, or several where the sheets of all its students fill no single flat."""
    needed = [report_sheets(student) for student in students]
    return [Piece(di, address, share) for share in content.shares(students, needed, most=MOST_REPORT_SHEETS)]


def _sheets_of(faces: Sequence[Face]) -> tuple[Sheet, ...]:
    return tuple(
        Sheet(tuple(faces[first : first + PAGES_PER_SHEET]))
        for first in range(0, len(faces), PAGES_PER_SHEET)
    )


def _report_faces(student: Student, index: int, kind: FaceKind, top: float) -> list[Face]:
    heights = [row_height(line) for line in student.lines]
    taken = top + STUDENT_HEIGHT + NAME_LINE_HEIGHT * (len(name_setting(student).lines) - 1) + HEAD_HEIGHT
    return _faces(kind, index, heights, room=geometry.BODY_BOTTOM - taken, tail=REPORT_TAIL)


def _roster_faces(piece: Piece, stock: Stock) -> list[Face]:
    heights = [roster_row_height(student) for student in piece.students]
    room = geometry.BODY_BOTTOM - stock.body_top - TITLE_HEIGHT - HEAD_HEIGHT
    return _faces(FaceKind.ROSTER, 0, heights, room=room, tail=ROSTER_TAIL)


def _faces(kind: FaceKind, student: int, heights: Sequence[float], *, room: float, tail: float) -> list[Face]:
    """Rows on as many sides as they need; the closing words never stand without a row above them."""
    next_room = geometry.BODY_BOTTOM - CONTINUED_TOP - CONTINUED_HEIGHT - HEAD_HEIGHT
    breaks, filled = [0], 0.0
    for row, height in enumerate(heights):
        last = row == len(heights) - 1
        if row > breaks[-1] and filled + height + (tail if last else 0.0) > room:
            breaks.append(row)
            room, filled = next_room, 0.0
        filled += height
    ends = [*breaks[1:], len(heights)]
    return [
        Face(kind, student, first, last, closes=last == len(heights))
        for first, last in zip(breaks, ends, strict=True)
    ]


def name_setting(student: Student) -> Setting:
    """A student's name as it heads the report."""
    return typesetting.set_down(
        student.name,
        fonts.BOLD,
        width=geometry.RIGHT - geometry.LEFT,
        largest=NAME_LARGEST,
        smallest=NAME_SMALLEST,
    )


def roster_setting(student: Student) -> Setting:
    """A student's name in the roster."""
    return typesetting.set_down(
        student.name,
        fonts.REGULAR,
        width=ROSTER_NAME_WIDTH,
        largest=ROSTER_NAME_LARGEST,
        smallest=ROSTER_NAME_SMALLEST,
    )


def row_height(line: content.ScoreLine) -> float:
    """The height of a report's row with its title's further lines and its notes."""
    notes = (line.kind is not LineKind.SCORE) + len(other_name_lines(line))
    return ROW_HEIGHT + TITLE_LINE_HEIGHT * (len(title_setting(line).lines) - 1) + NOTE_HEIGHT * notes


def title_setting(line: content.ScoreLine) -> Setting:
    """An exam's title with its mark for essays: set down, then broken at spaces, never cut."""
    return _title_setting(line.title, line.essays)


@lru_cache(maxsize=_MOST_TITLES)
def _title_setting(title: str, essays: bool) -> Setting:
    marked = title + (words.of_piece()("essay_mark") if essays else "")
    return typesetting.set_down(
        marked, fonts.REGULAR, width=TITLE_WIDTH, largest=TITLE_LARGEST, smallest=TITLE_SMALLEST
    )


def other_name_lines(line: content.ScoreLine) -> list[str]:
    """The other name of a test, broken to the table's width: each line is a note of its own."""
    if not line.other_name:
        return []
    return typesetting.wrap(line.other_name, fonts.REGULAR, 8.5, width=120.0, break_words=True)


def roster_row_height(student: Student) -> float:
    """The height of a roster's row."""
    lines = len(roster_setting(student).lines) + (student.kinds != {LineKind.SCORE})
    return ROSTER_ROW_HEIGHT + ROSTER_LINE_HEIGHT * (lines - 1)
