"""Feeds in the ledger: which came, what became of their rows, which are missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from distribution.errors import OutOfBalance
from distribution.filenames import FeedName
from distribution.model import FeedKind, FeedState

_GAP_DAYS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of the rows that a room was given.

    `held`: frame of `line` (int64), `reason` and `column_name` (`str`): rows that only the ledger can judge.
    """

    new: int
    corrected: int
    duplicate: int
    held: pd.DataFrame


NO_ROW_HELD = {"line": "int64", "reason": "str", "column_name": "str"}


@dataclass(frozen=True, slots=True)
class KnownFeed:
    """A feed that the ledger has seen."""

    feed_id: int
    file_name: str
    sha256: str | None
    records: int
    score_total: int
    state: FeedState
    put_away: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """The numbers that are missing of a feed and day."""

    kind: FeedKind
    day: date
    missing: tuple[int, ...]


def give_room(conn: psycopg.Connection) -> None:
    """Let this session compare a large feed in memory; to be called before its first feed."""
    conn.execute("SELECT set_config('temp_buffers', '128MB', false), set_config('work_mem', '64MB', false)")


def recorded_under(conn: psycopg.Connection, file_name: str) -> KnownFeed | None:
    """The recorded feed of this name."""
    return _known(conn, "file_name = %s AND state = 'recorded'", [file_name])


def recorded_bytes(conn: psycopg.Connection, sha256: str, *, kind: FeedKind) -> KnownFeed | None:
    """The recorded feed of this kind with these bytes."""
    return _known(conn, "sha256 = %s AND kind = %s AND state = 'recorded'", [sha256, str(kind)])


def _known(conn: psycopg.Connection, which: str, params: list[Any]) -> KnownFeed | None:
    row = conn.execute(
        f"""
        SELECT feed_id, file_name, sha256, coalesce(records, 0), coalesce(score_total, 0), state, put_away
        FROM ledger.feed
        WHERE {which}
        """,
        params,
    ).fetchone()
    if row is None:
        return None
    feed_id, file_name, sha256, records, total, state, put_away = row
    return KnownFeed(feed_id, file_name, sha256, records, int(total), FeedState(state), put_away)


def open_feed(
    conn: psycopg.Connection,
    name: FeedName,
    *,
    sha256: str,
    size_bytes: int,
    records: int,
    score_total: int,
    parts: int | None,
    history: bool = False,
) -> int:
    """Begin to record a feed; its counts follow with `close_feed` in the same transaction. Returns its id."""
    row = conn.execute(
        """
        INSERT INTO ledger.feed (kind, file_name, feed_date, number, sha256, size_bytes, records, score_total,
                                 parts, state, history, recorded_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'recorded', %s, clock_timestamp())
        RETURNING feed_id
        """,
        [
            str(name.kind), str(name), name.day, name.number, sha256, size_bytes, records, score_total,
            parts, history,
        ],
    ).fetchone()  # fmt: skip
    assert row is not None
    return int(row[0])


def close_feed(
    conn: psycopg.Connection, feed_id: int, *, new: int, corrected: int, duplicate: int, held: int
) -> None:
    """Fix what became of a feed's rows. Raises OutOfBalance where they are not all of its records."""
    row = conn.execute(
        """
        UPDATE ledger.feed
        SET new = %s, corrected = %s, duplicate = %s, held = %s
        WHERE feed_id = %s
        RETURNING file_name, records
        """,
        [new, corrected, duplicate, held, feed_id],
    ).fetchone()
    assert row is not None
    if row[1] != new + corrected + duplicate + held:
        raise OutOfBalance(
            f"{row[0]} has {row[1]} records, but {new} new, {corrected} corrected, {duplicate} duplicate and "
            f"{held} held were written: nothing of it was recorded. Keep the feed and report this."
        )


