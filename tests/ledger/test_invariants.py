"""What must hold of print batches: a life that keeps every rule, and for each rule what breaks it."""

import pytest

from distribution.jobs import batch_life, reprint_pieces
from distribution.jobs.wiring import Line
from distribution.ledger import connection, invariants
from tests.support.paper import BATCH, a_batch

# Pieces 0001–0003: mailed; mailed as R1; returned. What is done to them that nothing in the line does.
BREAKS = [
    ("pieces-of-batch", "UPDATE ledger.batch SET pieces = 4"),
    ("pieces-of-batch", "UPDATE ledger.piece SET sheets = 2 WHERE piece = 1"),
    ("batch-of-mailed", "UPDATE ledger.batch SET state = 'inserted'"),
    ("batch-of-mailed", "UPDATE ledger.piece SET state = 'spoiled' WHERE piece = 1"),
    ("piece-of-paper", "UPDATE ledger.delivery SET batch_id = NULL, piece = NULL WHERE piece = 1"),
    ("reports-of-piece", "UPDATE ledger.delivery SET state = 'claimed' WHERE piece = 1"),
    ("reports-of-piece", "UPDATE ledger.delivery SET piece = 2 WHERE piece = 1"),
    ("reports-of-piece", "UPDATE ledger.piece SET reports = 2 WHERE piece = 1"),
    ("reports-of-piece", "UPDATE ledger.delivery SET state = 'withdrawn' WHERE piece = 2"),
    ("piece-of-returned", "UPDATE ledger.delivery SET state = 'delivered' WHERE piece = 3"),
    ("piece-of-returned", "UPDATE ledger.delivery SET state = 'returned' WHERE piece = 1"),
    ("piece-of-returned", "UPDATE ledger.piece SET state = 'mailed' WHERE piece = 3"),
    ("piece-of-returned", "UPDATE ledger.piece SET returned_at = NULL WHERE piece = 3"),
    ("receipt-of-batch", "DELETE FROM ledger.receipt WHERE event = 'delivered'"),
    ("receipt-of-batch", "UPDATE ledger.receipt SET records = 2 WHERE event = 'delivered'"),
    ("receipt-of-batch", "UPDATE ledger.receipt SET subject = 'PB-20261123-B' WHERE event = 'delivered'"),
    ("mark-of-piece", "UPDATE ledger.piece SET generation = 0 WHERE piece = 2"),
    ("mark-of-piece", "UPDATE ledger.piece SET generation = 1 WHERE piece = 1"),
]


def broken(line: Line, change: str = "SELECT") -> set[str]:
    """The rules that do not hold, once somebody made a change that the line itself may not; it is undone."""
    with connection.connect(line.url, role=connection.Role.OWNER) as conn:
        assert conn.execute(change).rowcount > 0, "the change meets a row"
        names = {each.invariant.name for each in invariants.findings(conn) if each.broken}
        conn.rollback()
    return names


@pytest.fixture(scope="module")
def mailed(module_line: Line) -> Line:
    """A batch of three pieces: mailed, printed again and mailed, returned. Every step keeps every rule."""
    line = module_line
    a_batch(line)
    for step in (
        lambda: batch_life.printed(line, BATCH, sheets=3),
        lambda: batch_life.spoiled(line, BATCH, ["0002"]),
        lambda: reprint_pieces.reprint(line, BATCH, words=["0002"], reason="jam"),
        lambda: batch_life.inserted(line, BATCH, pieces=3),
        lambda: batch_life.mailed(line, BATCH, pieces=3),
        lambda: batch_life.returned(line, [BATCH, "3"]),
    ):
        assert broken(line) == set()
        step()
    assert broken(line) == set()
    return line


@pytest.mark.parametrize(("rule", "change"), BREAKS)
def test_what_breaks_a_rule_is_found_under_its_name(mailed, rule, change):
    assert rule in broken(mailed, change)


def test_a_returned_piece_is_empty_once_its_scores_are_taken_up_again(mailed):
    taken_up = "UPDATE ledger.delivery SET state = 'pending', batch_id = NULL, piece = NULL WHERE piece = 3"
    assert broken(mailed, taken_up) == set()


def test_scores_in_a_piece_that_is_not_mailed_yet_are_not_delivered(line):
    a_batch(line)
    delivered = "UPDATE ledger.delivery SET state = 'delivered' WHERE piece = 1"
    assert broken(line, delivered) == {"reports-of-piece"}


def test_every_rule_of_print_batches_is_broken_once_here():
    of_paper = {each.name for each in invariants.INVARIANTS if "piece" in each.name or "batch" in each.name}
    assert of_paper == {rule for rule, _ in BREAKS}
