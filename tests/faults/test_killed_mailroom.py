"""The mailroom's commands killed (SIGKILL) at every step and given again: the same bytes, the same states."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from distribution.channels.paper import outbox as paper_outbox
from distribution.jobs import batch_life, reprint_pieces
from distribution.jobs.wiring import Line
from distribution.ledger import batch_life as ledger
from distribution.ledger import invariants, receipts, returned_mail
from tests.support.dead_runs import wait_until_seen_to_be_dead
from tests.support.paper import BATCH, a_batch, all_rows, outbox

# Each command of a batch's life, in order, and where it may die: the function, before or after its work.
COMMANDS: dict[str, Callable[[Line], object]] = {
    "printed": lambda line: batch_life.printed(line, BATCH, sheets=3),
    "spoiled": lambda line: batch_life.spoiled(line, BATCH, ["0002-0003"]),
    "reprint": lambda line: reprint_pieces.reprint(line, BATCH, words=["0002-0003"], reason="jam"),
    "reprint the rest": lambda line: reprint_pieces.reprint(
        line, BATCH, from_piece="0003", reason="printer jam"
    ),
    "inserted": lambda line: batch_life.inserted(line, BATCH, pieces=3),
    "mailed": lambda line: batch_life.mailed(line, BATCH, pieces=3),
    "returned": lambda line: batch_life.returned(line, [f"{BATCH} 0002"]),
    "mailed again": lambda line: batch_life.mailed_again(line, [f"{BATCH} 0002"]),
}
POINTS: dict[str, tuple[str, ModuleType, str, str]] = {
    "printed, before its note": ("printed", ledger, "advance", "after"),
    "printed, before its commit": ("printed", ledger, "note", "after"),
    "spoiled, before its note": ("spoiled", ledger, "spoil", "after"),
    "spoiled, before its commit": ("spoiled", ledger, "note", "after"),
    "reprint, planned and not committed": ("reprint", ledger, "plan_reprint", "after"),
    "reprint, before its file": ("reprint", paper_outbox, "place", "before"),
    "reprint, half in the outbox": ("reprint", paper_outbox, "_sync", "before"),
    "reprint, its manifest stands alone": ("reprint", paper_outbox, "place", "after"),
    "reprint, its file stands unrecorded": ("reprint", ledger, "prove_reprint", "before"),
    "reprint, proved and not committed": ("reprint", ledger, "prove_reprint", "after"),
    "reprint the rest, planned and not committed": ("reprint the rest", ledger, "plan_reprint", "after"),
    "reprint the rest, before its file": ("reprint the rest", paper_outbox, "place", "before"),
    "reprint the rest, half in the outbox": ("reprint the rest", paper_outbox, "_sync", "before"),
    "reprint the rest, its manifest stands alone": ("reprint the rest", paper_outbox, "place", "after"),
    "reprint the rest, its file stands unrecorded": ("reprint the rest", ledger, "prove_reprint", "before"),
    "reprint the rest, proved and not committed": ("reprint the rest", ledger, "prove_reprint", "after"),
    "inserted, before its commit": ("inserted", ledger, "note", "after"),
    "mailed, before anything moved": ("mailed", ledger, "mail", "before"),
    "mailed, between pieces and deliveries": ("mailed", ledger, "_deliver", "before"),
    "mailed, before its receipt": ("mailed", receipts, "write", "before"),
    "mailed, before its commit": ("mailed", ledger, "note", "after"),
    "returned, between pieces and deliveries": ("returned", returned_mail, "_counted", "before"),
    "returned, before its commit": ("returned", ledger, "note", "after"),
    "mailed again, between pieces and deliveries": ("mailed again", returned_mail, "_counted", "before"),
    "mailed again, before its commit": ("mailed again", ledger, "note", "after"),
}
# All that the ledger holds of the mailroom's work, without times and running numbers.
STATES = (
    "SELECT batch_id, state, pdf_sha256 FROM ledger.batch",
    "SELECT piece, state, generation, imb FROM ledger.piece ORDER BY piece",
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
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    wait_until_seen_to_be_dead(line)
    return was_killed


def with_mailer(line: Line) -> Line:
    """The line with Intelligent Mail barcodes on its sheets."""
    mailer = {"mailer_id": "912345678", "imb_service_type": "300"}
    return replace(line, settings=line.settings.model_copy(update=mailer))


@pytest.fixture(scope="module")
def undisturbed(module_line: Line) -> dict[str, tuple]:
    """How everything stands after each command of a life in which nobody kills anything."""
    line = with_mailer(module_line)
    a_batch(line)
    found = {}
    for name, give in COMMANDS.items():
        give(line)
        found[name] = standing(line)
    return found


def test_a_life_prints_barcodes_and_gives_every_command(undisturbed):
    files, (_, pieces, *_) = undisturbed["mailed"]
    assert [imb[14:20] for *_, imb in pieces] == ["000001", "000002", "000003"]
    assert {file for file in files if "-R" in file and file.endswith(".pdf")} == {
        f"{BATCH}-R1-0002-0003.pdf",
        f"{BATCH}-R2-0003.pdf",
    }
    assert {command for command, *_ in POINTS.values()} == set(COMMANDS)


@pytest.mark.parametrize("point", POINTS)
def test_a_command_killed_anywhere_and_given_again_ends_as_if_it_never_was(line, undisturbed, point):
    line = with_mailer(line)
    a_batch(line)
    command, owner, function, when = POINTS[point]
    for name, give in COMMANDS.items():
        if name == command:
            assert killed(line, name, owner, function, when), "the command got past the point"
        give(line)
        assert standing(line) == undisturbed[name], name
    with line.connect() as conn:
        assert [each.invariant.name for each in invariants.findings(conn) if each.broken] == []
