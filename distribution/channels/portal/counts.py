"""Counts of a question about scores: how many there are and how they fall; discloses nobody.

All of it inside `access.as_schools`: outside it nobody sees a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import psycopg

from distribution.channels.portal.questions import SCHOOL_NAME, Question, rows_asked_for

# What GROUPING answers for each set: a bit for every column that is summed up.
_EXAM, _FUNDING, _MONTH, _SCHOOL, _ALL = 0b0111, 0b1011, 0b1101, 0b1110, 0b1111


@dataclass(frozen=True, slots=True)
class Counts:
    """What a year holds, by exam, payer, month and school: (value, title, number) each, in order.

    `new`: came after the last visit; `added` and `changed`: came, or replaced another one, after the last
    export; `corrected`: have another score than before, and say so.
    """

    scores: int = 0
    students: int = 0
    corrected: int = 0
    new: int = 0
    added: int = 0
    changed: int = 0
    newest_at: datetime | None = None
    exams: tuple[tuple[str, str, int], ...] = ()
    fundings: tuple[tuple[str, str, int], ...] = ()
    months: tuple[tuple[str, str, int], ...] = ()
    schools: tuple[tuple[str, str, int], ...] = ()


def counts(
    conn: psycopg.Connection,
    question: Question,
    *,
    visited_at: datetime | None = None,
    exported_at: datetime | None = None,
) -> Counts:
    """How many scores the question asks for and how they fall.

    `visited_at`, `exported_at`: of the last visit and export; None counts nothing as new or added.
    """
    found = conn.execute(
        f"""
        SELECT grouping(s.exam_code, s.funding, to_char(s.test_date, 'YYYY-MM'), s.school_code) AS level,
               coalesce(s.exam_code, s.funding, to_char(s.test_date, 'YYYY-MM'), s.school_code) AS value,
               max(s.exam_title), max({SCHOOL_NAME}), count(*), count(DISTINCT s.candidate_id),
               count(*) FILTER (WHERE s.action <> %(new)s AND s.former_score IS NOT NULL),
               count(*) FILTER (WHERE s.staged_at > %(visited_at)s AND s.action = %(new)s),
               count(*) FILTER (WHERE s.staged_at > %(exported_at)s AND s.action = %(new)s),
               count(*) FILTER (WHERE s.staged_at > %(exported_at)s AND s.action <> %(new)s),
               max(s.staged_at)
        {rows_asked_for(question)}
        GROUP BY GROUPING SETS ((s.exam_code), (s.funding), (to_char(s.test_date, 'YYYY-MM')),
                                (s.school_code), ())
        """,
        {**question.parameters, "visited_at": visited_at, "exported_at": exported_at},
    ).fetchall()
    sets: dict[int, list[tuple[str, str, int]]] = {}
    whole = Counts()
    for level, value, exam_title, school_name, number, *others in found:
        title = exam_title if level == _EXAM else school_name if level == _SCHOOL else value
        sets.setdefault(level, []).append((value, title or value or "", number))
        if level == _ALL:
            whole = Counts(number, *others)
    return replace(
        whole,
        exams=tuple(sorted(sets.get(_EXAM, ()), key=lambda each: each[1])),
        fundings=tuple(sorted(sets.get(_FUNDING, ()))),
        months=tuple(sorted(sets.get(_MONTH, ()), reverse=True)),
        schools=tuple(sorted(sets.get(_SCHOOL, ()), key=lambda each: each[1])),
    )


def number_of(conn: psycopg.Connection, question: Question) -> int:
    """How many rows a question has."""
    row = conn.execute(f"SELECT count(*) {rows_asked_for(question)}", question.parameters).fetchone()
    return row[0] if row else 0


def years(conn: psycopg.Connection, schools: Sequence[str], *, on: date) -> list[int]:
    """The academic years in which the schools have a reportable score, the newest first.

    One row of each year is enough: EXISTS would be planned as a join that reads every year whole.
    """
    rows = conn.execute(
        """
        SELECT y.year
        FROM generate_series(%(last)s, %(first)s, -1) AS y (year)
        WHERE (SELECT true
               FROM portal.score AS s
               WHERE s.school_code = ANY(%(codes)s::text[])
                 AND s.academic_year = y.year
                 AND s.reportable_until >= %(on)s
               LIMIT 1)
        ORDER BY y.year DESC
        """,
        {"codes": sorted(schools), "on": on, "last": on.year + 1, "first": on.year - 21},
    ).fetchall()
    return [row[0] for row in rows]
