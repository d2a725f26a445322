"""The scores page: one question about a year of schools' scores, asked alike by the table and the export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.channels.portal import access
from distribution.model import Action, ResultStatus

COMBINING_MARKS = "[\u0300-\u036f]"


class Sort(StrEnum):
    """By what the rows are ordered; names break ties, so that every order is a whole one."""

    NAME = "name"
    EXAM = "exam"
    SCORE = "score"
    TESTED = "tested"
    FUNDING = "funding"


_LEADING = {
    Sort.EXAM: "s.exam_title",
    Sort.SCORE: "coalesce(s.scaled_score, -1)",
    Sort.TESTED: "s.test_date",
    Sort.FUNDING: "s.funding",
}
# The name of a row's school, looked up among the parameters: a join would cost the order of the index.
SCHOOL_NAME = "coalesce((%(names)s::text[])[array_position(%(codes)s::text[], s.school_code)], '')"
_TAIL = ("s.last_name", "s.first_name", "s.result_id", "s.school_code")


@dataclass(frozen=True, slots=True)
class Question:
    """Which scores are asked for: `schools` (code → name) in an academic year, narrowed where a field is set.

    `on`: what may no longer be reported that day is left out. `words` are found in names (accents and case
    do not matter), candidate ids and local student ids; all of them must be there. `month` is `2026-11`.
    `since`: only what was staged after that moment.
    """

    schools: Mapping[str, str] = field(repr=False)
    year: int
    on: date
    words: tuple[str, ...] = field(default=(), repr=False)
    exam: str = ""
    funding: str = ""
    month: str = ""
    school: str = ""
    since: datetime | None = None
    sort: Sort = Sort.NAME
    descending: bool = False

    def whole_year(self) -> "Question":
        """The same year and schools without any filter, in order of names."""
        return Question(schools=self.schools, year=self.year, on=self.on)

    @property
    def parameters(self) -> dict[str, Any]:
        codes = sorted(self.schools)
        return {
            "codes": codes,
            "names": [self.schools[code] for code in codes],
            "year": self.year,
            "on": self.on,
            "words": [word.lower() for word in self.words],
            "exam": self.exam,
            "funding": self.funding,
            "month": self.month,
            "school": self.school,
            "since": self.since,
            "marks": COMBINING_MARKS,
            "new": Action.NEW,
            "scored": ResultStatus.SCORED,
        }


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after or before this row, which is named by school and result alone."""

    school_code: str
    result_id: str
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: how the disclosures name them, and what they were shown."""

    actor: str
    artefact: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as dictionaries of the view's columns and `school_name`; whether others come before and after."""

    rows: list[dict[str, Any]] = field(repr=False)
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What a year holds, by exam, payer, month and school: (value, title, number) each, in order."""

    scores: int = 0
    students: int = 0
    new: int = 0
    since_export: int = 0
    corrected: int = 0
    newest_at: datetime | None = None
    exams: tuple[tuple[str, str, int], ...] = ()
    fundings: tuple[tuple[str, str, int], ...] = ()
    months: tuple[tuple[str, str, int], ...] = ()
    schools: tuple[tuple[str, str, int], ...] = ()


def rows_asked_for(question: Question) -> str:
    """FROM and WHERE of a question; `s` is the row. Values are parameters."""
    conditions = [
        "s.school_code = ANY(%(codes)s::text[])",
        "s.academic_year = %(year)s",
        "s.reportable_until >= %(on)s",
    ]
    if question.words:
        conditions.append(
            """NOT EXISTS (
                SELECT FROM unnest(%(words)s::text[]) AS w (word)
                WHERE strpos(regexp_replace(normalize(lower(concat_ws(' ', s.last_name, s.first_name,
                                            s.middle_name, s.candidate_id, s.local_student_id)), NFD),
                                            %(marks)s, '', 'g'),
                             regexp_replace(normalize(w.word, NFD), %(marks)s, '', 'g')) = 0)"""
        )
    if question.exam:
        conditions.append("s.exam_code = %(exam)s")
    if question.funding:
        conditions.append("s.funding = %(funding)s")
    if question.month:
        conditions.append("to_char(s.test_date, 'YYYY-MM') = %(month)s")
    if question.school:
        conditions.append("s.school_code = %(school)s")
    if question.since is not None:
        conditions.append("s.staged_at > %(since)s")
    return f"""
