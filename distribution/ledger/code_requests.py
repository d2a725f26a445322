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


def referrals_today(conn: psycopg.Connection, *, school_code: str, at: datetime) -> int:
    """How many requests within 24 hours, by none of its contacts signed in, brought these a mail."""
    row = conn.execute(
        """
        SELECT count(*) FROM portal.code_request
        WHERE kind = 'code' AND school_code = %(school)s AND asked_at > %(since)s AND asked_at <= %(at)s
          AND (way = 'referred' OR (way = 'sent' AND person_id IS NULL))
        """,
        {"school": school_code, "since": at - _DAY, "at": at},
    ).fetchone()
    return int(row[0]) if row else 0


def sendings_today(conn: psycopg.Connection, *, school_code: str, person_id: int, at: datetime) -> int:
    """How many times within 24 hours a contact who was signed in asked for the own school's code."""
    row = conn.execute(
        """
        SELECT count(*) FROM portal.code_request
        WHERE kind = 'code' AND school_code = %(school)s AND asked_at > %(since)s AND asked_at <= %(at)s
          AND way = 'sent' AND person_id = %(person)s
        """,
        {"school": school_code, "person": person_id, "since": at - _DAY, "at": at},
    ).fetchone()
    return int(row[0]) if row else 0


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
    """Open requests without a mail that the line itself answers, oldest first; locked in this transaction."""
    with conn.cursor(row_factory=class_row(CodeRequest)) as cursor:
        return cursor.execute(
            """
            SELECT request_id, reference, kind, way, school_code, name, email, role, state, asked_at
            FROM portal.code_request AS r
            WHERE state = 'open' AND way <> %s
              AND NOT EXISTS (SELECT FROM ledger.mail AS m WHERE m.message_id = r.message_id)
            ORDER BY request_id
            FOR UPDATE OF r SKIP LOCKED
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


def note_mail(conn: psycopg.Connection, request_id: int, message_id: str) -> None:
    """The mail that answers a request is planned; the request is answered once it left (`settle_mailed`)."""
    conn.execute(
        "UPDATE portal.code_request SET message_id = %s WHERE request_id = %s", [message_id, request_id]
    )


def settle_mailed(conn: psycopg.Connection) -> int:
    """Requests whose mail left are answered, at that moment. Returns how many.

    One whose mail nobody takes goes to operations: a person finds another way.
    """
    conn.execute(
        """
        UPDATE portal.code_request AS r SET way = %s
        FROM ledger.mail AS m
        WHERE m.message_id = r.message_id AND m.state = 'bounced' AND r.state = 'open' AND r.way <> %s
        """,
        [RequestWay.OPERATIONS, RequestWay.OPERATIONS],
    )
    return conn.execute(
        """
        UPDATE portal.code_request AS r SET state = %s, settled_at = m.sent_at
        FROM ledger.mail AS m
        WHERE m.message_id = r.message_id AND m.state = 'sent' AND r.state = 'open' AND r.way <> %s
        """,
        [RequestState.ANSWERED, RequestWay.OPERATIONS],
    ).rowcount


def way_of(conn: psycopg.Connection, reference: str) -> str:
    """Which way a request goes by now; empty where there is none."""
    row = conn.execute("SELECT way FROM portal.code_request WHERE reference = %s", [reference]).fetchone()
    return str(row[0]) if row else ""


def referred(conn: psycopg.Connection, code: str, *, since: datetime) -> list[dict[str, Any]]:
    """Who asked for a school's code and was referred to its coordinator, the latest first.

    Rows: reference, name, email, role, asked_at; what they wrote beside it is for operations alone.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT reference, name, email, role, asked_at FROM portal.code_request
            WHERE kind = 'code' AND school_code = %s AND way = %s AND asked_at >= %s
            ORDER BY request_id DESC
            """,
            [code, RequestWay.REFERRED, since],
        ).fetchall()


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
