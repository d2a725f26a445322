"""Which feeds came, which still arrive, which are missing."""

from datetime import date
from typing import Any

from distribution.filenames import parse_feed_name
from distribution.jobs import inbox
from distribution.jobs.wiring import Line
from distribution.ledger import feeds
from distribution.model import FeedState


def list_feeds(line: Line) -> list[dict[str, Any]]:
    """Every feed seen (see `feeds.newest_first`), after those that lack their control file."""
    nothing = {"code": None, "records": 0, "new": 0, "corrected": 0, "duplicate": 0, "held": 0}
    waiting = [
        {
            "file": each.file,
            "feed": str(name.kind) if (name := parse_feed_name(each.file)) else None,
            "state": FeedState.ARRIVING.value,
            **nothing,
            "recorded_at": None,
        }
        for each in inbox.arriving(line.settings.inbox)
    ]
    with line.connect() as conn:
        return [*waiting, *feeds.newest_first(conn)]


def long_arriving(line: Line) -> list[str]:
    """The feeds that have lacked their control file for a day."""
    until = line.now() - inbox.LONG_ARRIVAL
    return [each.file for each in inbox.arriving(line.settings.inbox) if each.since < until]


def gaps(line: Line, on: date) -> list[feeds.Gap]:
    """The feeds that are missing (`feed-incomplete`) of the week before a day."""
    with line.connect() as conn:
        return feeds.gaps(conn, on)
