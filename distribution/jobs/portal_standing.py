"""What a person may open now, and the log line where he may not."""

import logging
from collections.abc import Mapping
from datetime import date, datetime, time

import psycopg

from distribution import academic_year
from distribution.jobs.portal_answers import Asked, Organization, Refusal, RefusalReason
from distribution.jobs.wiring import Line
from distribution.ledger import access_events, people
from distribution.ledger.access_events import Event
from distribution.model import AccessKind, AccessOutcome, PortalRole

log = logging.getLogger(__name__)


def organizations(
    conn: psycopg.Connection, person_id: int, *, on: datetime | date, day: date
) -> tuple[Organization, ...]:
    standings = people.standings(conn, person_id, on=day)
    redeemed, agreed = people.settled_years(conn, person_id)
    zones = {each.code: each.time_zone for each in standings}
    return tuple(
        Organization(
            code=each.code,
            name=each.name,
            kind=each.kind,
            role=each.role,
            time_zone=each.time_zone or academic_year.DEFAULT_ZONE,
            needs_code=(key := _key(each, zones, on)) not in redeemed,
            needs_agreement=key not in agreed,
            through=each.through,
        )
        for each in standings
    )


def _key(standing: people.Standing, zones: Mapping[str, str], on: datetime | date) -> tuple[str, int]:
    """Whose code and agreement count, and of which academic year: a school's through its district."""
    code = standing.through or standing.code
    return code, _year(on, zones.get(code, standing.time_zone))


def _year(on: datetime | date, zone: str) -> int:
    if isinstance(on, datetime):
        return academic_year.academic_year_at(on, zone)
    return academic_year.academic_year_of(on)


def business_day(line: Line, on: datetime | date) -> date:
    """The business date: contacts are in force by it, whatever the zone of the organisation."""
    return on.astimezone(line.settings.zone).date() if isinstance(on, datetime) else on


def moment_of(line: Line, on: datetime | date) -> datetime:
    return on if isinstance(on, datetime) else datetime.combine(on, time(12), tzinfo=line.settings.zone)


def one(
    line: Line, conn: psycopg.Connection, person_id: int, organization_code: str, *, at: datetime
) -> Organization | None:
    opened = organizations(conn, person_id, on=at, day=business_day(line, at))
    return next((each for each in opened if each.code == organization_code), None)


def refused(
    conn: psycopg.Connection,
    kind: AccessKind,
    person_id: int,
    asked: Asked | str,
    why: RefusalReason,
    *,
    at: datetime,
    address: str = "",
) -> Refusal:
    """Log the refusal. `asked`: what for; an organisation's code where nothing else was named."""
    asked = asked if isinstance(asked, Asked) else Asked(asked)
    event = Event(
        kind,
        AccessOutcome.REFUSED,
        reason=why,
        person_id=person_id,
        organization_code=asked.organization_code,
        address=address,
        page=asked.page,
        academic_year=asked.academic_year,
        result_id=asked.result_id,
    )
    access_events.note(conn, event, at=at)
    log.warning("Refused to person %s at %s: %s, %s", person_id, asked.organization_code, kind, why)
    return Refusal(why)


def why_not_own(here: Organization | None) -> RefusalReason | None:
    if here is None:
        return RefusalReason.NOT_YOUR_ORGANIZATION
    return RefusalReason.READ_ONLY if here.is_read_only else None


def why_not_open(here: Organization | None) -> RefusalReason | None:
    why = why_not_own(here)
    return RefusalReason.CODE_FIRST if why is None and here and not here.is_open else why


def why_not_coordinator(here: Organization | None) -> RefusalReason | None:
    why = why_not_open(here)
    return (
        RefusalReason.COORDINATOR_ONLY
        if why is None and here and here.role != PortalRole.COORDINATOR
        else why
    )
