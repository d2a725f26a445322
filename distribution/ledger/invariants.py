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
        "pieces-of-batch",
        "A batch has as many pieces and sheets as its manifest states.",
        """
        SELECT count(*)
        FROM ledger.batch AS b
        LEFT JOIN LATERAL (
            SELECT count(*) AS pieces, coalesce(sum(sheets), 0) AS sheets
            FROM ledger.piece
            WHERE batch_id = b.batch_id
        ) AS p ON true
        WHERE (b.pieces, b.sheets) <> (p.pieces, p.sheets)
        """,
    ),
    Invariant(
        "batch-of-mailed",
        "A piece is mailed or returned when its batch is mailed, and only then.",
        """
        SELECT count(*)
        FROM ledger.piece AS p
        JOIN ledger.batch AS b USING (batch_id)
        WHERE (p.state IN ('mailed', 'returned')) <> (b.state = 'mailed')
        """,
    ),
    Invariant(
        "reports-of-piece",
        "The reports that a piece states wait in it until it is mailed, and are delivered then.",
        """
        SELECT count(*)
        FROM ledger.piece AS p
        LEFT JOIN LATERAL (
            SELECT count(*) AS all_states,
                   count(*) FILTER (WHERE d.state = 'claimed') AS waiting,
                   count(*) FILTER (WHERE d.state IN ('delivered', 'acknowledged')) AS delivered
            FROM ledger.delivery AS d
            WHERE d.batch_id = p.batch_id AND d.piece = p.piece
        ) AS d ON true
        WHERE p.state <> 'returned'
          AND (d.all_states <> p.reports
               OR p.reports <> CASE WHEN p.state = 'mailed' THEN d.delivered ELSE d.waiting END)
        """,
    ),
    Invariant(
        "piece-of-returned",
        "A delivery is returned when it lies in a piece that came back, at a time on file, and only then.",
        """
        SELECT count(*)
        FROM ledger.delivery AS d
        FULL JOIN (SELECT * FROM ledger.piece WHERE state = 'returned') AS p USING (batch_id, piece)
        WHERE (d.delivery_id IS NOT NULL AND (d.state = 'returned') <> (p.state IS NOT NULL))
           OR (p.state IS NULL) <> (p.returned_at IS NULL)
        """,
    ),
    Invariant(
        "receipt-of-batch",
        "Every mailed batch, and no other, has its receipt, for as many reports as its pieces state.",
        """
        SELECT count(*)
        FROM (
            SELECT b.batch_id AS subject, sum(p.reports) AS records
            FROM ledger.batch AS b
            JOIN ledger.piece AS p USING (batch_id)
            WHERE b.state = 'mailed'
            GROUP BY b.batch_id
        ) AS mailed
        FULL JOIN (
            SELECT subject, records FROM ledger.receipt WHERE channel = 'paper' AND event = 'delivered'
        ) AS receipt USING (subject)
        WHERE mailed.records IS DISTINCT FROM receipt.records
        """,
    ),
    Invariant(
        "mark-of-piece",
        "The mark of a piece is that of its last reprint.",
        """
        SELECT count(*)
        FROM ledger.piece AS p
        LEFT JOIN (
            SELECT r.batch_id, printed.piece, max(printed.generation) AS generation
            FROM ledger.reprint AS r, unnest(r.pieces, r.generations) AS printed (piece, generation)
            GROUP BY r.batch_id, printed.piece
        ) AS last USING (batch_id, piece)
        WHERE p.generation <> coalesce(last.generation, 0)
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
          AND NOT f.test
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
