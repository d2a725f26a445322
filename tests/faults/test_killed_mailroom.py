"""The mailroom's commands killed (SIGKILL) at every step and given again: the same bytes, the same states."""

import os
import signal
from collections.abc import Callable
from types import ModuleType

import pytest

from distribution.channels.paper import outbox as paper_outbox
from distribution.jobs import batch_life, reprint_pieces
from distribution.jobs.wiring import Line
from distribution.ledger import batch_life as ledger
from distribution.ledger import invariants, receipts, returned_mail
from tests.support.paper import BATCH, a_batch, all_rows, outbox

# Each command of a batch's life, in order, and where it may die: the function, before or after its work.
COMMANDS: dict[str, Callable[[Line], object]] = {
    "printed": lambda line: batch_life.printed(line, BATCH, sheets=3),
    "spoiled": lambda line: batch_life.spoiled(line, BATCH, ["0002-0003"]),
    "reprint": lambda line: reprint_pieces.reprint(line, BATCH, words=["0002-0003"], reason="jam"),
    "inserted": lambda line: batch_life.inserted(line, BATCH, pieces=3),
    "mailed": lambda line: batch_life.mailed(line, BATCH, pieces=3),
    "returned": lambda line: batch_life.returned(line, [f"{BATCH} 0002"]),
}
POINTS: dict[str, tuple[str, ModuleType, str, str]] = {
    "printed, before its note": ("printed", ledger, "advance", "after"),
    "printed, before its commit": ("printed", ledger, "note", "after"),
    "spoiled, before its note": ("spoiled", ledger, "spoil", "after"),
    "spoiled, before its commit": ("spoiled", ledger, "note", "after"),
    "reprint, planned and not committed": ("reprint", ledger, "plan_reprint", "after"),
    "reprint, before its file": ("reprint", paper_outbox, "place", "before"),
    "reprint, half in the outbox": ("reprint", paper_outbox, "_sync", "before"),
    "reprint, its file stands unrecorded": ("reprint", paper_outbox, "place", "after"),
    "reprint, proved and not committed": ("reprint", ledger, "prove_reprint", "after"),
    "inserted, before its commit": ("inserted", ledger, "note", "after"),
    "mailed, before anything moved": ("mailed", ledger, "mail", "before"),
    "mailed, between pieces and deliveries": ("mailed", ledger, "_deliver", "before"),
    "mailed, before its receipt": ("mailed", receipts, "write", "before"),
    "mailed, before its commit": ("mailed", ledger, "note", "after"),
    "returned, between pieces and deliveries": ("returned", returned_mail, "_counted", "before"),
    "returned, before its commit": ("returned", ledger, "note", "after"),
}
# All that the ledger holds of the mailroom's work, without times and running numbers.
STATES = (
    "SELECT batch_id, state, pdf_sha256 FROM ledger.batch",
    "SELECT piece, state, generation FROM ledger.piece ORDER BY piece",
    "SELECT delivery_id, state, batch_id, piece FROM ledger.delivery ORDER BY delivery_id",
    "SELECT name, pieces, generations, pdf_sha256 FROM ledger.reprint ORDER BY name",
    "SELECT event, pieces FROM ledger.batch_event ORDER BY event_id",
    "SELECT subject, event, records FROM ledger.receipt ORDER BY receipt_id",
    "SELECT result_id, artefact FROM ledger.disclosure ORDER BY disclosure_id",
    "SELECT command, result_ids FROM ledger.access_log ORDER BY access_id",
)


def standing(line: Line) -> tuple:
    return outbox(line), [all_rows(line, query) for query in STATES]


def killed(line: Line, command: str, owner: ModuleType, function: str, when: str) -> bool:
    """Give the command in a process of its own that is killed at the point; False when it came past it."""
    child = os.fork()
    if child == 0:
        work = getattr(owner, function)

        def deadly(*given: object, **named: object) -> None:
            if when == "after":
                work(*given, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, function, deadly)
        try:
            COMMANDS[command](line)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.fixture(scope="module")
def expected() -> dict[str, tuple]:
    """How everything stands at the end of a life; the first test, without a kill, sets it."""
    return {}


@pytest.mark.parametrize("point", ["none", *POINTS])
def test_a_command_killed_anywhere_and_given_again_ends_as_if_it_never_was(line, expected, point):
    a_batch(line)
    command, owner, function, when = POINTS.get(point, ("", ledger, "", ""))
    for name, give in COMMANDS.items():
        if name == command:
            assert killed(line, name, owner, function, when), "the command got past the point"
        give(line)
    found = standing(line)
    assert found == expected.setdefault("undisturbed", found)
    with line.connect() as conn:
        assert [each.invariant.name for each in invariants.findings(conn) if each.broken] == []
