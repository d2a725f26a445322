"""Pauses: all sending by a person's word, and institutions that get paper for a time."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Pause:
    """All sending stands still; `until_at` None = until somebody resumes it."""

    reason: str
    paused_at: datetime
    paused_by: str
    until_at: datetime | None


def in_force(conn: psycopg.Connection, *, at: datetime | None = None) -> Pause | None:
    """The pause of all sending that holds at an (aware) time, or now; None where there is none."""
    with conn.cursor(row_factory=class_row(Pause)) as cursor:
        return cursor.execute(
            """
            SELECT reason, paused_at, paused_by, until_at
            FROM ledger.sending_pause
            WHERE resumed_at IS NULL AND (until_at IS NULL OR until_at > coalesce(%s, clock_timestamp()))
            ORDER BY sending_pause_id DESC
            LIMIT 1
            """,
            [at],
        ).fetchone()


def pause(
    conn: psycopg.Connection, *, reason: str, actor: str, at: datetime, until_at: datetime | None
) -> None:
    """Pause all sending; a pause that holds already is replaced."""
    resume(conn, actor=actor, at=at)
    conn.execute(
        """
        INSERT INTO ledger.sending_pause (reason, paused_at, paused_by, until_at) VALUES (%s, %s, %s, %s)
        """,
        [reason, at, actor, until_at],
    )


def resume(conn: psycopg.Connection, *, actor: str, at: datetime) -> int:
    """End the pause. Returns how many there were (0 or 1)."""
    return conn.execute(
        "UPDATE ledger.sending_pause SET resumed_at = %s, resumed_by = %s WHERE resumed_at IS NULL",
        [at, actor],
    ).rowcount


def fall_back(conn: psycopg.Connection, code: str, *, reason: str, actor: str, at: datetime) -> int:
    """Let an institution get paper from now on. Returns 0 when it does already."""
    return conn.execute(
        """
        INSERT INTO ledger.paper_fallback (code, reason, begun_at, begun_by) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        [code, reason, at, actor],
    ).rowcount


def end_fall_back(conn: psycopg.Connection, code: str, *, actor: str, at: datetime) -> int:
    """Let an institution get files again. Returns 0 when it did not get paper."""
    return conn.execute(
        "UPDATE ledger.paper_fallback SET ended_at = %s, ended_by = %s WHERE code = %s AND ended_at IS NULL",
        [at, actor, code],
    ).rowcount


def on_paper(conn: psycopg.Connection) -> dict[str, tuple[str, datetime]]:
    """The institutions that get paper for a time: why and since when, by code."""
    rows = conn.execute(
        "SELECT code, reason, begun_at FROM ledger.paper_fallback WHERE ended_at IS NULL ORDER BY code"
    ).fetchall()
    return {code: (reason, begun_at) for code, reason, begun_at in rows}
