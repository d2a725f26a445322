"""The numbers of the balances, each counted where it comes from."""

import psycopg

_WAITING = "('pending', 'claimed', 'failed')"
_ALL_PAUSED = """EXISTS (
    SELECT FROM ledger.sending_pause
    WHERE resumed_at IS NULL AND (until_at IS NULL OR until_at > clock_timestamp()))"""
# A file that is built and kept back: all sending or its institution is paused, or that gets paper for a time.
_PAUSED = f"""{_ALL_PAUSED} OR EXISTS (
    SELECT FROM (
        SELECT DISTINCT ON (code) code, settings ->> 'paused_until' AS paused_until
        FROM ledger.endpoint_version
        WHERE code = f.di AND confirmed_at IS NOT NULL
        ORDER BY code, endpoint_version_id DESC
    ) AS e
    WHERE e.paused_until IS NOT NULL AND f.business_date < left(e.paused_until, 10)::date)
    OR EXISTS (SELECT FROM ledger.paper_fallback AS p WHERE p.code = f.di AND p.ended_at IS NULL)"""


def freeze(conn: psycopg.Connection) -> None:
    """Let nobody move a delivery or record a feed until this transaction ends: one moment for all counts."""
    conn.execute("LOCK TABLE ledger.delivery, ledger.feed IN SHARE ROW EXCLUSIVE MODE")


def received(conn: psycopg.Connection) -> dict[str, int]:
    """Rows of results feeds that no finished run has counted: records as declared, the rest as recorded.

    New and corrected are counted from the recorded revisions and held from the holds, not from the feed.
    """
    row = conn.execute(
        """
        WITH feeds AS (
            SELECT feed_id, records, duplicate
            FROM ledger.feed
            WHERE kind = 'results' AND state IN ('recorded', 'withdrawn') AND counted_by_run IS NULL
        ), versions AS (
            SELECT v.kind, count(*) AS number
            FROM ledger.result_version AS v
            WHERE v.feed_id IN (SELECT feed_id FROM feeds)
              AND NOT EXISTS (
                  SELECT FROM ledger.hold AS h
                  WHERE h.feed_id = v.feed_id AND h.line = v.line AND h.kind = 'row'
              )
            GROUP BY v.kind
        )
        SELECT (SELECT coalesce(sum(records), 0) FROM feeds),
               (SELECT coalesce(sum(number), 0) FROM versions WHERE kind = 'new'),
               (SELECT coalesce(sum(number), 0) FROM versions WHERE kind = 'corrected'),
               (SELECT coalesce(sum(duplicate), 0) FROM feeds),
               (SELECT count(*) FROM ledger.hold
                WHERE kind = 'row' AND feed_id IN (SELECT feed_id FROM feeds))
        """
    ).fetchone()
    assert row is not None
    return dict(zip(("records", "new", "corrected", "duplicate", "held"), map(int, row), strict=True))


def refused_feeds(conn: psycopg.Connection) -> int:
    """Feeds that were refused since the last finished run."""
    row = conn.execute(
        "SELECT count(*) FROM ledger.feed WHERE state = 'refused' AND counted_by_run IS NULL"
    ).fetchone()
    return row[0] if row else 0


def count_feeds_as_of(conn: psycopg.Connection, run_id: str) -> None:
    """Put the feeds on file into this run's balance, for good."""
    conn.execute("UPDATE ledger.feed SET counted_by_run = %s WHERE counted_by_run IS NULL", [run_id])


def newest_event(conn: psycopg.Connection) -> int:
    """The id of the newest delivery event, 0 before the first."""
    row = conn.execute("SELECT coalesce(max(event_id), 0) FROM ledger.delivery_event").fetchone()
    return row[0] if row else 0


def carried(conn: psycopg.Connection, *, after_event: int) -> dict[str, dict[str, int]]:
    """What stood in `held` and `waiting` at an event, what entered and left since, and what stands there now.

    The opening is found from where each delivery stood before its first move, not from an earlier report. A
    delivery that began to wait and was held within the span is no addition to the waiting; one that waited
    before and is held now left the waiting without being delivered and counts with the withdrawn.
    """
    row = conn.execute(
        f"""
        WITH moves AS (
            SELECT delivery_id,
                   (array_agg(from_state ORDER BY event_id))[1] AS began,
                   (array_agg(to_state ORDER BY event_id DESC))[1] AS ended,
                   count(*) FILTER (WHERE to_state = 'held') AS to_held,
                   count(*) FILTER (WHERE from_state = 'held'
                                      AND NOT (to_state = 'withdrawn' AND reason = 'rejected')) AS released,
                   count(*) FILTER (WHERE from_state = 'held'
                                      AND to_state = 'withdrawn' AND reason = 'rejected') AS rejected,
                   count(*) FILTER (WHERE to_state IN {_WAITING}
                                      AND (from_state IS NULL OR from_state NOT IN {_WAITING})) AS entered,
                   count(*) FILTER (WHERE from_state IN {_WAITING} AND to_state = 'held') AS waiting_to_held,
                   count(*) FILTER (WHERE from_state IN {_WAITING} AND to_state = 'withdrawn') AS withdrawn,
                   count(*) FILTER (WHERE from_state IN {_WAITING}
                                      AND to_state IN ('delivered', 'acknowledged', 'returned')) AS delivered
            FROM ledger.delivery_event
            WHERE event_id > %s
            GROUP BY delivery_id
        ), now_standing AS (
            SELECT count(*) FILTER (WHERE state = 'held') AS held,
                   count(*) FILTER (WHERE state IN {_WAITING}) AS waiting
            FROM ledger.delivery
        )
        SELECT (SELECT held FROM now_standing) - count(*) FILTER (WHERE ended = 'held')
                   + count(*) FILTER (WHERE began = 'held'),
               coalesce(sum(to_held), 0), coalesce(sum(released), 0), coalesce(sum(rejected), 0),
               (SELECT held FROM now_standing),
               (SELECT waiting FROM now_standing) - count(*) FILTER (WHERE ended IN {_WAITING})
                   + count(*) FILTER (WHERE began IN {_WAITING}),
               coalesce(sum(entered - least(entered, waiting_to_held)), 0),
               coalesce(sum(delivered), 0),
               coalesce(sum(withdrawn + waiting_to_held - least(entered, waiting_to_held)), 0),
               (SELECT waiting FROM now_standing)
        FROM moves
        """,
        [after_event],
    ).fetchone()
    assert row is not None
    counts = [int(each) for each in row]
    held = ("opening", "added", "released", "rejected", "closing")
    waiting = ("opening", "added", "delivered", "withdrawn", "closing")
    return {
        "held": dict(zip(held, counts[:5], strict=True)),
        "waiting": dict(zip(waiting, counts[5:], strict=True)),
    }