FROM portal.score AS s
WHERE {" AND ".join(conditions)}
"""


def order_of(question: Question, *, backwards: bool = False) -> str:
    """ORDER BY of a question; `backwards` for the page before a row."""
    lead, down = _LEADING.get(question.sort), question.descending
    ways = [(column, (down and lead is None) != backwards) for column in _TAIL]
    if lead is not None:
        ways.insert(0, (lead, down != backwards))
    return "ORDER BY " + ", ".join(f"{column} {'DESC' if falls else 'ASC'}" for column, falls in ways)


def page(
    conn: psycopg.Connection, question: Question, *, reader: Reader, cursor: Cursor | None, size: int
) -> Page:
    """A page of rows, with a disclosure for each of them in the same transaction.

    A cursor whose row is not in the schools' view (any more) begins at the first page: it tells nothing.
    `conn` is in the portal's role, outside a transaction.
    """
    with access.as_schools(conn, question.schools), conn.cursor(row_factory=dict_row) as cells:
        found = _key_of(cells, question, cursor)
        if found is None:
            cursor = None
        params = {
            **question.parameters,
            **(found or {}),
            "actor": reader.actor,
            "artefact": reader.artefact,
            "limit": size + 1,
            "size": size,
        }
        backwards = cursor is not None and cursor.backwards
        rows = cells.execute(_page_statement(question, found, backwards=backwards), params).fetchall()
    more = bool(rows) and rows[0]["found"] > size
    if backwards:
        rows.reverse()
        return Page(rows, has_previous=more, has_next=True)
    return Page(rows, has_previous=cursor is not None, has_next=more)


def _page_statement(question: Question, key: Mapping[str, Any] | None, *, backwards: bool) -> str:
    begins = f"AND {_beyond(question, backwards=backwards)}" if key else ""
    order = order_of(question, backwards=backwards)
    return f"""
        WITH found AS MATERIALIZED (
            SELECT s.*, {SCHOOL_NAME} AS school_name, row_number() OVER ({order}) AS place
            {rows_asked_for(question)} {begins} {order} LIMIT %(limit)s
        ), noted AS (
            INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                           artefact, actor)
            SELECT result_id, revision, candidate_id, school_code, 'portal', seen_because,
                   %(artefact)s, %(actor)s
            FROM found
            WHERE place <= %(size)s
            ORDER BY place
        )
        SELECT *, count(*) OVER () AS found FROM found ORDER BY place LIMIT %(size)s
        """


def _key_of(
    cells: psycopg.Cursor[dict[str, Any]], question: Question, cursor: Cursor | None
) -> dict[str, Any] | None:
    """The ordering values of the cursor's row, as parameters; None where there is no such row."""
    if cursor is None:
        return None
    lead = _LEADING.get(question.sort, "NULL::text")
    return cells.execute(
        f"""
        SELECT {lead} AS key_lead, s.last_name AS key_last, s.first_name AS key_first,
               s.result_id AS key_result, s.school_code AS key_school
        FROM portal.score AS s
        WHERE s.school_code = ANY(%(codes)s::text[])
          AND s.school_code = %(at_school)s
          AND s.result_id = %(at_result)s
          AND s.academic_year = %(year)s
        """,
        {**question.parameters, "at_school": cursor.school_code, "at_result": cursor.result_id},
    ).fetchone()


def _beyond(question: Question, *, backwards: bool) -> str:
    """The condition of lying beyond the cursor's row in the order of the question."""
    lead, down = _LEADING.get(question.sort), question.descending
    sign = "<" if (down and lead is None) != backwards else ">"
    key = "(%(key_last)s, %(key_first)s, %(key_result)s, %(key_school)s)"
    tail = f"({', '.join(_TAIL)}) {sign} {key}"
    if lead is None:
        return tail
    sign = "<" if down != backwards else ">"
    return f"({lead} {sign} %(key_lead)s OR ({lead} = %(key_lead)s AND {tail}))"


