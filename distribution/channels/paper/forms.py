"""What stands alike on all pieces of a batch, kept once and stamped: letterhead, table heads, notes."""

from dataclasses import dataclass
from datetime import date

from distribution import exams
from distribution.channels.paper import geometry, letterhead, typesetting, words
from distribution.channels.paper.fonts import BOLD, REGULAR
from distribution.channels.paper.geometry import LEFT, RIGHT
from distribution.channels.paper.pen import INK, RULE, SECOND_INK, Pen

NOTE_SIZE, NOTE_LEADING = 7.5, 3.6
DATE_X, SCORE_X = 112.0, 152.0  # test date begins, score ends
ROSTER_ID_X, ROSTER_COUNT_X = 110.0, 172.0


@dataclass(frozen=True, slots=True)
class Stationery:
    """What stands alike on all pieces of a batch."""

    batch_id: str
    reported_on: date
    return_address: tuple[str, ...]
    omr: bool = False


class KeptForms:
    """Draws the forms of a batch; those that move are drawn from y = 0 down."""

    def __init__(self, pen: Pen, stationery: Stationery):
        self.pen, self.stationery = pen, stationery
        self.words = words.of_piece()
        self.programme = exams.programme()

    def keep(self) -> None:
        """Keep every form, before the first page."""
        self.pen.form("Letterhead", self._letterhead)
        self.pen.form("ReportHead", self._report_head)
        self.pen.form("RosterHead", self._roster_head)
        self.pen.form("Notes", lambda: self._notes([self._scale_note()]))
        self.pen.form("NotesEssays", lambda: self._notes([self.words("essay_note"), self._scale_note()]))
        self.pen.form("NotesRoster", lambda: self._notes([]))

    def _letterhead(self) -> None:
        """Return address at the top left: above the window, whatever the letter's place in the envelope."""
        first, *others = self.stationery.return_address or ("",)
        y = geometry.TOP + letterhead.BASELINE
        self.pen.text(LEFT, y, first, font=BOLD, size=letterhead.FIRST_SIZE)
        for line in others:
            y += letterhead.LEADING
            self.pen.text(LEFT, y, line, size=letterhead.SIZE, ink=SECOND_INK)

    def _report_head(self) -> None:
        say, programme = self.words, self.programme
        self.pen.text(LEFT, 5.2, say("exam"), font=BOLD, size=8)
        self.pen.text(DATE_X, 5.2, say("test_date"), font=BOLD, size=8)
        score = say("score", lowest=programme.lowest_score, highest=programme.highest_score)
        self.pen.right(SCORE_X, 5.2, score, font=BOLD, size=8)
        self.pen.right(RIGHT, 5.2, say("credits"), font=BOLD, size=8)
        self.pen.line(LEFT, 7.4, RIGHT, weight=RULE, ink=INK)

    def _roster_head(self) -> None:
        say = self.words
        self.pen.text(LEFT, 5.2, say("roster_name"), font=BOLD, size=8)
        self.pen.text(ROSTER_ID_X, 5.2, say("roster_candidate"), font=BOLD, size=8)
        self.pen.right(ROSTER_COUNT_X, 5.2, say("roster_results"), font=BOLD, size=8)
        self.pen.right(RIGHT, 5.2, say("roster_sheet"), font=BOLD, size=8)
        self.pen.line(LEFT, 7.4, RIGHT, weight=RULE, ink=INK)

    def _scale_note(self) -> str:
        programme = self.programme
        return self.words("scale_note", lowest=programme.lowest_score, highest=programme.highest_score)

    def _notes(self, notes: list[str]) -> None:
        """Notes, then the redisclosure notice that 34 CFR 99.33 asks for, from y = 0 down."""
        y = 3.0
        for note in notes:
            y = self._paragraph(y, note) + 1.2
        y += 1.6
        self.pen.line(LEFT, y - 3.4, RIGHT)
        self.pen.text(LEFT, y + 1.0, self.words("redisclosure_title"), font=BOLD, size=NOTE_SIZE)
        self._paragraph(y + 1.0 + NOTE_LEADING, self.words("redisclosure"))

    def _paragraph(self, y: float, text: str) -> float:
        for line in typesetting.wrap(text, REGULAR, NOTE_SIZE, width=RIGHT - LEFT):
            self.pen.text(LEFT, y, line, size=NOTE_SIZE, ink=SECOND_INK)
            y += NOTE_LEADING
        return y