def delivered_by_artefacts(conn: psycopg.Connection) -> int:
    """Deliveries that reached their channel: D records of delivered files, mailed reports, staged rows."""
    row = conn.execute(
        """
        SELECT (SELECT coalesce(sum(r.records), 0)
                FROM ledger.receipt AS r
                JOIN ledger.score_file AS f ON f.name = r.subject
                WHERE r.channel = 'electronic' AND r.event = 'delivered'
                  AND f.state = 'delivered' AND NOT f.test)
             + (SELECT coalesce(sum(reports), 0) FROM ledger.piece WHERE state = 'mailed')
             + (SELECT count(*) FROM portal.staged_score)
        """
    ).fetchone()
    return int(row[0]) if row else 0


def done_by_run(conn: psycopg.Connection, *, after_event: int) -> dict[str, int]:
    """What a run did with deliveries (contract section 5, `deliveries`), from the events since it began."""
    row = conn.execute(
        """
        SELECT count(*) FILTER (WHERE to_state = 'claimed' AND channel = 'paper'),
               count(*) FILTER (WHERE to_state = 'delivered' AND channel = 'electronic'),
               count(*) FILTER (WHERE to_state = 'delivered' AND channel = 'portal'),
               count(DISTINCT delivery_id) FILTER (WHERE to_state = 'held'),
               count(DISTINCT delivery_id) FILTER (WHERE to_state = 'failed')
        FROM ledger.delivery_event
        WHERE event_id > %s
        """,
        [after_event],
    ).fetchone()
    assert row is not None
    return dict(zip(("paper", "electronic", "portal", "held", "failed"), row, strict=True))


def waiting_for_their_day(conn: psycopg.Connection) -> int:
    """Deliveries that stand still: their DI is paused, it is not its weekday, or all sending is paused."""
    row = conn.execute(
        f"""
        SELECT (SELECT count(*) FROM ledger.delivery
                WHERE state = 'pending' AND (channel = 'electronic' OR {_ALL_PAUSED}))
             + (SELECT count(*) FROM ledger.delivery AS d JOIN ledger.score_file AS f USING (file_id)
                WHERE f.state = 'built' AND d.state = 'claimed' AND ({_PAUSED}))
        """
    ).fetchone()
    return row[0] if row else 0


def unsent_files(conn: psycopg.Connection) -> int:
    """Files that failed or wait for a retry; those that a pause keeps back count as waiting, not as "
    "unsent."""
    row = conn.execute(
        f"""
        SELECT count(*) FROM ledger.score_file AS f
        WHERE f.state IN ('built', 'publishing', 'failed') AND NOT f.test
          AND NOT (f.state = 'built' AND ({_PAUSED}))
        """
    ).fetchone()
    return row[0] if row else 0


def outcomes_of_run(conn: psycopg.Connection, run_id: str, *, after_event: int) -> dict[str, list[str]]:
    """The names of the batches planned, the files delivered and the schools staged since the run began."""
    batches = conn.execute(
        "SELECT batch_id FROM ledger.batch WHERE run_id = %s ORDER BY length(batch_id), batch_id", [run_id]
    ).fetchall()
    files = conn.execute(
        """
        SELECT subject FROM ledger.receipt
        WHERE channel = 'electronic' AND event = 'delivered' AND run_id = %s ORDER BY subject
        """,
        [run_id],
    ).fetchall()
    schools = conn.execute(
        """
        SELECT DISTINCT d.recipient
        FROM ledger.delivery_event AS e
        JOIN ledger.delivery AS d USING (delivery_id)
        WHERE e.event_id > %s AND e.to_state = 'delivered' AND e.channel = 'portal'
        ORDER BY d.recipient
        """,
        [after_event],
    ).fetchall()
    return {
        "batches": [row[0] for row in batches],
        "files": [row[0] for row in files],
        "schools": [row[0] for row in schools],
    }
