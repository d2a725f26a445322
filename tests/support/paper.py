"""Batches for tests of the mailroom: made by the line itself, from deliveries that a test puts on file."""

import hashlib
import subprocess
from datetime import date
from pathlib import Path

from distribution.jobs import print_batches
from distribution.jobs.wiring import Line
from distribution.ledger import runs
from tests.support import records

NIGHT = date(2026, 11, 23)
BATCH = "PB-20261123-A"


def a_batch(line: Line, *, pieces: int = 3, students: int = 1) -> str:
    """One batch of so many pieces, each for a college of its own (4401, 4402 …); its id."""
    with line.connect() as conn:
        for number in range(1, pieces + 1):
            code = f"44{number:02d}"
            records.institution(
                conn, code, kind="college", delivery_method="paper", address_1=f"{number} Main Street",
                city="Springfield", state="IL", postal_code=f"627{number:02d}",
            )  # fmt: skip
            for student in range(1, students + 1):
                version = records.result(
                    conn, f"R-{number}-{student}", candidate_id=f"C-{number}-{student}",
                    last_name=f"Student{number}x{student}", recipient_1=code,
                )  # fmt: skip
                records.owe(conn, version, code, channel="paper", reasons=["recipient"])
        run_id = runs.open_run(
            conn, kind="nightly", on=NIGHT, only_channel=None, started_at=line.now()
        ).run_id
    (batch_id,) = print_batches.print_batches(line, run_id=run_id, on=NIGHT).batches
    return batch_id


def outbox(line: Line) -> dict[str, str]:
    """Every finished file of the paper outbox with the hash of its bytes."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(line.settings.paper_outbox.iterdir())
        if not path.name.startswith(".")
    }


def text_of(path: Path) -> str:
    """What can be read on a PDF, page by page, parted by form feeds."""
    command = ["pdftotext", "-layout", str(path), "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


def all_rows(line: Line, query: str) -> list[tuple]:
    with line.connect() as conn:
        return conn.execute(query).fetchall()


def piece_states(line: Line) -> list[str]:
    """The state of each piece, with its mark: `ready`, `ready R1`."""
    rows = all_rows(line, "SELECT state, generation FROM ledger.piece ORDER BY batch_id, piece")
    return [f"{state} R{generation}" if generation else state for state, generation in rows]


def delivery_states(line: Line) -> list[str]:
    return [state for (state,) in all_rows(line, "SELECT state FROM ledger.delivery ORDER BY delivery_id")]


def batch_state(line: Line, batch_id: str = BATCH) -> str:
    with line.connect() as conn:
        return conn.execute("SELECT state FROM ledger.batch WHERE batch_id = %s", [batch_id]).fetchone()[0]
