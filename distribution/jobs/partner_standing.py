"""How institutions stand on a day, as the morning's list of what needs a person wants it."""

from collections.abc import Mapping
from datetime import date, datetime

import psycopg

from distribution.jobs import sealing, send_parallel
from distribution.jobs.wiring import Line
from distribution.ledger import acknowledgements, endpoints, parallel_files, pauses
from distribution.model import Endpoint
from distribution.report.partner_needs import (
    EndingKey,
    FaultyAcknowledgement,
    OnPaper,
    Partners,
    Paused,
    SecondLayout,
    UnacknowledgedFile,
)


def partners(line: Line, conn: psycopg.Connection) -> Partners:
    """Keys that end, files not acknowledged, acknowledgements that differ, paper for a time, a pause."""
    known = endpoints.in_force(conn)
    zone = line.settings.zone
    acknowledging = [code for code, each in known.items() if each.ack_directory]
    return Partners(
        keys=_ending_keys(list(known.values()), line.now()),
        unacknowledged=tuple(
            UnacknowledgedFile(
                row["code"],
                row["file"],
                row["scores"],
                row["delivered_at"].astimezone(zone).date(),
                agreed_days=known[row["code"]].ack_days or line.settings.acknowledge_days,
            )
            for row in acknowledgements.unacknowledged(conn, acknowledging)
        ),
        faulty=tuple(
            FaultyAcknowledgement(read_on=row.pop("read_at").astimezone(zone).date(), **row)
            for row in acknowledgements.open_faults(conn)
        ),
        on_paper=tuple(
            OnPaper(code, reason, since.astimezone(zone).date())
            for code, (reason, since) in pauses.on_paper(conn).items()
        ),
        paused=_paused(line, conn),
        second_layouts=_second_layouts(conn, known, on=line.today()),
    )


def _second_layouts(
    conn: psycopg.Connection, known: Mapping[str, Endpoint], *, on: date
) -> tuple[SecondLayout, ...]:
    tried = {
        code: endpoint.parallel.layout
        for code, endpoint in known.items()
        if endpoint.parallel and send_parallel.is_tried(endpoint, on=on)
    }
    return tuple(SecondLayout(**row) for row in parallel_files.troubles(conn, tried))


def _ending_keys(known: list[Endpoint], now: datetime) -> tuple[EndingKey, ...]:
    found = []
    for endpoint in known:
        key = sealing.key_or_none(endpoint.pgp_key)
        if key is None or key.usable_until is None or not key.ends_soon(now.date()):
            continue
        found.append(EndingKey(endpoint.code, key.usable_until.date(), is_over=not key.is_usable(now)))
    return tuple(sorted(found, key=lambda each: (each.usable_until, each.code)))


def _paused(line: Line, conn: psycopg.Connection) -> Paused | None:
    pause = pauses.in_force(conn, at=line.now())
    if pause is None:
        return None
    zone = line.settings.zone
    until = f"{pause.until_at.astimezone(zone):%Y-%m-%d %H:%M}" if pause.until_at else ""
    return Paused(pause.reason, pause.paused_at.astimezone(zone).date(), until)
