"""Sessions of the portal: only a token's hash is on file; with a session go the words that were searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import psycopg
from psycopg.rows import class_row


class Ending(StrEnum):
    """Why a session ended."""

    SIGNED_OUT = "signed-out"
    EVERYWHERE = "everywhere"
    TIMED_OUT = "timed-out"
    RIGHTS_ENDED = "rights-ended"


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    session_id: int
    person_id: int
    began_at: datetime
    seen_at: datetime


_TOUCH_AFTER = timedelta(minutes=1)  # a page in the same minute writes nothing


def begin(conn: psycopg.Connection, *, token_hash: bytes, person_id: int, at: datetime, address: str) -> None:
    """Open a session for a person who signed in just now."""
    conn.execute(
        """
        INSERT INTO ledger.portal_session (token_hash, person_id, address, began_at, seen_at)
        VALUES (%s, %s, %s, %s, %s)
        """,
        [token_hash, person_id, address, at, at],
    )


def read(
    conn: psycopg.Connection, token_hash: bytes, *, at: datetime, idle: timedelta, longest: timedelta
) -> Session | None:
    """The open session of a token, which counts as used at `at`; None for unknown and ended ones.

    One that lay idle for longer than `idle`, or began more than `longest` ago, ends here.
    """
    with conn.cursor(row_factory=class_row(Session)) as cursor:
        found = cursor.execute(
            """
            SELECT session_id, person_id, began_at, seen_at
            FROM ledger.portal_session
            WHERE token_hash = %s AND ended_at IS NULL
            """,
            [token_hash],
        ).fetchone()
    if found is None:
        return None
    if at - found.seen_at > idle or at - found.began_at > longest:
        _end(conn, [found.session_id], at=at, because=Ending.TIMED_OUT)
        return None
    if at - found.seen_at > _TOUCH_AFTER:
        conn.execute(
            "UPDATE ledger.portal_session SET seen_at = %s WHERE session_id = %s", [at, found.session_id]
        )
    return found


def end(conn: psycopg.Connection, session_id: int, *, at: datetime, because: Ending) -> None:
    """End one session."""
    _end(conn, [session_id], at=at, because=because)


def end_all(conn: psycopg.Connection, person_id: int, *, at: datetime, because: Ending) -> int:
    """End every open session of a person. Returns how many there were."""
    rows = conn.execute(
        "SELECT session_id FROM ledger.portal_session WHERE person_id = %s AND ended_at IS NULL", [person_id]
    ).fetchall()
    _end(conn, [row[0] for row in rows], at=at, because=because)
    return len(rows)


def end_overdue(conn: psycopg.Connection, *, at: datetime, idle: timedelta, longest: timedelta) -> int:
    """End the sessions that lasted too long and that no browser came back to. Returns how many.

    What was searched goes with them, and whatever words an ended session left behind.
    """
    rows = conn.execute(
        """
        SELECT session_id FROM ledger.portal_session
        WHERE ended_at IS NULL AND (seen_at < %s OR began_at < %s)
        """,
        [at - idle, at - longest],
    ).fetchall()
    _end(conn, [row[0] for row in rows], at=at, because=Ending.TIMED_OUT)
    conn.execute(
        """
        DELETE FROM ledger.portal_search AS s
        WHERE NOT EXISTS (SELECT FROM ledger.portal_session AS open
                          WHERE open.session_id = s.session_id AND open.ended_at IS NULL)
        """
    )
    return len(rows)


def _end(conn: psycopg.Connection, session_ids: Sequence[int], *, at: datetime, because: Ending) -> None:
    conn.execute(
        """
        UPDATE ledger.portal_session
        SET ended_at = %s, ended_because = %s
        WHERE session_id = ANY(%s) AND ended_at IS NULL
        """,
        [at, because, list(session_ids)],
    )
    conn.execute("DELETE FROM ledger.portal_search WHERE session_id = ANY(%s)", [list(session_ids)])


def keep_search(
    conn: psycopg.Connection, *, search_id: str, session_id: int, words: str, at: datetime
) -> None:
    """Keep what was typed into the search, under a name that says nothing."""
    conn.execute(
        "INSERT INTO ledger.portal_search (search_id, session_id, words, made_at) VALUES (%s, %s, %s, %s)",
        [search_id, session_id, words, at],
    )


def search_words(conn: psycopg.Connection, search_id: str, *, session_id: int) -> str:
    """What was searched under that name in the same session; empty where there is nothing."""
    row = conn.execute(
        "SELECT words FROM ledger.portal_search WHERE search_id = %s AND session_id = %s",
        [search_id, session_id],
    ).fetchone()
    return row[0] if row else ""
