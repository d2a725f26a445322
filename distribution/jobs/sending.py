"""The pause of all sending: while one holds nothing leaves, on any channel."""

import logging
from datetime import datetime

from distribution.errors import UsageError
from distribution.jobs.wiring import Line, actor
from distribution.ledger import pauses
from distribution.ledger.pauses import Pause

log = logging.getLogger(__name__)


def pause(line: Line, *, reason: str, until: datetime | None) -> datetime | None:
    """Pause all sending, until a (naive: local) time or until somebody resumes it. Returns the aware end.

    Raises UsageError for an end that has gone by.
    """
    ends = until if until is None or until.tzinfo else until.replace(tzinfo=line.settings.zone)
    if ends is not None and ends <= line.now():
        raise UsageError(f"{ends:%Y-%m-%d %H:%M} has gone by. Give a later time, or none.")
    with line.connect() as conn:
        pauses.pause(conn, reason=reason, actor=actor(), at=line.now(), until_at=ends)
    log.warning("%s paused all sending", actor())
    return ends


def resume(line: Line) -> bool:
    """End the pause. Returns False when there was none."""
    with line.connect() as conn:
        ended = bool(pauses.resume(conn, actor=actor(), at=line.now()))
    log.info("%s resumed all sending", actor())
    return ended


def in_force(line: Line) -> Pause | None:
    """The pause that holds now, or None."""
    with line.connect() as conn:
        return pauses.in_force(conn, at=line.now())
