"""What must hold in a ledger at any time, whatever was killed: each as a query that counts what breaks it."""

from dataclasses import dataclass

import psycopg


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence about the ledger, and a query for the number of rows that contradict it."""

    name: str
    sentence: str
    count_broken: str


@dataclass(frozen=True, slots=True)
class Finding:
    """How many rows contradict an invariant."""

    invariant: Invariant
    broken: int


INVARIANTS = (
    Invariant(
        "feed-of-version",
        "Every result version came with a feed that was recorded.",
        """
        SELECT count(*)
        FROM ledger.result_version AS v
        JOIN ledger.feed AS f USING (feed_id)
        WHERE f.state NOT IN ('recorded', 'withdrawn')
        """,
    ),
    Invariant(
        "one-latest-revision",
        "The latest revision of a result is its highest one, and there is only one.",
        """
        SELECT count(*)
        FROM (
            SELECT count(*) FILTER (WHERE latest) AS latest,
                   max(revision) FILTER (WHERE latest) AS marked,
                   max(revision) FILTER (WHERE NOT withdrawn) AS highest
            FROM ledger.result_version
            GROUP BY result_id
        ) AS result
        WHERE highest IS NOT NULL AND (latest <> 1 OR marked <> highest)
        """,
    ),
    Invariant(
        "received",
        "Received = new + corrected + duplicate + held, for every recorded results feed.",
        """
        SELECT count(*)
        FROM ledger.feed
        WHERE kind = 'results' AND state = 'recorded' AND records <> new + corrected + duplicate + held
        """,
    ),
    Invariant(
        "version-of-delivery",
        "Every delivery carries a result version that is on file.",
        """
        SELECT count(*)
        FROM ledger.delivery AS d
        LEFT JOIN ledger.result_version AS v USING (result_id, revision, academic_year)
        WHERE v.result_id IS NULL
        """,
    ),
    Invariant(
        "hold-of-delivery",
        "Every held delivery has one open hold, and every open hold of a delivery a held delivery.",
        """
        SELECT count(*)
        FROM (SELECT delivery_id FROM ledger.delivery WHERE state = 'held') AS d
        FULL JOIN (
            SELECT delivery_id FROM ledger.hold WHERE state = 'open' AND kind = 'delivery'
        ) AS h USING (delivery_id)
        WHERE d.delivery_id IS NULL OR h.delivery_id IS NULL
        """,
    ),
    Invariant(
        "piece-of-paper",
        "Every paper delivery that was claimed or delivered lies in a piece.",
        """
        SELECT count(*)
        FROM ledger.delivery
        WHERE channel = 'paper' AND state IN ('claimed', 'delivered') AND piece IS NULL
        """,
    ),
    Invariant(
        "file-of-electronic",
        "Every electronic delivery that was delivered stands in a delivered file.",
        """
        SELECT count(*)
        FROM ledger.delivery AS d
        LEFT JOIN ledger.score_file AS f USING (file_id)
        WHERE d.channel = 'electronic'
          AND d.state IN ('delivered', 'acknowledged')
          AND (f.state IS NULL OR f.state NOT IN ('delivered', 'acknowledged'))
        """,
    ),
    Invariant(
        "receipt-of-file",
        "Every delivered file has its receipt.",
        """
        SELECT count(*)
        FROM ledger.score_file AS f
        WHERE f.state IN ('delivered', 'acknowledged')
          AND NOT EXISTS (
              SELECT FROM ledger.receipt AS r
              WHERE r.channel = 'electronic' AND r.subject = f.name AND r.event = 'delivered'
          )
        """,
    ),
    Invariant(
        "gapless-sequence",
        "The numbers of an institution's files have no gap.",
        """
        SELECT count(*)
        FROM (
            SELECT count(*) AS files, max(f.sequence) AS highest, max(s.last_sequence) AS given
            FROM ledger.score_file AS f
            LEFT JOIN ledger.di_sequence AS s USING (di, test)
            GROUP BY f.di, f.test
        ) AS di
        WHERE files <> highest OR given IS DISTINCT FROM highest
        """,
    ),
    Invariant(
        "row-of-staged",
        "Every delivery to the portal that was delivered is staged.",
        """
        SELECT count(*)
        FROM ledger.delivery AS d
        WHERE d.channel = 'portal'
          AND d.state = 'delivered'
          AND NOT EXISTS (
              SELECT FROM portal.staged_score AS s
              WHERE s.school_code = d.recipient
                AND s.academic_year = d.academic_year
                AND s.delivery_id = d.delivery_id
          )
        """,
    ),
)


def findings(conn: psycopg.Connection) -> list[Finding]:
    """Every invariant with the number of rows that contradict it: 0 where it holds."""
    return [Finding(invariant, _count(conn, invariant)) for invariant in INVARIANTS]


def _count(conn: psycopg.Connection, invariant: Invariant) -> int:
    row = conn.execute(invariant.count_broken).fetchone()
    assert row is not None, "count(*) gives one row"
    return row[0]
