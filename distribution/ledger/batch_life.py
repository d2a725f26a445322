"""The life of a batch after its files stand: what the mailroom says of it, and what is printed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from distribution.errors import OutOfBalance, UsageError
from distribution.ledger import deliveries
from distribution.model import BatchState, PieceState


@dataclass(frozen=True, slots=True)
class Reprint:
    """Pieces of a batch that are printed again; `generations` stand in the order of `pieces`."""

    name: str
    batch_id: str
    number: int
    pieces: list[int]
    generations: list[int]
    reason: str
    actor: str
    planned_at: datetime
    proved_at: datetime | None
    pdf_sha256: str | None
    pdf_bytes: int | None


@dataclass(frozen=True, slots=True)
class BatchEvent:
    """What was said of a batch, by the mailroom or (`announced`) to it; no pieces named = all of them."""

    event: str
    pieces: list[int]
    reason: str
    actor: str
    happened_at: datetime


def lock(conn: psycopg.Connection, batch_id: str) -> None:
    """Let nobody else change a batch until this transaction ends. Raises UsageError for an unknown one."""
    row = conn.execute("SELECT 1 FROM ledger.batch WHERE batch_id = %s FOR UPDATE", [batch_id]).fetchone()
    if row is None:
        raise UsageError(f"There is no batch {batch_id}. `batch list` shows those on file.")


def note(
    conn: psycopg.Connection,
    batch_id: str,
    event: str,
    *,
    at: datetime,
    actor: str,
    pieces: Sequence[int] = (),
    reason: str = "",
) -> None:
    """Keep what was said of a batch, and by whom."""
    conn.execute(
        """
        INSERT INTO ledger.batch_event (batch_id, event, pieces, reason, actor, happened_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        [batch_id, event, list(pieces), reason, actor, at],
    )


def events(conn: psycopg.Connection, batch_id: str) -> list[BatchEvent]:
    """What was said of a batch, in order."""
    with conn.cursor(row_factory=class_row(BatchEvent)) as cursor:
        return cursor.execute(
            """
            SELECT event, pieces, reason, actor, happened_at
            FROM ledger.batch_event
            WHERE batch_id = %s
            ORDER BY event_id
            """,
            [batch_id],
        ).fetchall()


def advance(conn: psycopg.Connection, batch_id: str, state: BatchState, *, at: datetime) -> None:
    """Move a batch on to printed or inserted."""
    column = {BatchState.PRINTED: "printed_at", BatchState.INSERTED: "inserted_at"}[state]
    conn.execute(
        f"UPDATE ledger.batch SET state = %s, {column} = %s WHERE batch_id = %s", [state, at, batch_id]
    )


def spoil(conn: psycopg.Connection, batch_id: str, pieces: Sequence[int]) -> int:
    """Mark pieces as spoiled; the number that were not before."""
    return conn.execute(
        """
        UPDATE ledger.piece
        SET state = 'spoiled'
        WHERE batch_id = %s AND piece = ANY(%s) AND state = 'ready'
        """,
        [batch_id, list(pieces)],
    ).rowcount


def pieces_in(conn: psycopg.Connection, batch_id: str, state: PieceState) -> list[int]:
    """The numbers of a batch's pieces in a state."""
    rows = conn.execute(
        "SELECT piece FROM ledger.piece WHERE batch_id = %s AND state = %s ORDER BY piece", [batch_id, state]
    ).fetchall()
    return [piece for (piece,) in rows]


def mail(conn: psycopg.Connection, batch_id: str, *, at: datetime) -> int:
    """Close a batch: its pieces are mailed, what lies in them is delivered. Returns the number of reports.

    Raises OutOfBalance when the deliveries that move are not as many as the reports in the pieces.
    """
    row = conn.execute(
        """
        WITH moved AS (
            UPDATE ledger.piece SET state = 'mailed' WHERE batch_id = %s AND state = 'ready' RETURNING reports
        )
        SELECT coalesce(sum(reports), 0) FROM moved
        """,
        [batch_id],
    ).fetchone()
    reports = int(row[0]) if row else 0
    moved = _deliver(conn, batch_id, at=at)
    if moved != reports:
        raise OutOfBalance(
            f"The pieces of {batch_id} hold {reports} reports, but {moved} deliveries wait in it. "
            "Nothing was changed; do not mail it, tell the developers."
        )
    conn.execute(
        "UPDATE ledger.batch SET state = 'mailed', mailed_at = %s WHERE batch_id = %s", [at, batch_id]
    )
    return reports


