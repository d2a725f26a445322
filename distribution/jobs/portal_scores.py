"""The scores tab: what a person sees of an organisation's year, a page at a time or exported."""

import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from distribution import academic_year
from distribution.channels.portal import export, scores
from distribution.channels.portal.scores import Counts, Cursor, Page, Question, Reader, Sort
from distribution.jobs.wiring import Line
from distribution.ledger import institutions, portal_visits
from distribution.ledger.connection import Role

log = logging.getLogger(__name__)

PAGE_ROWS = 50
MOST_ROWS = 1_000  # on one page
_IN_MEMORY_BYTES = 1024**2
_BLOCK_BYTES = 64 * 1024

__all__ = ["Asked", "Counts", "Cursor", "Form", "Sort", "Viewer", "YearShown"]


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
class YearShown:
    """A page of a year: its rows, the counts of the whole year, and how many rows the filters leave."""

    year: int
    page: Page
    counts: Counts
    found: int
    schools: int
    visited_at: datetime | None
    exported_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExportReady:
    """An export that is recorded and may leave; `blocks` gives its bytes once."""

    rows: int
    size_bytes: int
    blocks: Iterator[bytes]


def today_of(line: Line, viewer: Viewer) -> date:
    """The day that it is at the organisation."""
    return line.now().astimezone(viewer.zone).date()


def years(line: Line, viewer: Viewer) -> list[int]:
    """The running academic year and the former ones that have a score, the newest first."""
    on = today_of(line, viewer)
    seen = _seen_by(line, viewer, on=on)
    with line.connect(role=Role.PORTAL) as conn:
        found = scores.years(conn, list(seen), on=on)
    return sorted({academic_year.academic_year_of(on), *found}, reverse=True)


def look(line: Line, viewer: Viewer, *, year: int, asked: Asked) -> YearShown:
    """A page of scores, disclosed to the viewer, and what has changed since the last visit and export."""
    on = today_of(line, viewer)
    seen = _seen_by(line, viewer, on=on)
    visited_at, exported_at = _visit(line, viewer, year=year)
    question = _question(seen, year=year, on=on, asked=asked, visited_at=visited_at)
    reader = Reader(viewer.actor, f"portal view {academic_year.written(year)}")
    with line.connect(role=Role.PORTAL) as conn:
        counted = scores.counts(conn, question.whole_year(), visited_at=visited_at, exported_at=exported_at)
        found = scores.number_of(conn, question) if asked.is_filtered else counted.scores
        rows = min(asked.rows, MOST_ROWS)
        page = scores.page(conn, question, reader=reader, cursor=asked.cursor, size=rows)
    log.info("Person %s saw %s scores of %s", viewer.person_id, len(page.rows), viewer.organization_code)
    return YearShown(year, page, counted, found, len(seen), visited_at, exported_at)


def counted(line: Line, viewer: Viewer, *, year: int) -> YearShown:
    """The counts of a year without any row: shows no student."""
    on = today_of(line, viewer)
    seen = _seen_by(line, viewer, on=on)
    with line.connect(role=Role.PORTAL) as conn:
        visited_at, exported_at = _former(conn, viewer, year=year)
    with line.connect(role=Role.PORTAL) as conn:
        question = Question(schools=seen, year=year, on=on)
        found = scores.counts(conn, question, visited_at=visited_at, exported_at=exported_at)
    return YearShown(year, Page([], False, False), found, found.scores, len(seen), visited_at, exported_at)


def one(line: Line, viewer: Viewer, *, year: int, result_id: str) -> dict[str, Any] | None:
    """One score as the organisation sees it, disclosed; None where it sees none of that id."""
    on = today_of(line, viewer)
    question = Question(schools=_seen_by(line, viewer, on=on), year=year, on=on)
    reader = Reader(viewer.actor, f"portal view {academic_year.written(year)}")
    with line.connect(role=Role.PORTAL) as conn:
        return scores.one(conn, question, result_id, reader=reader)


def export_scores(line: Line, viewer: Viewer, *, year: int, asked: Asked | None, form: Form) -> ExportReady:
    """All scores of a year, or those that were asked for, whole on disk and recorded before a byte leaves."""
    on = today_of(line, viewer)
    seen = _seen_by(line, viewer, on=on)
    with line.connect(role=Role.PORTAL) as conn:
        visited_at, _ = _former(conn, viewer, year=year)
    question = _question(seen, year=year, on=on, asked=asked or Asked(), visited_at=visited_at)
    artefact = f"portal export {academic_year.written(year)} {form}"
    write = export.write_csv if form is Form.CSV else export.write_xlsx
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
                at=line.now(),
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


def _question(
    seen: dict[str, str], *, year: int, on: date, asked: Asked, visited_at: datetime | None
) -> Question:
    return Question(
        schools=seen,
        year=year,
        on=on,
        words=asked.words,
        exam=asked.exam,
        funding=asked.funding,
        month=asked.month,
        school=asked.school,
        since=visited_at if asked.only_new else None,
        sort=asked.sort,
        descending=asked.descending,
    )


def _seen_by(line: Line, viewer: Viewer, *, on: date) -> dict[str, str]:
    with line.connect(role=Role.PORTAL) as conn:
        return institutions.seen_by(conn, viewer.organization_code, on)


def _visit(line: Line, viewer: Viewer, *, year: int) -> tuple[datetime | None, datetime | None]:
    """When the viewer was here before and exported last; from now on they have been here."""
    with line.connect(role=Role.PORTAL) as conn:
        former = _former(conn, viewer, year=year)
        portal_visits.note(
            conn,
            person_id=viewer.person_id,
            organization_code=viewer.organization_code,
            session_id=viewer.session_id,
            at=line.now(),
        )
    return former


def _former(conn: Any, viewer: Viewer, *, year: int) -> tuple[datetime | None, datetime | None]:
    visited_at = portal_visits.last_before(
        conn,
        person_id=viewer.person_id,
        organization_code=viewer.organization_code,
        session_id=viewer.session_id,
    )
    exported_at = portal_visits.last_export(
        conn, person_id=viewer.person_id, organization_code=viewer.organization_code, year=year
    )
    return visited_at, exported_at


def words_of(text: str) -> tuple[str, ...]:
    """What was typed into the search, as the words that must all be found."""
    return tuple(text.replace(",", " ").split())
