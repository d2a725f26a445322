"""Marks *not our student*: operations list them, confirm or refuse each, and tell the coordinator why."""

import logging
from datetime import datetime
from typing import Any

import psycopg

from distribution.channels.portal import disowned, staging
from distribution.errors import UsageError
from distribution.jobs.wiring import Line
from distribution.ledger import locks, marks
from distribution.ledger.marks import Mark
from distribution.model import MarkState

log = logging.getLogger(__name__)


def listed(line: Line, *, all_of_them: bool = False) -> list[dict[str, Any]]:
    """Marks that wait for operations, or all; see `ledger.marks.listed`."""
    with line.connect() as conn:
        return marks.listed(conn, all_of_them=all_of_them)


def confirm(line: Line, mark_id: int, *, reason: str, by: str, at: datetime) -> dict[str, Any]:
    """The score is no student of that school: it is withdrawn there for good, later revisions too.

    Other recipients keep it. `reason` is what the coordinator reads. Raises UsageError for a mark that is
    not open, and for words that are none.
    """
    with line.connect() as conn:
        mark = _mark(conn, mark_id, {MarkState.OPEN})
        words = _words(reason)
        disowned.withdraw(conn, mark.school_code, mark.result_id, reason=words)
        marks.settle(conn, mark, MarkState.CONFIRMED, at=at, by=by, reason=words)
    return _document(mark, MarkState.CONFIRMED, words)


def refuse(line: Line, mark_id: int, *, reason: str, by: str, at: datetime) -> dict[str, Any]:
    """The score is a student of that school after all: it is in view again, also after a `confirm`.

    `reason` is what the coordinator reads. Raises UsageError for a mark that was refused before.
    """
    with line.connect() as conn:
        mark = _mark(conn, mark_id, {MarkState.OPEN, MarkState.CONFIRMED})
        words = _words(reason)
        locks.wait_in_transaction(conn, locks.SCHOOLS_ROWS, "")
        if disowned.restore(conn, mark.school_code, mark.result_id):
            staging.hide_unsettled(conn)  # it may have been withheld in the meantime
        marks.settle(conn, mark, MarkState.REFUSED, at=at, by=by, reason=words)
    return _document(mark, MarkState.REFUSED, words)


def _mark(conn: psycopg.Connection, mark_id: int, states: set[MarkState]) -> Mark:
    mark = marks.find(conn, mark_id)
    if mark is None or mark.state not in states:
        raise UsageError(
            f"No mark {mark_id} can be settled so. `school marks list --all` shows how each stands."
        )
    return mark


def _words(reason: str) -> str:
    words = " ".join(reason.split())
    if not words:
        raise UsageError("--reason is what the coordinator reads: write a sentence, no student's name in it.")
    return words


def _document(mark: Mark, state: MarkState, words: str) -> dict[str, Any]:
    log.info("Mark %s of %s was settled: %s", mark.mark_id, mark.school_code, state)
    return {
        "id": mark.mark_id,
        "school": mark.school_code,
        "result": mark.result_id,
        "state": state.value,
        "reason": words,
    }
