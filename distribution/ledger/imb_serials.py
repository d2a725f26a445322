"""Serial numbers of Intelligent Mail barcodes: each once, whatever run asks for them."""

import psycopg


def take(conn: psycopg.Connection, count: int) -> list[int]:
    """That many numbers that were never given before, growing. Those of a plan that failed stay unused."""
    rows = conn.execute("SELECT nextval('ledger.imb_serial') FROM generate_series(1, %s)", [count]).fetchall()
    return [number for (number,) in rows]
