"""Print batches: planned with everything they place in one transaction, proved when their files stand."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime

import pandas as pd
import psycopg
from psycopg.rows import class_row, dict_row

from distribution import filenames
from distribution.errors import TransientError, UsageError
from distribution.ledger import deliveries
from distribution.ledger.connection import copy_frame
from distribution.model import PostalAddress


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the ledger has it; `position` of `planned_together` counts those of one plan, from 1.

    `reports` counts the deliveries on it; `spoiled` its pieces that must be printed again, `returned` those
    that the carrier brought back.
    """

    batch_id: str
    business_date: date
    run_id: str | None
    stock: str
    sheets_per_piece: int
    international: bool
    pieces: int
    sheets: int
    pages: int
    state: str
    created_at: datetime
    proved_at: datetime | None
    pdf_sha256: str | None
    pdf_bytes: int | None
    cover_sha256: str | None
    manifest_sha256: str | None
    mail_by: datetime | None
    printed_at: datetime | None
    inserted_at: datetime | None
    mailed_at: datetime | None
    reports: int
    spoiled: int
    returned: int
    position: int
    planned_together: int


@dataclass(frozen=True, slots=True)
class PieceRow:
    """A piece as the ledger has it, with the address as it was on the day of planning."""

    piece: int
    di: str
    sheets: int
    first_page: int
    last_page: int
    reports: int
    state: str
    generation: int
    imb: str
    address: PostalAddress


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands in the outbox for a batch."""

    pdf_sha256: str
    pdf_bytes: int
    cover_sha256: str
    manifest_sha256: str


_BATCHES = """
SELECT * FROM (
    SELECT batch_id, business_date, run_id, stock, sheets_per_piece, international, pieces, sheets, pages,
           state, created_at, proved_at, pdf_sha256, pdf_bytes, cover_sha256, manifest_sha256,
           mail_by, printed_at, inserted_at, mailed_at, piece.reports, piece.spoiled, piece.returned,
           row_number() OVER (PARTITION BY business_date, created_at
                              ORDER BY length(batch_id), batch_id)::int AS position,
           count(*) OVER (PARTITION BY business_date, created_at)::int AS planned_together
    FROM ledger.batch
    LEFT JOIN LATERAL (
        SELECT coalesce(sum(p.reports), 0)::int AS reports,
               (count(*) FILTER (WHERE p.state = 'spoiled'))::int AS spoiled,
               (count(*) FILTER (WHERE p.state = 'returned'))::int AS returned
        FROM ledger.piece AS p
        WHERE p.batch_id = batch.batch_id
    ) AS piece ON true
) AS batch
"""
_ORDER = "ORDER BY business_date, length(batch_id), batch_id"


def next_position(conn: psycopg.Connection, on: date) -> int:
    """The position (from 0) of the first batch id of a day that is not used yet."""
    used = conn.execute("SELECT batch_id FROM ledger.batch WHERE business_date = %s", [on]).fetchall()
    return max((filenames.batch_position(batch_id) for (batch_id,) in used), default=-1) + 1


def plan(
    conn: psycopg.Connection,
    *,
    batches: pd.DataFrame,
    pieces: pd.DataFrame,
    placed: pd.DataFrame,
    run_id: str,
    on: date,
    at: datetime,
    actor: str,
) -> int:
    """Record batches and pieces and place pending deliveries in them; the caller's one transaction.

    `batches`: batch_id, stock (str), sheets_per_piece, pieces, sheets, pages (int), international (bool),
    mail_by (an aware time as ISO text, in UTC).
    `pieces`: batch_id, di, imb (str), piece, sheets, first_page, last_page, reports (int), address
    (PostalAddress).
    `placed`: delivery_id int64, batch_id str, piece int. From here on the recipients count as having got them
    (`left_at`), and the disclosures are written. Returns the number of deliveries placed. Raises
    TransientError when one of them is no longer pending.
    """
    head = batches.assign(business_date=on.isoformat(), run_id=run_id, created_at=at.isoformat())
    copy_frame(conn, head, "ledger.batch")
    addressed = pieces.assign(address=[json.dumps(asdict(each)) for each in pieces["address"]])
    copy_frame(conn, addressed, "ledger.piece")
    count = _claim(conn, placed, at=at)
    for batch_id in batches["batch_id"]:
        deliveries.disclose(conn, batch_id=batch_id, artefact=batch_id, actor=actor)
    return count


def _claim(conn: psycopg.Connection, placed: pd.DataFrame, *, at: datetime) -> int:
    conn.execute("DROP TABLE IF EXISTS staged_placed")
    conn.execute(
        "CREATE TEMP TABLE staged_placed (delivery_id bigint, batch_id text, piece int) ON COMMIT DROP"
    )
    copy_frame(conn, placed[["delivery_id", "batch_id", "piece"]], "staged_placed")
    moved = conn.execute(
        """
        UPDATE ledger.delivery AS d
        SET state = 'claimed', state_reason = NULL, batch_id = p.batch_id, piece = p.piece, left_at = %s
        FROM staged_placed AS p
        WHERE d.delivery_id = p.delivery_id
          AND d.state = 'pending'
          AND d.channel = 'paper'
        """,
        [at],
    ).rowcount
    if moved != len(placed):
        raise TransientError(
            f"{len(placed) - moved} deliveries changed while their batch was planned. Run the night again."
        )
    return moved


def unproved(conn: psycopg.Connection) -> list[str]:
    """Batches that were planned but whose files may not stand in the outbox yet, in order."""
    rows = conn.execute(f"SELECT batch_id FROM ledger.batch WHERE proved_at IS NULL {_ORDER}").fetchall()
    return [batch_id for (batch_id,) in rows]


def listing(conn: psycopg.Connection) -> list[Batch]:
    """Every batch, the newest day last."""
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        return cursor.execute(f"{_BATCHES} {_ORDER}").fetchall()


def read(conn: psycopg.Connection, batch_id: str) -> Batch:
    """One batch. Raises UsageError when there is none of that name."""
    with conn.cursor(row_factory=class_row(Batch)) as cursor:
        batch = cursor.execute(f"{_BATCHES} WHERE batch_id = %s", [batch_id]).fetchone()
    if batch is None:
        raise UsageError(f"There is no batch {batch_id}. `batch list` shows those on file.")
    return batch


def pieces_of(conn: psycopg.Connection, batch_id: str) -> list[PieceRow]:
    """The pieces of a batch in order."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            """
            SELECT piece, di, sheets, first_page, last_page, reports, state, generation, imb, address
            FROM ledger.piece
            WHERE batch_id = %s
            ORDER BY piece
            """,
            [batch_id],
        ).fetchall()
    return [PieceRow(**{**row, "address": PostalAddress(**row["address"])}) for row in rows]


def prove(conn: psycopg.Connection, batch_id: str, proof: Proof, *, at: datetime) -> None:
    """Record that a batch's files stand in the outbox; a batch that is proved already stays as it is."""
    conn.execute(
        """
        UPDATE ledger.batch
        SET pdf_sha256 = %s, pdf_bytes = %s, cover_sha256 = %s, manifest_sha256 = %s, proved_at = %s
        WHERE batch_id = %s AND proved_at IS NULL
        """,
        [
            proof.pdf_sha256,
            proof.pdf_bytes,
            proof.cover_sha256,
            proof.manifest_sha256,
            at,
            batch_id,
        ],
    )


def log_rewriting(conn: psycopg.Connection, batch_id: str, *, actor: str, command: str) -> None:
    """Record that somebody had the records of a batch written out again."""
    conn.execute(
        """
        INSERT INTO ledger.access_log (actor, command, result_ids)
        SELECT %s, %s, array_agg(DISTINCT result_id ORDER BY result_id)
        FROM ledger.delivery
        WHERE batch_id = %s
        HAVING count(*) > 0
        """,
        [actor, command, batch_id],
    )
