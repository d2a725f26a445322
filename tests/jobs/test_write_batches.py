"""Batches that several processes write: the same bytes, proved in order; a process that dies is told."""

import hashlib
import os
import signal
from dataclasses import replace

import pytest

from distribution.errors import TransientError
from distribution.jobs import print_batches, write_batches
from distribution.jobs.wiring import Line
from tests.support import paper_night


@pytest.fixture
def two_at_a_time(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line with pieces of several sheet counts owed, which two processes are to write."""
    monkeypatch.setattr(write_batches, "WORTH_A_PROCESS", 0)
    paper_night.owe_pieces(line, 4, seed=2)
    return replace(line, settings=line.settings.model_copy(update={"paper_processes": 2}))


def outbox(line: Line) -> dict[str, str]:
    folder = line.settings.paper_outbox
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_two_processes_write_the_same_bytes_as_one(two_at_a_time):
    line = two_at_a_time
    outcome = print_batches.print_batches(line, run_id=paper_night.a_run(line), on=paper_night.NIGHT)
    assert len(outcome.batches) > 2
    together = outbox(line)
    for path in line.settings.paper_outbox.iterdir():
        path.unlink()
    for batch_id in outcome.batches:
        print_batches.render_again(line, batch_id)
    assert outbox(line) == together
    with line.connect() as conn:
        (proved,) = conn.execute("SELECT count(*) FROM ledger.batch WHERE proved_at IS NOT NULL").fetchone()
    assert proved == len(outcome.batches)


def test_a_process_that_is_ended_fails_the_night_for_now_and_the_next_one_finishes_it(
    two_at_a_time, monkeypatch
):
    line = two_at_a_time
    run_id = paper_night.a_run(line)
    monkeypatch.setattr(write_batches, "_write_apart", _dies)
    with pytest.raises(TransientError, match="Run the night again"):
        print_batches.print_batches(line, run_id=run_id, on=paper_night.NIGHT)
    monkeypatch.undo()
    outcome = print_batches.print_batches(line, run_id=run_id, on=paper_night.NIGHT)
    assert len(outbox(line)) == 3 * len(outcome.batches)


def _dies(_task: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
