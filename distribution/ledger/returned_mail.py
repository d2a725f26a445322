"""Envelopes that the carrier brought back: booked by piece, gone again once there is an address to trust.

An address that mail came back from is not used until the institution's data state an address again, with a
`valid_from` after the day on which the return was booked; it may be the same one.
"""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from distribution.errors import OutOfBalance
from distribution.model import PostalAddress

_ADDRESS = ("name", "attention", "address_1", "address_2", "city", "state", "postal_code", "country")
# Of the institutions that mail came back from, the version in force on a day.
_IN_FORCE = """
    SELECT DISTINCT ON (code) *
    FROM ledger.institution_version
    WHERE replaced_at IS NULL
      AND valid_from <= %(on)s
      AND code IN (SELECT di FROM ledger.piece WHERE state = 'returned')
    ORDER BY code, valid_from DESC
"""
# Whoever stated the version in force did not know yet that mail would come back.
_STATED_BEFORE = "i.valid_from <= (p.returned_at AT TIME ZONE %(zone)s)::date"


def book(conn: psycopg.Connection, batch_id: str, pieces: Sequence[int], *, at: datetime) -> int:
    """Book mailed pieces as returned, their deliveries with them. Returns the number of deliveries.

    Raises OutOfBalance when not every report of the pieces is a delivered one.
    """
    reports = _move_pieces(conn, batch_id, pieces, was="mailed", now="returned", at=at)
    moved = conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'returned'
        WHERE batch_id = %s AND piece = ANY(%s) AND state IN ('delivered', 'acknowledged')
        """,
        [batch_id, list(pieces)],
    ).rowcount
    return _counted(batch_id, moved, reports)


def unbook(conn: psycopg.Connection, batch_id: str, pieces: Sequence[int]) -> int:
    """Book returned pieces as mailed: the same envelopes went out again. Returns the number of deliveries.

    The caller has looked that none of their reports went out again in another piece.
    """
    reports = _move_pieces(conn, batch_id, pieces, was="returned", now="mailed", at=None)
    moved = conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'delivered'
        WHERE batch_id = %s AND piece = ANY(%s) AND state = 'returned'
        """,
        [batch_id, list(pieces)],
    ).rowcount
    return _counted(batch_id, moved, reports)


def _move_pieces(
    conn: psycopg.Connection,
    batch_id: str,
    pieces: Sequence[int],
    *,
    was: str,
    now: str,
    at: datetime | None,
) -> int:
    row = conn.execute(
        """
        WITH moved AS (
            UPDATE ledger.piece
            SET state = %s, returned_at = %s
            WHERE batch_id = %s AND piece = ANY(%s) AND state = %s
            RETURNING reports
        )
        SELECT coalesce(sum(reports), 0) FROM moved
        """,
        [now, at, batch_id, list(pieces), was],
    ).fetchone()
    return int(row[0]) if row else 0


def _counted(batch_id: str, moved: int, reports: int) -> int:
    if moved != reports:
        raise OutOfBalance(
            f"The pieces of {batch_id} hold {reports} reports, but {moved} deliveries would move with them. "
            "Nothing was changed; tell the developers."
        )
    return moved


def gone_again(conn: psycopg.Connection, batch_id: str, pieces: Sequence[int]) -> list[int]:
    """Those of the returned pieces whose reports wait for, or lie in, another piece by now."""
    rows = conn.execute(
        """
        SELECT p.piece
        FROM ledger.piece AS p
        LEFT JOIN ledger.delivery AS d USING (batch_id, piece)
        WHERE p.batch_id = %s AND p.piece = ANY(%s) AND p.state = 'returned'
        GROUP BY p.piece, p.reports
        HAVING count(d.delivery_id) FILTER (WHERE d.state = 'returned') <> p.reports
        ORDER BY p.piece
        """,
        [batch_id, list(pieces)],
    ).fetchall()
    return [piece for (piece,) in rows]


def waiting_for_address(conn: psycopg.Connection, batch_id: str) -> list[str]:
    """The institutions whose scores in a batch came back and did not go out again; by code."""
    rows = conn.execute(
        """
        SELECT DISTINCT recipient
        FROM ledger.delivery
        WHERE batch_id = %s AND state = 'returned'
        ORDER BY recipient
        """,
        [batch_id],
    ).fetchall()
    return [code for (code,) in rows]


def reopen(conn: psycopg.Connection, *, on: date, zone: ZoneInfo) -> int:
    """Let go again what came back once there is another way to send it: returned → pending, without a piece.

    Another way: the address in force on the day is not the one on the envelope, or was stated again since
    (days are those of the zone), or the institution is no longer on paper, or closed. Nobody has got these
    reports, so they count as not having left; the routing decides anew whether they are owed still. Returns
    the number of deliveries.
    """
    same = " AND ".join(f"coalesce(p.address ->> '{part}', '') = i.{part}" for part in _ADDRESS)
    return conn.execute(
        f"""
        WITH in_force AS ({_IN_FORCE})
        UPDATE ledger.delivery AS d
        SET state = 'pending', state_reason = NULL, left_at = NULL, delivered_at = NULL,
            batch_id = NULL, piece = NULL
        FROM ledger.piece AS p
        JOIN in_force AS i ON i.code = p.di
        WHERE d.batch_id = p.batch_id
          AND d.piece = p.piece
          AND d.state = 'returned'
          AND p.state = 'returned'
          AND NOT ({same} AND {_STATED_BEFORE} AND i.delivery_method = 'paper' AND i.status = 'active')
        """,
        {"on": on, "zone": zone.key},
    ).rowcount


def addresses(
    conn: psycopg.Connection, codes: Sequence[str], *, on: date, zone: ZoneInfo
) -> dict[str, frozenset[PostalAddress]]:
    """The addresses of these institutions from which mail came back, and which were not stated again since.

    Stated again: by the version in force on the day; days are those of the zone.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            f"""
            WITH in_force AS ({_IN_FORCE})
            SELECT DISTINCT p.di, p.address
            FROM ledger.piece AS p
            JOIN in_force AS i ON i.code = p.di
            WHERE p.state = 'returned' AND p.di = ANY(%(codes)s) AND {_STATED_BEFORE}
            """,
            {"on": on, "zone": zone.key, "codes": list(codes)},
        ).fetchall()
    found: dict[str, frozenset[PostalAddress]] = {}
    for row in rows:
        found[row["di"]] = found.get(row["di"], frozenset()) | {PostalAddress(**row["address"])}
    return found


def held_for_address(conn: psycopg.Connection, codes: Sequence[str]) -> list[int]:
    """The deliveries of these institutions that are held for want of an address."""
    rows = conn.execute(
        """
        SELECT delivery_id
        FROM ledger.delivery
        WHERE recipient = ANY(%s) AND state = 'held' AND state_reason = 'no-address'
        ORDER BY delivery_id
        """,
        [list(codes)],
    ).fetchall()
    return [delivery_id for (delivery_id,) in rows]
