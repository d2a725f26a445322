"""The scores tab: what a person sees of an organisation's year, a page at a time or exported."""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

import psycopg

from distribution import academic_year
from distribution.channels.portal import access, counts, export, scores
from distribution.channels.portal.counts import Counts
from distribution.channels.portal.questions import Question, Reader, Sort
from distribution.channels.portal.scores import Cursor, Page
from distribution.jobs.wiring import Line
from distribution.ledger import institutions, marks, portal_visits
from distribution.ledger.connection import Role
from distribution.ledger.marks import Answered
from distribution.ledger.portal_visits import Before

log = logging.getLogger(__name__)

PAGE_ROWS = 50
MOST_ROWS = 1_000  # on one page
_MARKS_SHOWN = timedelta(days=90)  # after operations settled a mark, its words stay on the page so long
_SAME_VISIT = timedelta(minutes=1)  # another page within it writes nothing
_IN_MEMORY_BYTES = 1024**2
_BLOCK_BYTES = 64 * 1024

__all__ = ["Asked", "Counts", "Cursor", "Form", "Seen", "Sort", "Viewer", "YearShown"]


class Form(StrEnum):
    """In what form scores are exported."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, for which organisation: a coordinator, an alternate, or a district's own."""

    person_id: int
    session_id: int
    email: str
    organization_code: str
    zone: ZoneInfo

    @property
    def actor(self) -> str:
        """How the disclosures name a person."""
        return f"{self.email} (person {self.person_id})"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks for; empty = everything. `month` is `2026-11`."""

    words: tuple[str, ...] = field(default=(), repr=False)
    exam: str = ""
    funding: str = ""
    month: str = ""
    school: str = ""
    only_new: bool = False
    sort: Sort = Sort.NAME
    descending: bool = False
    cursor: Cursor | None = None
    rows: int = PAGE_ROWS

    @property
    def is_filtered(self) -> bool:
        return bool(self.words or self.exam or self.funding or self.month or self.school or self.only_new)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an organisation sees on a day: the schools (code → name), and the academic years, newest first."""

    on: date
    schools: Mapping[str, str] = field(repr=False)
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class YearShown:
    """A page of a year: its rows, the counts of the whole year, and how many rows the filters leave."""

    year: int
    page: Page
    counts: Counts
    found: int
    schools: int
    before: Before
    marks: tuple[Answered, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportReady:
    """An export that is recorded and may leave; `blocks` gives its bytes once."""

    rows: int
    size_bytes: int
    blocks: Iterator[bytes]


def today_of(line: Line, viewer: Viewer) -> date:
    """The day that it is at the organisation."""
    return line.now().astimezone(viewer.zone).date()


def seen_by(line: Line, viewer: Viewer) -> Seen:
    """Whose scores the viewer's organisation sees today; the running year is among the years in any case."""
    on = today_of(line, viewer)
    with line.connect(role=Role.PORTAL) as conn:
        schools = institutions.seen_by(conn, viewer.organization_code, on)
        conn.commit()  # rows of schools are read in a transaction of their own
        with access.as_schools(conn, schools):
            found = counts.years(conn, list(schools), on=on)
    years = {academic_year.academic_year_of(on), *found}
    return Seen(on, schools, tuple(sorted(years, reverse=True)))


def look(line: Line, viewer: Viewer, seen: Seen, *, year: int, asked: Asked) -> YearShown:
    """A page of scores, disclosed to the viewer, and what has changed since the last visit and export."""
    with line.connect(role=Role.PORTAL) as conn:
        before = _before(conn, viewer, year=year)
        _note_visit(conn, viewer, before, at=line.now())
        conn.commit()
        question = _question(seen, year=year, asked=asked, before=before)
        with access.as_schools(conn, seen.schools):
            counted = _counts(conn, question.whole_year(), before)
            found = counts.number_of(conn, question) if asked.is_filtered else counted.scores
            rows, reader = min(asked.rows, MOST_ROWS), _reader(viewer, year)
            page = scores.page(conn, question, reader=reader, cursor=asked.cursor, size=rows)
            told = marks.answered(conn, viewer.organization_code, since=line.now() - _MARKS_SHOWN)
    log.info("Person %s saw %s scores of %s", viewer.person_id, len(page.rows), viewer.organization_code)
    return YearShown(year, page, counted, found, len(seen.schools), before, tuple(told))


def counted(line: Line, viewer: Viewer, seen: Seen, *, year: int) -> YearShown:
    """The counts of a year without any row: shows no student."""
    with line.connect(role=Role.PORTAL) as conn:
        before = _before(conn, viewer, year=year)
        conn.commit()
        with access.as_schools(conn, seen.schools):
            found = _counts(conn, Question(schools=seen.schools, year=year, on=seen.on), before)
    return YearShown(year, Page([], False, False), found, found.scores, len(seen.schools), before)


def one(line: Line, viewer: Viewer, seen: Seen, *, year: int, result_id: str) -> dict[str, Any] | None:
    """One score as the organisation sees it, disclosed; None where it sees none of that id."""
    question = Question(schools=seen.schools, year=year, on=seen.on)
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, seen.schools):
        return scores.one(conn, question, result_id, reader=_reader(viewer, year))


