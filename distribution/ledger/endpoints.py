"""Endpoints: how each institution's electronic files reach it, every version with who loaded it and when."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.errors import UsageError
from distribution.model import Endpoint, Parallel

# A change of one of these could lead students' records elsewhere (contract section 3, four eyes).
_LEADS_ELSEWHERE = ("host", "port", "username", "directory", "temp_directory", "host_key", "pgp_key")


@dataclass(frozen=True, slots=True)
class EndpointVersion:
    """One version of an endpoint; `confirmed_at` None = it waits for a second person."""

    endpoint: Endpoint
    loaded_at: datetime
    loaded_by: str
    confirmed_at: datetime | None
    confirmed_by: str | None


def load(
    conn: psycopg.Connection,
    endpoints: Sequence[Endpoint],
    *,
    loaded_by: str,
    four_eyes: bool,
    keeping_pause_of: Collection[str] = (),
) -> int:
    """Record endpoints: a changed one gets a new version, the same content again nothing.

    With `four_eyes` a change of where files go waits for a second person. The codes `keeping_pause_of` stay
    paused as they are, whatever their endpoint says. Returns the number of versions.
    """
    conn.execute("LOCK TABLE ledger.endpoint_version IN SHARE ROW EXCLUSIVE MODE")
    newest = {version.endpoint.code: version.endpoint for version in newest_versions(conn)}
    confirmed = in_force(conn)
    wanted = [
        _paused_as(newest.get(each.code), each) if each.code in keeping_pause_of else each
        for each in endpoints
    ]
    changed = [endpoint for endpoint in wanted if newest.get(endpoint.code) != endpoint]
    rows = [
        (
            endpoint.code,
            json.dumps(asdict(endpoint)),
            loaded_by,
            not (four_eyes and _leads_elsewhere(endpoint, confirmed.get(endpoint.code))),
        )
        for endpoint in changed
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO ledger.endpoint_version (code, settings, loaded_by, confirmed_at)
            VALUES (%s, %s, %s, CASE WHEN %s THEN clock_timestamp() END)
            """,
            rows,
        )
    return len(rows)


def _paused_as(before: Endpoint | None, endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, paused_until=before.paused_until) if before is not None else endpoint


def _leads_elsewhere(endpoint: Endpoint, before: Endpoint | None) -> bool:
    return before is not None and (
        any(getattr(endpoint, name) != getattr(before, name) for name in _LEADS_ELSEWHERE)
        or endpoint.parallel_folder not in (None, before.parallel_folder)
    )


def in_force(conn: psycopg.Connection) -> dict[str, Endpoint]:
    """The newest confirmed endpoint of each institution, by code."""
    return {
        version.endpoint.code: version.endpoint
        for version in _select(
            conn, "SELECT DISTINCT ON (code) * FROM ledger.endpoint_version WHERE confirmed_at IS NOT NULL"
        )
    }


def newest_of(conn: psycopg.Connection, code: str) -> Endpoint:
    """The newest endpoint of an institution, confirmed or not. Raises UsageError when there is none."""
    found = history(conn, code)
    if not found:
        raise UsageError(f"No endpoint of {code} is on file. `institution load-endpoints FILE` loads one.")
    return found[0].endpoint


def proposed(conn: psycopg.Connection, code: str) -> Endpoint | None:
    """The endpoint that waits for a second person; None = none does."""
    versions = history(conn, code)
    return versions[0].endpoint if versions and versions[0].confirmed_at is None else None


