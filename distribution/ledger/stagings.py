"""Stagings: which deliveries go to the portal now, and that they are there."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from distribution.model import Channel, DeliveryState

_SUBJECT = "staging:"


def take_pending(conn: psycopg.Connection) -> list[int]:
    """The ids of the deliveries that wait for the portal, locked until the transaction ends.

    Two stagings at one time: the second waits for the first and finds nothing left to do.
    """
    rows = conn.execute(
        """
        SELECT delivery_id
        FROM ledger.delivery
        WHERE channel = %s AND state = %s
        ORDER BY delivery_id
        FOR UPDATE
        """,
        [Channel.PORTAL, DeliveryState.PENDING],
    ).fetchall()
    return [row[0] for row in rows]


def mark_delivered(conn: psycopg.Connection, delivery_ids: Sequence[int], *, at: datetime) -> int:
    """Staged is delivered: from now on the school counts as having got it. Returns the number moved."""
    return conn.execute(
        """
        UPDATE ledger.delivery
        SET state = %s, left_at = %s, delivered_at = %s
        WHERE delivery_id = ANY(%s) AND state = %s
        """,
        [DeliveryState.DELIVERED, at, at, list(delivery_ids), DeliveryState.PENDING],
    ).rowcount


def next_subject(conn: psycopg.Connection, run_id: str) -> str:
    """What the receipt of a run's next staging is called: `staging:<run>`, then `staging:<run>/2` …

    A run that was killed after its staging may find more to stage when it goes on; receipts never change.
    """
    first = f"{_SUBJECT}{run_id}"
    row = conn.execute(
        """
        SELECT count(*)
        FROM ledger.receipt
        WHERE channel = %s AND (subject = %s OR starts_with(subject, %s))
        """,
        [Channel.PORTAL, first, f"{first}/"],
    ).fetchone()
    number = (row[0] if row else 0) + 1
    return first if number == 1 else f"{first}/{number}"
