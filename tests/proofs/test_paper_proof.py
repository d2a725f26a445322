"""A thousand pieces, read back: every code, name, exam and score, and three other readers' word.

The whole runs under `make proof`, batch by batch; a batch that was read before is not read again as long as
its bytes are the same. A seeded sample runs with every change.
"""

import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from distribution.jobs import print_batches, reprint_pieces
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries
from tests.support import paper_night, paper_reading, paper_words, records

SAMPLE, WHOLE = 6, 1_000


@dataclass(frozen=True, slots=True)
class Read:
    """What was read from one batch."""

    batch: str
    pieces: int
    sheets: int
    barcodes: int
    scores: int


def printed(line: Line, pieces: int, *, seed: int) -> tuple[Line, tuple[str, ...]]:
    """A night of paper with a mailer id, printed; its line and batches."""
    settings = line.settings.model_copy(update={"mailer_id": "123456", "imb_service_type": "300"})
    line = replace(line, settings=settings)
    paper_night.owe_pieces(line, pieces, seed=seed)
    outcome = print_batches.print_batches(line, run_id=paper_night.a_run(line), on=paper_night.NIGHT)
    assert outcome.held == 0
    return line, outcome.batches


def read(line: Line, batch_id: str) -> Read:
    """Read a batch back from its files and hold it to the ledger."""
    batch = paper_reading.Batch(batch_id, line.settings.paper_outbox)
    with line.connect() as conn:
        contents = deliveries.contents(conn, batch_id=batch_id)
    paper_reading.assert_clean(batch.pdf)
    paper_reading.assert_clean(batch.cover)
    paper_reading.assert_private(batch, contents)
    scores = paper_words.compare_words(batch, contents)
    assert scores == len(contents)
    sheets = paper_reading.read_codes(batch)
    rows = batch.rows
    return Read(
        batch=batch_id,
        pieces=len({row["piece"] for row in rows}),
        sheets=sheets,
        barcodes=len({row["piece"] for row in rows if row["imb"]}),
        scores=scores,
    )


def test_a_sample_of_pieces_is_read_back_as_the_ledger_has_them(line):
    line, batches = printed(line, SAMPLE, seed=4)
    found = [read(line, batch_id) for batch_id in batches]
    assert sum(each.pieces for each in found) >= SAMPLE, "an institution of many students gets two"
    assert sum(each.barcodes for each in found) > SAMPLE / 2
    with line.connect() as conn:
        placed = deliveries.contents(conn, channel="paper", states=["claimed"])
    assert sum(each.scores for each in found) == len(placed)


def test_a_reprint_is_read_by_other_readers_too(line):
    _a_small_batch(line)
    again = reprint_pieces.reprint(line, "PB-20261123-A", words=["0001"], reason="torn")
    paper_reading.assert_clean(again.path)
    assert "piece 0001 R1" in paper_reading.text_of(again.path)


@pytest.mark.parametrize(
    ("candidate", "column", "instead"),
    [
        ("K0000001", "action", "N"),  # a correction that does not say so
        ("K0000002", "action", "N"),  # a cancellation that does not say so
        ("K0000003", "action", "C"),
        ("K0000001", "college_student_id", "U-000009"),
        ("K0000001", "college_student_id", ""),
        ("K0000003", "college_student_id", "U-000009"),
        ("K0000003", "first_name", "Adam"),
        ("K0000003", "last_name", "Exam"),  # a text of another student stands on a sheet
        ("K0000003", "scaled_score", "21"),
    ],
)
def test_the_reader_sees_what_the_ledger_has_otherwise(line, candidate, column, instead):
    contents = _a_small_batch(line)
    batch = paper_reading.Batch("PB-20261123-A", line.settings.paper_outbox)
    assert paper_words.compare_words(batch, contents) == 3
    contents.loc[contents["candidate_id"] == candidate, column] = instead
    with pytest.raises(AssertionError):
        paper_words.compare_words(batch, contents)


def _a_small_batch(line: Line) -> pd.DataFrame:
    """One piece of three students: a correction, a cancellation, a new score; its deliveries."""
    with line.connect() as conn:
        records.institution(
            conn, "4471", kind="college", delivery_method="paper", address_1="1 Main Street",
            city="Springfield", state="IL", postal_code="62701",
        )  # fmt: skip
        for number, action in enumerate("CXN", start=1):
            version = records.result(
                conn, f"R-{number}", candidate_id=f"K000000{number}", first_name="Ada",
                last_name=f"Moreau{number}", college_student_id=f"U-00000{number}" if number < 3 else "",
            )  # fmt: skip
            records.owe(conn, version, "4471", action, channel="paper", reasons=["recipient"])
    print_batches.print_batches(line, run_id=paper_night.a_run(line), on=paper_night.NIGHT)
    with line.connect() as conn:
        return deliveries.contents(conn, batch_id="PB-20261123-A")


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_a_thousand_pieces_are_read_back_as_the_ledger_has_them(line, request, capfd):
    line, batches = printed(line, WHOLE, seed=1)
    found = []
    for batch_id in batches:
        key = f"paper-proof/{_bytes_of(line.settings.paper_outbox, batch_id)}"
        before = request.config.cache.get(key, None)
        each = Read(**before) if before else read(line, batch_id)
        request.config.cache.set(key, {name: getattr(each, name) for name in Read.__slots__})
        found.append(each)
        with capfd.disabled():
            sys.stdout.write(
                f"\n{each.batch:<16} {each.pieces:>5} pieces {each.sheets:>6} sheets and codes "
                f"{each.barcodes:>5} IMb {each.scores:>6} scores{'  (read before)' if before else ''}"
            )
    assert sum(each.pieces for each in found) >= WHOLE


def _bytes_of(folder: Path, batch_id: str) -> str:
    """A hash over a batch's files and over what reads them."""
    files = [folder / f"{batch_id}{end}" for end in (".pdf", "-cover.pdf", "-manifest.csv")]
    readers = [Path(paper_reading.__file__), Path(paper_words.__file__), Path(__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in (*files, *readers))).hexdigest()
