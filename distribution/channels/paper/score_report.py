"""Drawing the sides of a piece: the address sheet with its roster, and the students' reports."""

from datetime import date

from distribution import exams
from distribution.channels.paper import addresses, barcodes, fonts, geometry, layout, omr, typesetting, words
from distribution.channels.paper.content import LineKind, Piece, ScoreLine, Student
from distribution.channels.paper.fonts import BOLD, REGULAR
from distribution.channels.paper.forms import (
    DATE_X,
    ROSTER_COUNT_X,
    ROSTER_ID_X,
    SCORE_X,
    KeptForms,
    Stationery,
)
from distribution.channels.paper.geometry import LEFT, RIGHT, Stock
from distribution.channels.paper.layout import Face, FaceKind, Sheet
from distribution.channels.paper.pen import LINE_INK, SECOND_INK, WHITE, Pen

_ROSTER_ID_WIDTH = 46.0
_SIDE_X = 140.0  # the column to the right of the window
_MARK_X, _MARK_WIDTH = LEFT - 3.2, 1.4


def long_date(day: date) -> str:
    """`23 November 2026`."""
    return f"{day.day} {day:%B %Y}"


class PieceDrawing:
    """Draws pieces of one batch with one pen; keeps what repeats as forms. Counts the lines it has set."""

    def __init__(self, pen: Pen, stationery: Stationery):
        self.pen, self.stationery = pen, stationery
        self.words = words.of_piece()
        self.programme = exams.programme()
        self.day = long_date(stationery.reported_on)
        self.lines_set = 0
        KeptForms(pen, stationery).keep()

    # Sheets -------------------------------------------------------------------------------------------------
    def draw(self, piece: Piece, sheets: tuple[Sheet, ...], *, stock: Stock) -> None:
        """Draw a piece from its first side to its last; a blank back is a page without ink."""
        starts = _first_sheets(sheets)
        for number, sheet in enumerate(sheets, start=1):
            for side in range(geometry.PAGES_PER_SHEET):
                if side < len(sheet.faces):
                    face = sheet.faces[side]
                    self._ids(piece, number, len(sheets), front=side == 0)
                    self._face(piece, face, stock, starts)
                first = number == 1 and side == 0
                self.pen.turn_page(outline=f"{piece.number:04d} · {piece.di}" if first else "")

    def _face(self, piece: Piece, face: Face, stock: Stock, starts: dict[int, int]) -> None:
        if face.continued:
            self._continued(piece, face)
        elif face.kind is FaceKind.REPORT:
            self._own_sheet_head(piece)
        else:
            self._address_head(piece)
        if face.kind is FaceKind.ROSTER:
            self._roster(piece, face, stock, starts)
        else:
            top = stock.body_top if face.kind is FaceKind.LETTER else layout.REPORT_TOP
            self._report(piece.students[face.student], face, top)

    def _ids(self, piece: Piece, sheet: int, of: int, *, front: bool) -> None:
        """What tells each sheet: batch, piece, sheet i of n, for people and for scanners."""
        say, pen = self.words, self.pen
        number = f"{piece.number:04d}" + (f" R{piece.generation}" if piece.generation else "")
        ids = (self.stationery.batch_id, say("piece_id", piece=number), say("sheet_id", sheet=sheet, of=of))
        pen.line(LEFT, geometry.FOOT_LINE, RIGHT)
        footer = say("footer", programme=self.programme.name, di=piece.di, day=self.day)
        pen.text(LEFT, geometry.FOOT_TEXT, footer, size=7.5, ink=SECOND_INK)
        pen.right(RIGHT, geometry.FOOT_TEXT, " · ".join(ids), size=7.5, ink=SECOND_INK)
        if not front:
            return
        code = barcodes.sheet_code(
            batch_id=ids[0], piece=piece.number, sheet=sheet, of=of, generation=piece.generation
        )
        barcodes.draw_data_matrix(
            pen, code, left=geometry.CODE_LEFT, top=geometry.TOP, size=geometry.CODE_SIZE
        )
        for row, words_ in enumerate(ids):
            font = BOLD if row == 0 else REGULAR
            pen.right(geometry.CODE_LEFT - 3.0, geometry.TOP + 2.6 + 3.1 * row, words_, font=font, size=7.5)
        if self.stationery.omr:
            omr.draw(pen, piece=piece.number, sheet=sheet, of=of)
        if sheet == 1:
            pen.box(geometry.BAR_LEFT, geometry.BAR_TOP, geometry.BAR_WIDTH, geometry.BAR_HEIGHT, filled=True)

    def _address_head(self, piece: Piece) -> None:
        """Return address, the recipient's in the window, and beside it what the envelope holds."""
        self.pen.stamp("Letterhead")
        block = addresses.fit(piece.address, below_imb=bool(piece.imb))
        if block is None:
            raise ValueError(f"the address of {piece.di} does not fit; the preflight holds such pieces")
        if piece.imb:
            barcodes.draw_intelligent_mail(self.pen, piece.imb, left=geometry.IMB_LEFT, top=geometry.IMB_TOP)
        y = block.top + block.size * fonts.ASCENT / geometry.MM
        for line in block.lines:
            self.pen.text(geometry.ADDRESS_LEFT, y, line, size=block.size)
            y += block.leading / geometry.MM
        say = self.words
        aside = (
            say("letterhead", programme=self.programme.name),
            say("reported", day=self.day),
            say("institution", di=piece.di),
            say("counted", students=len(piece.students), results=piece.reports),
        )
        for row, line in enumerate(aside):
            font, size = (BOLD, 11) if row == 0 else (REGULAR, 8.5)
            self.pen.text(_SIDE_X, 57.8 + 4.4 * row + bool(row), line, font=font, size=size)

    def _own_sheet_head(self, piece: Piece) -> None:
        """The head of a report on a sheet of its own: whose it is and for whom, without a postal address."""
        say = self.words
        title = say("letterhead", programme=self.programme.name)
        self.pen.text(LEFT, geometry.TOP + 3.4, title, font=BOLD, size=11)
        name = typesetting.set_down(
            fonts.printable(piece.address.name), REGULAR, width=100, largest=8.5, smallest=6.5
        )
        lines = [(line, name.size) for line in name.lines]
        lines.append((f"{say('institution', di=piece.di)} · {say('reported', day=self.day)}", 8.5))
        leading = 4.1 if len(lines) <= 3 else 2.9
        for row, (line, size) in enumerate(lines, start=1):
            self.pen.text(LEFT, geometry.TOP + 4.0 + leading * row, line, size=size, ink=SECOND_INK)

    def _continued(self, piece: Piece, face: Face) -> None:
        """The head of a further side: whose rows go on here."""
        if face.kind is FaceKind.ROSTER:
            whose, size = self.words("roster_continued"), 11.0
        else:
            student = piece.students[face.student]
            words_ = f"{student.name} · {student.candidate_id} · {self.words('continued')}"
            setting = typesetting.set_down(words_, BOLD, width=RIGHT - LEFT, largest=11, smallest=6.5)
            whose, size = setting.lines[0], setting.size
            for row, line in enumerate(setting.lines[1:], start=1):
                self.pen.text(LEFT, layout.CONTINUED_TOP + 3.0 + 2.6 * row, line, font=BOLD, size=size)
        self.pen.text(LEFT, layout.CONTINUED_TOP + 3.0, whose, font=BOLD, size=size)

    # The roster ---------------------------------------------------------------------------------------------
    def _roster(self, piece: Piece, face: Face, stock: Stock, starts: dict[int, int]) -> None:
        y = layout.CONTINUED_TOP + layout.CONTINUED_HEIGHT
        if not face.continued:
            say = self.words
            self.pen.text(
                LEFT,
                stock.body_top + 6.5,
                say("roster_title", students=len(piece.students)),
                font=BOLD,
                size=layout.NAME_LARGEST,
            )
            self.pen.text(LEFT, stock.body_top + 13.0, say("roster_opening"), size=9, ink=SECOND_INK)
            y = stock.body_top + layout.TITLE_HEIGHT
        self.pen.stamp("RosterHead", down=y)
        y += layout.HEAD_HEIGHT
        for index in range(face.first, face.last):
            y = self._roster_row(y, piece.students[index], starts[index])
        if face.closes:
            cancelled = piece.reports - piece.scores
            total = self.words("roster_total", students=len(piece.students), cancelled=cancelled)
            self.pen.text(LEFT, y + 5.0, total, font=BOLD, size=9.5)
            self.pen.right(ROSTER_COUNT_X, y + 5.0, str(piece.scores), font=BOLD, size=9.5)
            self.pen.stamp("NotesRoster", down=y + 11.0)

    def _roster_row(self, y: float, student: Student, sheet: int) -> float:
        setting = layout.roster_setting(student)
        baseline = y + 4.4
        candidate = typesetting.set_down(
            student.candidate_id, REGULAR, width=_ROSTER_ID_WIDTH, largest=9.5, smallest=5.5
        )
        self.pen.text(ROSTER_ID_X, baseline, candidate.lines[0], size=candidate.size)
        self.pen.right(ROSTER_COUNT_X, baseline, str(student.scores), size=9.5)
        self.pen.right(RIGHT, baseline, str(sheet), size=9.5)
        for row, line in enumerate(setting.lines):
            self.pen.text(LEFT, baseline + layout.ROSTER_LINE_HEIGHT * row, line, size=setting.size)
        height = layout.roster_row_height(student)
        if student.kinds != {LineKind.SCORE}:
            changes = self.words(
                "roster_changes",
                corrected=LineKind.CORRECTED in student.kinds,
                cancelled=LineKind.CANCELLED in student.kinds,
            )
            self.pen.text(LEFT, y + height - 1.9, changes, font=BOLD, size=7.5)
            self.pen.box(_MARK_X, y + 1.0, _MARK_WIDTH, height - 1.8, filled=True)
        self.pen.line(LEFT, y + height, RIGHT)
        return y + height

    # A student's report -------------------------------------------------------------------------------------
    def _report(self, student: Student, face: Face, top: float) -> None:
        y = layout.CONTINUED_TOP + layout.CONTINUED_HEIGHT
        if not face.continued:
            y = self._student(student, top)
        self.pen.stamp("ReportHead", down=y)
        y += layout.HEAD_HEIGHT
        for line in student.lines[face.first : face.last]:
            y = self._score_line(y, line)
        if face.closes:
            total = self.words("report_total", scores=student.scores, cancelled=student.cancelled)
            self.pen.text(LEFT, y + 5.2, total, font=BOLD, size=9.5)
            essays = any(line.essays for line in student.lines)
            self.pen.stamp("NotesEssays" if essays else "Notes", down=y + 11.5)

    def _student(self, student: Student, top: float) -> float:
        """The student's name, ids, and marks for what is corrected or cancelled. Returns where it ends."""
        setting = layout.name_setting(student)
        y = top + 6.5
        for line in setting.lines:
            self.pen.text(LEFT, y, line, font=BOLD, size=setting.size)
            y += layout.NAME_LINE_HEIGHT
        y += 1.0
        x = self._labelled(LEFT, y, self.words("candidate"), student.candidate_id, width=60)
        room = self._marks(student, y) - x - 7.0
        if student.college_student_id:
            label = self.words("college_student")
            width = room - fonts.width(label, REGULAR, 8.5) / geometry.MM - 6.0
            self._labelled(x + 7.0, y, label, student.college_student_id, width=max(width, 20.0))
        return top + layout.STUDENT_HEIGHT + layout.NAME_LINE_HEIGHT * (len(setting.lines) - 1)

    def _labelled(self, x: float, y: float, label: str, value: str, *, width: float) -> float:
        self.pen.text(x, y, label, size=8.5, ink=SECOND_INK)
        x += fonts.width(label, REGULAR, 8.5) / geometry.MM + 2.0
        setting = typesetting.set_down(value, BOLD, width=width, largest=10, smallest=5.5)
        for row, line in enumerate(setting.lines):
            self.pen.text(x, y + 2.4 * row, line, font=BOLD, size=setting.size)
        return x + max(fonts.width(line, BOLD, setting.size) for line in setting.lines) / geometry.MM

    def _marks(self, student: Student, y: float) -> float:
        """White on ink at the right: nobody files a correction or a cancellation as a new score.

        Returns where they begin.
        """
        x = RIGHT
        for kind, place in (
            (LineKind.CANCELLED, "cancelled_mark"),
            (LineKind.CORRECTED, "corrected_mark"),
        ):
            if kind in student.kinds:
                words_ = self.words(place)
                width = fonts.width(words_, BOLD, 7.5) / geometry.MM + 4.0
                self.pen.box(x - width, y - 3.7, width, 5.2, filled=True)
                self.pen.text(x - width + 2.0, y, words_, font=BOLD, size=7.5, ink=WHITE)
                x -= width + 2.0
        return x

    def _score_line(self, y: float, line: ScoreLine) -> float:
        say, baseline = self.words, y + 5.7
        title = layout.title_setting(line)
        for row, part in enumerate(title.lines):
            self.pen.text(LEFT, baseline + layout.TITLE_LINE_HEIGHT * row, part, size=title.size)
        self.pen.text(DATE_X, baseline, line.test_date, size=9.5)
        if line.kind is LineKind.CANCELLED:
            self.pen.right(RIGHT, baseline, say("cancelled"), font=BOLD, size=10.5)
        else:
            self.pen.right(SCORE_X, baseline, line.score, font=BOLD, size=13)
            self.pen.right(RIGHT, baseline, line.credits, size=10.5)
        note_y = baseline + layout.TITLE_LINE_HEIGHT * (len(title.lines) - 1) + layout.NOTE_HEIGHT
        if line.kind is not LineKind.SCORE:
            note = "corrected" if line.kind is LineKind.CORRECTED else "cancelled_note"
            font = BOLD if line.kind is LineKind.CORRECTED else REGULAR
            self.pen.text(LEFT, note_y, say(note), font=font, size=8.5)
            self.pen.box(_MARK_X, y + 1.4, _MARK_WIDTH, layout.row_height(line) - 2.6, filled=True)
            note_y += layout.NOTE_HEIGHT
        for part in layout.other_name_lines(line):
            self.pen.text(LEFT, note_y, say("other_name", name=part), size=8.5, ink=SECOND_INK)
            note_y += layout.NOTE_HEIGHT
        bottom = y + layout.row_height(line)
        self.pen.line(LEFT, bottom, RIGHT, ink=LINE_INK)
        self.lines_set += 1
        return bottom


def _first_sheets(sheets: tuple[Sheet, ...]) -> dict[int, int]:
    """On which sheet each student's report begins."""
    return {
        face.student: number
        for number, sheet in reversed(list(enumerate(sheets, start=1)))
        for face in sheet.faces
        if face.kind is not FaceKind.ROSTER
    }
