"""Requests for an access code, and sign-ins that operations must look at."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from distribution.model import RequestKind, RequestState, RequestWay

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request as it was made; `email` is where its asker can be reached, in small letters."""

    reference: str
    kind: str
    way: str
    school_code: str
    person_id: int | None
    name: str
    email: str
    role: str
    message: str


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A request on file."""

    request_id: int
    reference: str
    kind: str
    way: str
    school_code: str
    name: str
    email: str
    role: str
    state: str
    asked_at: datetime


def record(conn: psycopg.Connection, asked: AskedFor, *, at: datetime) -> None:
    conn.execute(
        """
        INSERT INTO portal.code_request (reference, kind, way, school_code, person_id, name, email, role,
                                         message, asked_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            asked.reference,
            asked.kind,
            asked.way,
            asked.school_code,
            asked.person_id,
            asked.name,
            asked.email,
            asked.role,
            asked.message,
            at,
        ],
    )


def asked_today(
    conn: psycopg.Connection, *, kind: RequestKind, school_code: str, email: str | None, at: datetime
) -> int:
    """How many requests of a kind came for a school within 24 hours, of one asker where `email` is given."""
    row = conn.execute(
        """
        SELECT count(*) FROM portal.code_request
        WHERE kind = %(kind)s AND school_code = %(school)s AND asked_at > %(since)s AND asked_at <= %(at)s
          AND (%(email)s::text IS NULL OR email = %(email)s)
        """,
        {"kind": kind, "school": school_code, "email": email, "since": at - _DAY, "at": at},
    ).fetchone()
    return int(row[0]) if row else 0


def to_answer(conn: psycopg.Connection) -> list[CodeRequest]:
    """Open requests that the line itself answers, oldest first; locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(CodeRequest)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, reference, kind, way, school_code, name, email, role, state, asked_at
            FROM portal.code_request
            WHERE state = 'open' AND way <> %s
            ORDER BY request_id
            FOR UPDATE SKIP LOCKED
            """,
            [RequestWay.OPERATIONS],
        ).fetchall()


def find(conn: psycopg.Connection, reference: str) -> CodeRequest | None:
    """The request of that reference, locked until the transaction ends."""
    with conn.cursor(row_factory=class_row(CodeRequest)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, reference, kind, way, school_code, name, email, role, state, asked_at
            FROM portal.code_request
            WHERE reference = %s
            FOR UPDATE
            """,
            [reference],
        ).fetchone()


def settle(
    conn: psycopg.Connection,
    request_id: int,
    state: RequestState,
    *,
    at: datetime,
    by: str = "",
    reason: str = "",
) -> None:
    conn.execute(
        """
        UPDATE portal.code_request SET state = %s, settled_at = %s, settled_by = %s, reason = %s
        WHERE request_id = %s
        """,
        [state, at, by, reason, request_id],
    )


def hand_to_operations(conn: psycopg.Connection, request_id: int) -> None:
    conn.execute(
        "UPDATE portal.code_request SET way = %s WHERE request_id = %s", [RequestWay.OPERATIONS, request_id]
    )


def listed(conn: psycopg.Connection, *, all_of_them: bool) -> list[dict[str, Any]]:
    """Requests for operations, oldest first: those that wait, or all."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT reference AS id, kind, way, state, school_code AS organization, name, email, role, message,
                   asked_at, settled_at, settled_by, reason
            FROM portal.code_request
            WHERE %s OR (state = 'open' AND way = %s)
            ORDER BY request_id
            """,
            [all_of_them, RequestWay.OPERATIONS],
        ).fetchall()