def export_scores(
    line: Line, viewer: Viewer, seen: Seen, *, year: int, asked: Asked | None, form: Form
) -> ExportReady:
    """All scores of a year, or those that were asked for, whole on disk and recorded before a byte leaves."""
    with line.connect(role=Role.PORTAL) as conn:
        before = _before(conn, viewer, year=year)
    question = _question(seen, year=year, asked=asked or Asked(), before=before)
    artefact = f"portal export {academic_year.written(year)} {form}"
    write = export.write_csv if form is Form.CSV else export.write_xlsx
    # What is staged while the export is written came after it, though it may stand in it too.
    at = line.now()
    spool = cast(IO[bytes], tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES))  # noqa: SIM115
    try:
        with line.connect(role=Role.PORTAL) as conn:
            written = write(conn, spool, question=question, reader=Reader(viewer.actor, artefact))
        with line.connect(role=Role.PORTAL) as conn:
            portal_visits.note_export(
                conn,
                person_id=viewer.person_id,
                organization_code=viewer.organization_code,
                year=year,
                whole_year=asked is None,
                form=form,
                rows=written.rows,
                at=at,
            )
    except BaseException:
        spool.close()
        raise
    log.info("Person %s exported %s scores of %s", viewer.person_id, written.rows, viewer.organization_code)
    return ExportReady(written.rows, spool.tell(), _blocks(spool))


def _blocks(spool: IO[bytes]) -> Iterator[bytes]:
    with spool:
        spool.seek(0)
        while block := spool.read(_BLOCK_BYTES):
            yield block


def _question(seen: Seen, *, year: int, asked: Asked, before: Before) -> Question:
    return Question(
        schools=seen.schools,
        year=year,
        on=seen.on,
        words=asked.words,
        exam=asked.exam,
        funding=asked.funding,
        month=asked.month,
        school=asked.school,
        since=before.visited_at if asked.only_new else None,
        sort=asked.sort,
        descending=asked.descending,
    )


def _counts(conn: psycopg.Connection, question: Question, before: Before) -> Counts:
    return counts.counts(conn, question, visited_at=before.visited_at, exported_at=before.exported_at)


def _reader(viewer: Viewer, year: int) -> Reader:
    return Reader(viewer.actor, f"portal view {academic_year.written(year)}")


def _note_visit(conn: psycopg.Connection, viewer: Viewer, before: Before, *, at: datetime) -> None:
    if before.here_at is not None and timedelta() <= at - before.here_at < _SAME_VISIT:
        return
    portal_visits.note(
        conn,
        person_id=viewer.person_id,
        organization_code=viewer.organization_code,
        session_id=viewer.session_id,
        at=at,
    )


def _before(conn: psycopg.Connection, viewer: Viewer, *, year: int) -> Before:
    return portal_visits.before(
        conn,
        person_id=viewer.person_id,
        organization_code=viewer.organization_code,
        session_id=viewer.session_id,
        year=year,
    )


def words_of(text: str) -> tuple[str, ...]:
    """What was typed into the search, as the words that must all be found."""
    return tuple(text.replace(",", " ").split())
