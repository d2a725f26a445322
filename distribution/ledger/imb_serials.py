"""Serial numbers of Intelligent Mail barcodes: each once, whatever run asks for them."""

import psycopg


def take(conn: psycopg.Connection, count: int) -> list[int]:
    """That many numbers that were never given before, growing, in the caller's transaction.

    Whoever else takes numbers waits until it ends. Rolled back, it has taken none: the same plan made again
    gets the same ones.
    """
    row = conn.execute(
        "UPDATE ledger.imb_counter SET last_serial = last_serial + %s RETURNING last_serial", [count]
    ).fetchone()
    assert row is not None, "the counter has its one row from the migration on"
    last = int(row[0])
    return list(range(last - count + 1, last + 1))
