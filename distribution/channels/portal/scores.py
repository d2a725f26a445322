"""Rows of the scores page: a page of them, or one, each noted as disclosed in the statement that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.channels.portal.questions import (
    LEADING,
    SCHOOL_NAME,
    TAIL,
    Question,
    Reader,
    order_of,
    rows_asked_for,
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after or before this row, which is named by school and result alone."""

    school_code: str
    result_id: str
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as dictionaries of the view's columns and `school_name`; whether others come before and after."""

    rows: list[dict[str, Any]] = field(repr=False)
    has_previous: bool
    has_next: bool


def page(
    conn: psycopg.Connection, question: Question, *, reader: Reader, cursor: Cursor | None, size: int
) -> Page:
    """A page of rows, with a disclosure for each of them in the same transaction.

    A cursor whose row is not in the schools' view (any more) begins at the first page: it tells nothing.
    Inside `access.as_schools`: outside it nobody sees a row.
    """
    with conn.cursor(row_factory=dict_row) as cells:
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
    lead = LEADING.get(question.sort, "NULL::text")
    return cells.execute(
        f"""
        SELECT {lead} AS key_lead, s.name_key AS key_name, s.result_id AS key_result,
               s.school_code AS key_school
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
    lead, down = LEADING.get(question.sort), question.descending
    sign = "<" if (down and lead is None) != backwards else ">"
    key = "(%(key_name)s, %(key_result)s, %(key_school)s)"
    tail = f"({', '.join(TAIL)}) {sign} {key}"
    if lead is None:
        return tail
    sign = "<" if down != backwards else ">"
    return f"({lead} {sign} %(key_lead)s OR ({lead} = %(key_lead)s AND {tail}))"


def one(
    conn: psycopg.Connection, question: Question, result_id: str, *, reader: Reader
) -> dict[str, Any] | None:
    """One result as the schools see it, disclosed; None where they do not. Inside `access.as_schools`."""
    with conn.cursor(row_factory=dict_row) as cells:
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
