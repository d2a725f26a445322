"""A finished night in the ledger: held rows, a failed file and one behind it, a batch, a held delivery."""

from datetime import date
from typing import Any

import psycopg

from distribution.ledger import deliveries, runs
from distribution.ledger.connection import read_frame
from tests.conftest import NIGHT
from tests.support import records

DAY = date(2026, 11, 23)
STUDENT = ("Nguyễn-Zielińska", "Ann-Sophie", "00123-SECRET", "2008-05-01", "RES-SECRET")


def document(run_id: str, **changes: Any) -> dict[str, Any]:
    """The document of a night; a test names only what it is about."""
    return {
        "schema_version": 1,
        "run": run_id,
        "date": DAY.isoformat(),
        "balanced": True,
        "exit": 3,
        "received": {"records": 4, "new": 3, "corrected": 0, "duplicate": 0, "held": 1},
        "deliveries": {"paper": 1, "electronic": 0, "portal": 0, "held": 1, "failed": 2, "waiting": 0},
        "owed": {"owed": 4, "delivered": 0, "acknowledged": 0, "returned": 0, "waiting": 3, "held": 1,
                 "withdrawn": 0},
        "carried": {
            "held": {"opening": 0, "added": 1, "released": 0, "rejected": 0, "closing": 1},
            "waiting": {"opening": 0, "added": 3, "delivered": 0, "withdrawn": 0, "closing": 3},
        },
        "batches": ["PB-20261123-A"],
        "files": [],
        "schools": 0,
        "faults": [],
        **changes,
    }  # fmt: skip


def running_night(conn: psycopg.Connection) -> str:
    """A night that sent what it could: two files failed, a batch stands, a delivery and a row are held."""
    run_id = records.run(conn)
    records.institution(conn, "4471", name="Northfield State University", kind="university")
    records.institution(conn, "2210", name="Lakeshore College", kind="college", delivery_method="paper")
    last, first, candidate, born, result_id = STUDENT
    version = records.result(
        conn, result_id, last_name=last, first_name=first, candidate_id=candidate, birth_date=born,
        scaled_score=79, attending_code="970000",
    )  # fmt: skip
    _held_row(conn)
    for sequence, (state, failure) in enumerate((("failed", "host-key"), ("built", None)), start=1):
        file_id = _file(conn, run_id, sequence, state=state, failure=failure)
        records.owe(conn, version, "4471", channel="electronic", state="failed", state_reason="host-key",
                    file_id=file_id, occasion=f"resend:{sequence}")  # fmt: skip
    _batch(conn, run_id)
    records.owe(conn, version, "2210", channel="paper", state="claimed", batch_id="PB-20261123-A", piece=1)
    records.owe(conn, version, "9981", channel=None)
    pending = read_frame(conn, "SELECT delivery_id FROM ledger.delivery WHERE recipient = '9981'")
    deliveries.hold(conn, pending.astype({"delivery_id": "int64"}).assign(reason="unknown-recipient"))
    runs.note_step(conn, run_id, "Route", seconds=1.5, peak_mb=300.0)
    return run_id


def finished_night(conn: psycopg.Connection, **changes: Any) -> str:
    """The same night, finished."""
    run_id = running_night(conn)
    conn.execute("UPDATE ledger.feed SET counted_by_run = %s WHERE counted_by_run IS NULL", [run_id])
    runs.finish(
        conn, run_id, finished_at=NIGHT, summary=document(run_id, **changes), last_event_id=newest_event(conn)
    )
    return run_id


def newest_event(conn: psycopg.Connection) -> int:
    return conn.execute("SELECT coalesce(max(event_id), 0) FROM ledger.delivery_event").fetchone()[0]


def _held_row(conn: psycopg.Connection) -> None:
    feed_id = records.feed(conn)
    conn.execute(
        "UPDATE ledger.feed SET feed_date = %s, number = 3, records = 1, held = 1 WHERE feed_id = %s",
        [date(2026, 11, 22), feed_id],
    )
    conn.execute(
        """
        INSERT INTO ledger.hold (kind, reason, column_name, feed_id, feed_kind, line, row_key, revision,
                                 cells)
        VALUES ('row', 'unknown-exam', 'exam_code', %s, 'results', 118, 'RES-HELD', 1, %s)
        """,
        [feed_id, '{"last_name": "Nguyễn-Zielińska", "exam_code": "0Q7"}'],
    )


def _file(conn: psycopg.Connection, run_id: str, sequence: int, **given: Any) -> int:
    return conn.execute(
        """
        INSERT INTO ledger.score_file (name, di, sequence, previous_sequence, business_date, created_at,
                                       run_id, layout, layout_version, encoding, newline, control, details,
                                       size_bytes, state, failure)
        VALUES (%(name)s, '4471', %(sequence)s, %(sequence)s - 1, %(day)s, now(), %(run)s,
                'fixed-1', 1, 'utf-8', 'crlf', 'inline', 1, 900, %(state)s, %(failure)s)
        RETURNING file_id
        """,
        {
            "name": f"CLEP_4471_20261123_{sequence:06d}.txt",
            "sequence": sequence,
            "day": DAY,
            "run": run_id,
            **given,
        },
    ).fetchone()[0]


def _batch(conn: psycopg.Connection, run_id: str) -> None:
    conn.execute(
        """
        INSERT INTO ledger.batch (batch_id, business_date, run_id, stock, sheets_per_piece, pieces, sheets,
                                  pages, created_at)
        VALUES ('PB-20261123-A', %s, %s, 'no10-window', 1, 1, 1, 2, now())
        """,
        [DAY, run_id],
    )
    conn.execute(
        """
        INSERT INTO ledger.piece (batch_id, piece, di, sheets, reports, address)
        VALUES ('PB-20261123-A', 1, '2210', 1, 1, '{}')
        """
    )
