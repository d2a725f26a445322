"""Looking up a score that a coordinator misses: among the rows of the own schools, and nowhere else."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from distribution.channels.portal.questions import Question, Reader, matches, rows_asked_for

_MOST = 20  # scores that fit: more is a search, not a look-up


@dataclass(frozen=True, slots=True)
class Fitting:
    """A score in the own schools' view that fits what was typed."""

    result_id: str = field(repr=False)
    school_code: str
    academic_year: int
    test_date: date
    status: str


def fitting(
    conn: psycopg.Connection, question: Question, *, reader: Reader, years: tuple[int, ...]
) -> list[Fitting]:
    """Scores of the years that fit the question's words, each noted as disclosed.

    Inside `access.as_schools`: rows of any other school are out of reach, so that the answer cannot depend
    on them.
    """
    found: list[Fitting] = []
    for year in years:
        found += _of_year(conn, replace(question.whole_year(), words=question.words, year=year), reader)
    return found[:_MOST]


def _of_year(conn: psycopg.Connection, question: Question, reader: Reader) -> list[Fitting]:
    params: dict[str, Any] = {
        **question.parameters,
        "actor": reader.actor,
        "artefact": reader.artefact,
        "most": _MOST,
    }
    with conn.cursor(row_factory=class_row(Fitting)) as cursor:
        return cursor.execute(
            f"""
            WITH found AS MATERIALIZED (
                SELECT s.* {rows_asked_for(question)} ORDER BY s.test_date, s.result_id LIMIT %(most)s
            ), noted AS (
                INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis,
                                               artefact, actor)
                SELECT result_id, revision, candidate_id, school_code, 'portal', seen_because,
                       %(artefact)s, %(actor)s
                FROM found
            )
            SELECT result_id, school_code, academic_year, test_date, shown_status AS status FROM found
            """,
            params,
        ).fetchall()


def marked(conn: psycopg.Connection, question: Question, *, on: date) -> datetime | None:
    """When the own school marked a score of that test date that fits as not its student; None = never."""
    row = conn.execute(
        f"""
        SELECT max(n.marked_at)
        FROM portal.staged_score AS s
        JOIN portal.not_our_student AS n USING (school_code, result_id)
        WHERE s.school_code = ANY(%(codes)s::text[])
          AND s.academic_year = %(year)s
          AND s.test_date = %(tested)s
          AND s.reportable_until >= %(on)s
          AND n.state = 'open'
          AND {matches()}
        """,
        {**question.parameters, "tested": on},
    ).fetchone()
    return row[0] if row else None