def _deliver(conn: psycopg.Connection, batch_id: str, *, at: datetime) -> int:
    return conn.execute(
        """
        UPDATE ledger.delivery
        SET state = 'delivered', delivered_at = %s
        WHERE batch_id = %s AND state = 'claimed'
        """,
        [at, batch_id],
    ).rowcount


# Printed again ---------------------------------------------------------------------------------------------
_REPRINTS = """
SELECT name, batch_id, number, pieces, generations, reason, actor, planned_at, proved_at, pdf_sha256,
       pdf_bytes
FROM ledger.reprint
WHERE batch_id = %s
ORDER BY number
"""


def reprints(conn: psycopg.Connection, batch_id: str) -> list[Reprint]:
    """What was printed again of a batch, in order."""
    with conn.cursor(row_factory=class_row(Reprint)) as cursor:
        return cursor.execute(_REPRINTS, [batch_id]).fetchall()


def plan_reprint(conn: psycopg.Connection, reprint: Reprint) -> None:
    """Record pieces that are to be printed again, under their next generation, and disclose them once more.

    They count as spoiled until the new file stands. The record of who looked is left too: their reports are
    written out again.
    """
    conn.execute(
        """
        INSERT INTO ledger.reprint (name, batch_id, number, pieces, generations, reason, actor, planned_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            reprint.name,
            reprint.batch_id,
            reprint.number,
            reprint.pieces,
            reprint.generations,
            reprint.reason,
            reprint.actor,
            reprint.planned_at,
        ],
    )
    conn.execute(
        """
        UPDATE ledger.piece AS p
        SET state = 'spoiled', generation = r.generation
        FROM unnest(%s::int[], %s::int[]) AS r(piece, generation)
        WHERE p.batch_id = %s AND p.piece = r.piece
        """,
        [reprint.pieces, reprint.generations, reprint.batch_id],
    )
    inside = conn.execute(
        "SELECT delivery_id FROM ledger.delivery WHERE batch_id = %s AND piece = ANY(%s)",
        [reprint.batch_id, reprint.pieces],
    ).fetchall()
    deliveries.disclose(
        conn,
        delivery_ids=[delivery_id for (delivery_id,) in inside],
        artefact=reprint.name,
        actor=reprint.actor,
    )
    log_access(conn, reprint.batch_id, reprint.pieces, actor=reprint.actor, command=f"reprint {reprint.name}")


def log_access(
    conn: psycopg.Connection, batch_id: str, pieces: Sequence[int], *, actor: str, command: str
) -> None:
    """Record that somebody had the records in these pieces written out."""
    conn.execute(
        """
        INSERT INTO ledger.access_log (actor, command, result_ids)
        SELECT %s, %s, array_agg(DISTINCT result_id ORDER BY result_id)
        FROM ledger.delivery
        WHERE batch_id = %s AND piece = ANY(%s)
        HAVING count(*) > 0
        """,
        [actor, command, batch_id, list(pieces)],
    )


def prove_reprint(
    conn: psycopg.Connection, reprint: Reprint, *, pdf_sha256: str, pdf_bytes: int, at: datetime
) -> bool:
    """Record that a reprint's file stands; its pieces are ready again. False when that was known."""
    proved = conn.execute(
        """
        UPDATE ledger.reprint
        SET pdf_sha256 = %s, pdf_bytes = %s, proved_at = %s
        WHERE name = %s AND proved_at IS NULL
        """,
        [pdf_sha256, pdf_bytes, at, reprint.name],
    ).rowcount
    if proved:
        conn.execute(
            "UPDATE ledger.piece SET state = 'ready' WHERE batch_id = %s AND piece = ANY(%s)",
            [reprint.batch_id, reprint.pieces],
        )
    return bool(proved)
