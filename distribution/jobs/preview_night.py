"""What a night would do, tried in a transaction that is rolled back: nothing is sent, printed or recorded."""

from datetime import date
from typing import Any

from distribution.filenames import control_name, parse_feed_name
from distribution.jobs import route_scores
from distribution.jobs.wiring import Line
from distribution.model import Channel, DeliveryState


def preview_night(line: Line, *, on: date, only: str | None = None) -> dict[str, Any]:
    """The counts of contract section 5 as a night would find them now, with `dry_run` true and no run.

    Feeds that still lie in the inbox are named, not read: what they bring is not in the counts.
    """
    with line.connect() as conn:
        route_scores.route_in(conn, line, run_id=None, on=on)
        counts: dict[str, int] = dict(
            conn.execute(
                """
                SELECT channel, count(*) FROM ledger.delivery
                WHERE state IN ('pending', 'failed') OR (state = 'claimed' AND channel = 'electronic')
                GROUP BY channel
                """
            ).fetchall()
        )
        held = conn.execute(
            "SELECT count(*) FROM ledger.delivery WHERE state = %s", [DeliveryState.HELD]
        ).fetchone()
        conn.rollback()
    return {
        "schema_version": 1,
        "run": None,
        "dry_run": True,
        "date": on.isoformat(),
        "deliveries": {
            channel.value: counts.get(channel, 0) if only in (None, channel) else 0 for channel in Channel
        }
        | {"held": held[0] if held else 0},
        "arrived": _arrived(line),
        "exit": 0,
    }


def _arrived(line: Line) -> list[str]:
    """Feeds in the inbox whose control file is there too: the night would read them first."""
    return sorted(
        path.name
        for path in line.settings.inbox.iterdir()
        if parse_feed_name(path.name) and path.with_name(control_name(path.name)).exists()
    )
