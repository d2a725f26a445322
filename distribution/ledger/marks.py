"""Marks *not our student*: what coordinators said of a score, and what operations made of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution.model import Channel, MarkState

NOT_OUR_STUDENT = "not-our-student"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark on file."""

    mark_id: int
    school_code: str
    result_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A mark as its school reads it: when it was made, and what operations said. No student."""

    result_id: str
    state: str
    marked_at: datetime
    settled_at: datetime | None
    reason: str


def make(conn: psycopg.Connection, school_code: str, result_id: str, *, person_id: int, at: datetime) -> bool:
    """Take a result out of a school's view and say so in the log of disclosures; False = it is not in view.

    Inside `channels.portal.access.as_schools`, so that no other school's result can be named.
    """
    noted = conn.execute(
        """
        INSERT INTO ledger.disclosure (happened_at, result_id, revision, candidate_id, recipient, channel,
                                       basis, artefact, actor)
        SELECT %(at)s, result_id, revision, candidate_id, school_code, %(portal)s, %(basis)s, '', %(actor)s
        FROM portal.score
        WHERE school_code = %(school)s AND result_id = %(result)s
        """,
        {
            "at": at,
            "portal": Channel.PORTAL,
            "basis": NOT_OUR_STUDENT,
            "actor": f"person:{person_id}",
            "school": school_code,
            "result": result_id,
        },
    ).rowcount
    if noted:
        conn.execute(
            """
            INSERT INTO portal.not_our_student (school_code, result_id, person_id, marked_at)
            VALUES (%s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            """,
            [school_code, result_id, person_id, at],
        )
    return bool(noted)


def answered(conn: psycopg.Connection, school_code: str, *, since: datetime) -> list[Answered]:
    """A school's own marks, open ones and those settled since a moment, the newest first.

    Inside `access.as_schools`.
    """
    with conn.cursor(row_factory=class_row(Answered)) as cursor:
        return cursor.execute(
            """
            SELECT result_id, state, marked_at, settled_at, reason
            FROM portal.not_our_student
            WHERE school_code = %s AND (state = 'open' OR settled_at > %s)
            ORDER BY mark_id DESC
            """,
            [school_code, since],
        ).fetchall()


def listed(conn: psycopg.Connection, *, all_of_them: bool) -> list[dict[str, Any]]:
    """Marks for operations, oldest first: those that wait, or all."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT n.mark_id AS id, n.school_code AS school, n.result_id AS result, n.state, n.reason,
                   p.email AS marked_by, n.marked_at, n.settled_at, coalesce(n.settled_by, '') AS settled_by
            FROM portal.not_our_student AS n
            JOIN portal.person AS p USING (person_id)
            WHERE %s OR n.state = 'open'
            ORDER BY n.mark_id
            """,
            [all_of_them],
        ).fetchall()


def find(conn: psycopg.Connection, mark_id: int) -> Mark | None:
    """The mark of that id, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(Mark)) as cursor:
        return cursor.execute(
            """
            SELECT mark_id, school_code, result_id, state
            FROM portal.not_our_student
            WHERE mark_id = %s
            FOR UPDATE
            """,
            [mark_id],
        ).fetchone()


def settle(
    conn: psycopg.Connection, mark: Mark, state: MarkState, *, at: datetime, by: str, reason: str
) -> None:
    """Settle a mark and journal it: who settled it, and how, stands in the two logs that only grow."""
    conn.execute(
        """
        UPDATE portal.not_our_student
        SET state = %s, settled_at = %s, settled_by = %s, reason = %s
        WHERE mark_id = %s
        """,
        [state, at, by, reason, mark.mark_id],
    )
    conn.execute(
        """
        INSERT INTO ledger.disclosure (happened_at, result_id, revision, candidate_id, recipient, channel,
                                       basis, artefact, actor)
        SELECT %(at)s, result_id, revision, candidate_id, school_code, %(portal)s, %(basis)s, %(artefact)s,
               %(by)s
        FROM portal.staged_score
        WHERE school_code = %(school)s AND result_id = %(result)s
        ORDER BY revision DESC, delivery_id DESC
        LIMIT 1
        """,
        {
            "at": at,
            "portal": Channel.PORTAL,
            "basis": f"{NOT_OUR_STUDENT} {state}",
            "artefact": f"mark {mark.mark_id}",
            "by": by,
            "school": mark.school_code,
            "result": mark.result_id,
        },
    )
    conn.execute(
        "INSERT INTO ledger.access_log (actor, command, result_ids) VALUES (%s, %s, %s)",
        [by, f"school marks {mark.mark_id} {state}", [mark.result_id]],
    )