def note_duplicate(
    conn: psycopg.Connection, name: FeedName, *, of: KnownFeed, size_bytes: int, parts: int | None
) -> int:
    """Note that a recorded feed came again; it is noted once, also by a run that takes over a killed one."""
    return _note(
        conn,
        {
            "kind": str(name.kind),
            "file_name": str(name),
            "feed_date": name.day,
            "number": name.number,
            "sha256": of.sha256,
            "size_bytes": size_bytes,
            "records": of.records,
            "score_total": of.score_total,
            "parts": parts,
            "state": FeedState.DUPLICATE.value,
            "duplicate": of.records,
        },
    )


def note_refused(
    conn: psycopg.Connection,
    file_name: str,
    name: FeedName | None,
    *,
    code: str,
    detail: str,
    sha256: str | None,
    size_bytes: int,
) -> int:
    """Note that a feed was refused. `detail` holds lines, columns and codes, never a value."""
    return _note(
        conn,
        {
            "kind": str(name.kind) if name else None,
            "file_name": file_name,
            "feed_date": name.day if name else None,
            "number": name.number if name else None,
            "sha256": sha256,
            "size_bytes": size_bytes,
            "state": FeedState.REFUSED.value,
            "code": code,
            "detail": detail,
        },
    )


def _note(conn: psycopg.Connection, row: Mapping[str, Any]) -> int:
    left_over = conn.execute(
        """
        SELECT feed_id
        FROM ledger.feed
        WHERE file_name = %(file_name)s AND state = %(state)s AND NOT put_away
          AND sha256 IS NOT DISTINCT FROM %(sha256)s
        """,
        row,
    ).fetchone()
    if left_over is not None:
        return int(left_over[0])
    columns = ", ".join(row)
    values = ", ".join(f"%({name})s" for name in row)
    noted = conn.execute(f"INSERT INTO ledger.feed ({columns}) VALUES ({values}) RETURNING feed_id", row)
    (feed_id,) = noted.fetchone() or (0,)
    return int(feed_id)


def note_put_away(conn: psycopg.Connection, feed_id: int) -> None:
    """Note that a feed's files left the inbox (or were never there)."""
    conn.execute("UPDATE ledger.feed SET put_away = true WHERE feed_id = %s", [feed_id])


def not_put_away(conn: psycopg.Connection) -> list[KnownFeed]:
    """The feeds that a killed run left in the inbox after it had recorded or refused them."""
    rows = conn.execute("SELECT feed_id FROM ledger.feed WHERE NOT put_away ORDER BY feed_id").fetchall()
    found = (_known(conn, "feed_id = %s", [feed_id]) for (feed_id,) in rows)
    return [feed for feed in found if feed is not None]


def newest_first(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Every feed seen: file, feed, state, code, records, new, corrected, duplicate, held, recorded_at."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            SELECT file_name AS file, kind AS feed, state, code, coalesce(records, 0) AS records, new,
                   corrected, duplicate, held, recorded_at
            FROM ledger.feed
            ORDER BY feed_id DESC
            """
        )
        return list(cursor)


def counts_of(conn: psycopg.Connection, feed_id: int) -> dict[str, Any]:
    """records, new, corrected, duplicate, held of one feed."""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            SELECT coalesce(records, 0) AS records, new, corrected, duplicate, held
            FROM ledger.feed
            WHERE feed_id = %s
            """,
            [feed_id],
        )
        return cursor.fetchone() or {}


def gaps(conn: psycopg.Connection, on: date) -> list[Gap]:
    """The numbers missing of feeds dated up to a week before `on`: NNN counts from 001 per feed and day.

    A day is as long as its highest number, or as the `parts` of its last feed.
    """
    rows = conn.execute(
        """
        SELECT kind, feed_date, max(greatest(number, coalesce(parts, 0))),
               array_agg(number) FILTER (WHERE state IN ('recorded', 'duplicate', 'withdrawn'))
        FROM ledger.feed
        WHERE kind IS NOT NULL AND feed_date BETWEEN %s AND %s
        GROUP BY kind, feed_date
        ORDER BY feed_date, kind
        """,
        [on - _GAP_DAYS, on],
    ).fetchall()
    found = [
        Gap(FeedKind(kind), day, tuple(sorted(set(range(1, last + 1)) - set(arrived or ()))))
        for kind, day, last, arrived in rows
    ]
    return [gap for gap in found if gap.missing]
