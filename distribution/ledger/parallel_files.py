"""Live files that are written once more in a second layout, as test files, and what became of those."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.ledger.files import ScoreFile, select
from distribution.model import DeliveryHoldReason

_ARRIVED = "state IN ('delivered', 'acknowledged')"
# Nobody is asked about a test file: one that may stand there already is not sent again.
_GIVEN_UP = [DeliveryHoldReason.AMBIGUOUS_DELIVERY.value, "bytes-missing"]


def lacking(conn: psycopg.Connection, di: str, *, since: datetime) -> list[ScoreFile]:
    """The live files that left since then, arrived, and were not written in a second layout yet; in order."""
    return select(
        conn,
        f"""
        di = %s AND NOT test AND {_ARRIVED} AND last_attempt_at >= %s
        AND NOT EXISTS (
            SELECT FROM ledger.score_file AS p WHERE p.test AND p.original_name = score_file.name)
        """,
        [di, since],
    )


def has_one(conn: psycopg.Connection, live: str) -> bool:
    """True when a live file was written in a second layout; look under the lock of the test numbers."""
    return bool(select(conn, "test AND original_name = %s", [live]))


def to_send(conn: psycopg.Connection, dis: Sequence[str]) -> list[ScoreFile]:
    """The parallel files of these institutions that have not arrived and may be tried, in their order."""
    return select(
        conn,
        """
        di = ANY(%s) AND test AND original_name IS NOT NULL AND state IN ('built', 'publishing', 'failed')
        AND coalesce(failure, '') <> ALL (%s)
        """,
        [list(dis), _GIVEN_UP],
    )


def not_disclosed(conn: psycopg.Connection, dis: Sequence[str]) -> list[ScoreFile]:
    """The parallel files that arrived and whose records no row of the disclosure log names yet."""
    return select(
        conn,
        f"""
        di = ANY(%s) AND test AND original_name IS NOT NULL AND {_ARRIVED} AND details > 0
        AND NOT EXISTS (
            SELECT FROM ledger.score_file AS live
            JOIN ledger.delivery AS d ON d.file_id = live.file_id
            JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
            JOIN ledger.disclosure AS x ON x.candidate_id = v.candidate_id
            WHERE live.name = score_file.original_name AND x.artefact = score_file.name)
        """,
        [list(dis)],
    )


def troubles(conn: psycopg.Connection, tried: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a person should know of the layouts that institutions try (`tried`: layout by code).

    Keys: code, layout, unsent (files), left_out (records that do not fit), detail, since (date). Files that
    arrived whole are no trouble.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"""
            SELECT p.di AS code, p.layout, count(*) FILTER (WHERE NOT p.{_ARRIVED}) AS unsent,
                   coalesce(sum(live.details - p.details), 0)::int AS left_out,
                   coalesce(max(p.failure_detail), '') AS detail, min(p.business_date) AS since
            FROM unnest(%s::text[], %s::text[]) AS tried (di, layout)
            JOIN ledger.score_file AS p USING (di, layout)
            JOIN ledger.score_file AS live ON live.name = p.original_name
            WHERE p.test AND (NOT p.{_ARRIVED} OR p.details < live.details)
            GROUP BY p.di, p.layout ORDER BY p.di
            """,
            [list(tried), list(tried.values())],
        ).fetchall()


def counts(conn: psycopg.Connection, di: str, *, layout: str) -> dict[str, int]:
    """How many live files of an institution came also in this second layout: `delivered`, `unsent`."""
    row = conn.execute(
        f"""
        SELECT count(*) FILTER (WHERE {_ARRIVED}), count(*) FILTER (WHERE NOT {_ARRIVED})
        FROM ledger.score_file
        WHERE di = %s AND test AND original_name IS NOT NULL AND layout = %s
        """,
        [di, layout],
    ).fetchone()
    return dict(zip(("delivered", "unsent"), row or (0, 0), strict=True))