def one(
    conn: psycopg.Connection, question: Question, result_id: str, *, reader: Reader
) -> dict[str, Any] | None:
    """One result as the schools see it, disclosed; None where they do not."""
    with access.as_schools(conn, question.schools), conn.cursor(row_factory=dict_row) as cells:
        return cells.execute(
            f"""
            WITH found AS MATERIALIZED (
                SELECT s.*, {SCHOOL_NAME} AS school_name
                {rows_asked_for(question.whole_year())} AND s.result_id = %(result_id)s
                ORDER BY s.school_code LIMIT 1
            ), noted AS (
                INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                               artefact, actor)
                SELECT result_id, revision, candidate_id, school_code, 'portal', seen_because,
                       %(artefact)s, %(actor)s
                FROM found
            )
            SELECT * FROM found
            """,
            {
                **question.parameters,
                "result_id": result_id,
                "artefact": reader.artefact,
                "actor": reader.actor,
            },
        ).fetchone()


def counts(
    conn: psycopg.Connection,
    question: Question,
    *,
    visited_at: datetime | None = None,
    exported_at: datetime | None = None,
) -> Counts:
    """How many scores the question asks for and how they fall; discloses nobody.

    `new` counts those staged after `visited_at`, `since_export` those after `exported_at`.
    """
    with access.as_schools(conn, question.schools):
        found = conn.execute(
            f"""
            SELECT grouping(s.exam_code, s.funding, to_char(s.test_date, 'YYYY-MM'), s.school_code) AS level,
                   coalesce(s.exam_code, s.funding, to_char(s.test_date, 'YYYY-MM'), s.school_code) AS value,
                   max(s.exam_title), max({SCHOOL_NAME}), count(*), count(DISTINCT s.candidate_id),
                   count(*) FILTER (WHERE s.action <> %(new)s AND s.former_score IS NOT NULL),
                   count(*) FILTER (WHERE s.staged_at > %(visited_at)s),
                   count(*) FILTER (WHERE s.staged_at > %(exported_at)s),
                   max(s.staged_at)
            {rows_asked_for(question)}
            GROUP BY GROUPING SETS ((s.exam_code), (s.funding), (to_char(s.test_date, 'YYYY-MM')),
                                    (s.school_code), ())
            """,
            {**question.parameters, "visited_at": visited_at, "exported_at": exported_at},
        ).fetchall()
    sets: dict[int, list[tuple[str, str, int]]] = {}
    whole = Counts()
    for level, value, exam_title, school_name, number, students, corrected, new, added, newest_at in found:
        title = exam_title if level == _EXAM else school_name if level == _SCHOOL else value
        sets.setdefault(level, []).append((value, title or value or "", number))
        if level == _ALL:
            whole = Counts(number, students, new, added, corrected, newest_at)
    return replace(
        whole,
        exams=tuple(sorted(sets.get(_EXAM, ()), key=lambda each: each[1])),
        fundings=tuple(sorted(sets.get(_FUNDING, ()))),
        months=tuple(sorted(sets.get(_MONTH, ()), reverse=True)),
        schools=tuple(sorted(sets.get(_SCHOOL, ()), key=lambda each: each[1])),
    )


# What GROUPING answers for each set: a bit for every column that is summed up.
_EXAM, _FUNDING, _MONTH, _SCHOOL, _ALL = 0b0111, 0b1011, 0b1101, 0b1110, 0b1111


def number_of(conn: psycopg.Connection, question: Question) -> int:
    """How many rows a question has; discloses nobody."""
    with access.as_schools(conn, question.schools):
        row = conn.execute(f"SELECT count(*) {rows_asked_for(question)}", question.parameters).fetchone()
    return row[0] if row else 0


def years(conn: psycopg.Connection, schools: Sequence[str], *, on: date) -> list[int]:
    """The academic years in which the schools have a reportable score, the newest first."""
    with access.as_schools(conn, schools):
        rows = conn.execute(
            """
            SELECT y.year
            FROM generate_series(%(last)s, %(first)s, -1) AS y (year)
            WHERE EXISTS (
                SELECT FROM portal.score AS s
                WHERE s.school_code = ANY(%(codes)s::text[])
                  AND s.academic_year = y.year
                  AND s.reportable_until >= %(on)s)
            """,
            {"codes": sorted(schools), "on": on, "last": on.year + 1, "first": on.year - 21},
        ).fetchall()
    return [row[0] for row in rows]