def confirm(conn: psycopg.Connection, code: str, *, actor: str) -> EndpointVersion:
    """Let a changed endpoint take effect by the word of a second person. Returns it as it was loaded.

    Raises UsageError when nothing waits, or `actor` is one of those who changed it.
    """
    conn.execute("LOCK TABLE ledger.endpoint_version IN SHARE ROW EXCLUSIVE MODE")
    versions = history(conn, code)
    waiting = list(takewhile(lambda version: version.confirmed_at is None, versions))
    if not waiting:
        raise UsageError(
            f"No change of the endpoint of {code} waits for anybody. `institution history {code}`."
        )
    # Whoever had a hand in what is in the newest version is no second person.
    if actor in {version.loaded_by for version in waiting}:
        raise UsageError(f"{actor} changed this endpoint: another person must confirm it.")
    conn.execute(
        """
        UPDATE ledger.endpoint_version SET confirmed_at = clock_timestamp(), confirmed_by = %s
        WHERE endpoint_version_id =
              (SELECT max(endpoint_version_id) FROM ledger.endpoint_version WHERE code = %s)
        """,
        [actor, code],
    )
    return waiting[0]


def record_test(
    conn: psycopg.Connection, code: str, *, actor: str, at: datetime, steps: Sequence[Mapping[str, Any]]
) -> None:
    """Keep what a connection test found; `steps` hold `state` among others."""
    conn.execute(
        """
        INSERT INTO ledger.connection_test (code, tested_at, tested_by, passed, steps)
        VALUES (%s, %s, %s, %s, %s)
        """,
        [code, at, actor, all(step["state"] == "passed" for step in steps), json.dumps(list(steps))],
    )


def last_test(conn: psycopg.Connection, code: str) -> dict[str, Any] | None:
    """The newest connection test of an institution: tested_at, tested_by, passed, steps; None = never."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT tested_at, tested_by, passed, steps
            FROM ledger.connection_test
            WHERE code = %s
            ORDER BY connection_test_id DESC
            LIMIT 1
            """,
            [code],
        ).fetchone()


def of(conn: psycopg.Connection, code: str) -> Endpoint | None:
    """The newest confirmed endpoint of one institution, or None."""
    found = _select(
        conn,
        """
        SELECT DISTINCT ON (code) *
        FROM ledger.endpoint_version
        WHERE code = %s AND confirmed_at IS NOT NULL
        """,
        [code],
    )
    return found[0].endpoint if found else None


def unconfirmed(conn: psycopg.Connection) -> frozenset[str]:
    """The institutions whose newest endpoint waits for a second person."""
    return frozenset(
        version.endpoint.code for version in newest_versions(conn) if version.confirmed_at is None
    )


def newest_versions(conn: psycopg.Connection) -> list[EndpointVersion]:
    """The newest version of each endpoint, confirmed or not, by code."""
    return _select(conn, "SELECT DISTINCT ON (code) * FROM ledger.endpoint_version")


def history(conn: psycopg.Connection, code: str) -> list[EndpointVersion]:
    """Every version of an institution's endpoint, the newest first."""
    return _select(conn, "SELECT * FROM ledger.endpoint_version WHERE code = %s", [code])


def parallel_since(conn: psycopg.Connection, code: str) -> datetime | None:
    """Since when an institution tries the second layout of its endpoint in force; None = it tries none."""
    confirmed = [version for version in history(conn, code) if version.confirmed_at is not None]
    tried = confirmed[0].endpoint.parallel if confirmed else None
    if tried is None:
        return None
    # A pause or a later last day is a version too, and begins nothing anew.
    same = takewhile(
        lambda each: each.endpoint.parallel and each.endpoint.parallel.layout == tried.layout, confirmed
    )
    return min(version.confirmed_at for version in same if version.confirmed_at)


def _select(conn: psycopg.Connection, select: str, params: Sequence[Any] = ()) -> list[EndpointVersion]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"{select} ORDER BY code, endpoint_version_id DESC", params).fetchall()
    return [
        EndpointVersion(
            endpoint=_read(row["settings"]),
            loaded_at=row["loaded_at"],
            loaded_by=row["loaded_by"],
            confirmed_at=row["confirmed_at"],
            confirmed_by=row["confirmed_by"],
        )
        for row in rows
    ]


def _read(settings: Mapping[str, Any]) -> Endpoint:
    parallel = settings.get("parallel")
    return Endpoint(**{**settings, "parallel": Parallel(**parallel) if parallel else None})
