"""Receipts: the proof that something reached its channel, written once and never changed."""

import psycopg

from distribution.model import Receipt


def write(
    conn: psycopg.Connection, receipt: Receipt, *, event: str = "delivered", run_id: str | None = None
) -> None:
    """Record a receipt; the same subject and event again changes nothing.

    `event` is `placed` (a batch stands in the outbox), `delivered` or `acknowledged`.
    """
    conn.execute(
        """
        INSERT INTO ledger.receipt (channel, subject, event, records, sha256, size_bytes, remote_name,
                                    received_at, run_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (channel, subject, event) DO NOTHING
        """,
        [
            receipt.channel,
            receipt.subject,
            event,
            receipt.records,
            receipt.sha256,
            receipt.size_bytes,
            receipt.remote_name,
            receipt.received_at,
            run_id,
        ],
    )
