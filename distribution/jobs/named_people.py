"""Coordinators and alternates whom somebody named: told that they are, listed, and ended."""

import logging
from datetime import datetime
from typing import Any

from distribution import exams
from distribution.channels.email import message, templates
from distribution.errors import TransientError, UsageError
from distribution.jobs import mails as post
from distribution.jobs import portal_standing
from distribution.jobs.portal_answers import EndedNaming, Refusal, RefusalReason
from distribution.jobs.wiring import Line
from distribution.ledger import access_events, holders, mails, named_contacts, people
from distribution.ledger.access_events import Event
from distribution.ledger.connection import Role
from distribution.ledger.mails import PlannedMail
from distribution.ledger.named_contacts import UntoldContact
from distribution.model import AccessKind, AccessOutcome, NamingEnd, PortalRole

log = logging.getLogger(__name__)


def tell_alternates(line: Line, *, at: datetime) -> int:
    """Tell each newly named alternate by mail how to get in. Returns how many were told."""
    try:
        with line.connect() as conn:
            untold = named_contacts.untold(conn)
            planned = [_naming_mail(line, each) for each in untold]
            for each in untold:
                named_contacts.mark_told(conn, each.named_contact_id, at=at)
            mails.plan(conn, planned, planned_at=at)
        post.send_waiting(line, only=[each.message_id for each in planned])
    except TransientError as exc:
        log.warning("Alternates are told the next morning: %s", exc)
        return 0
    return len(planned)


def _naming_mail(line: Line, told: UntoldContact) -> PlannedMail:
    subject, body = templates.render(
        post.ALTERNATE_NAMED,
        portal_url=line.settings.portal_url,
        operations_email=line.settings.operations_email,
        organization=told.organization,
        contact_name=told.name,
        programme=exams.programme().name,
    )
    return PlannedMail(
        message_id=message.message_id(post.ALTERNATE_NAMED, f"{told.named_contact_id}|{told.email}"),
        kind=post.ALTERNATE_NAMED,
        organization_code=told.organization_code,
        to_address=told.email,
        subject=subject,
        body=body,
    )


def remove_alternate(
    line: Line, person_id: int, organization_code: str, named_contact_id: int, *, at: datetime
) -> Refusal | None:
    """The coordinator takes a naming back: the alternate's pages are shut at once, and no code goes there.

    Refused to anyone but the coordinator, and for whomever a feed brought: the board ends those.
    """
    with line.connect(role=Role.PORTAL) as conn:
        here = portal_standing.one(line, conn, person_id, organization_code, at=at)
        why = portal_standing.why_not_coordinator(here)
        if why is None and not named_contacts.end(
            conn,
            named_contact_id,
            organization_code=organization_code,
            role=PortalRole.ALTERNATE,
            because=NamingEnd.REMOVED,
            by=f"person:{person_id}",
            at=at,
        ):
            why = RefusalReason.NOT_NAMED_HERE
        if why:
            return portal_standing.refused(
                conn, AccessKind.ALTERNATE, person_id, organization_code, why, at=at
            )
        done = Event(
            AccessKind.ALTERNATE,
            AccessOutcome.DONE,
            reason="removed",
            person_id=person_id,
            organization_code=organization_code,
        )
        access_events.note(conn, done, at=at)
    return None


def ended_namings(line: Line, organization_code: str, *, since: datetime) -> tuple[EndedNaming, ...]:
    """Who of an organisation's named people is one no more since a moment, the latest first."""
    with line.connect(role=Role.PORTAL) as conn:
        rows = named_contacts.ended_since(conn, organization_code, since=since)
    return tuple(
        EndedNaming(
            each.named_contact_id, each.name, each.email, each.role, each.ended_at, each.ended_because
        )
        for each in rows
    )


def listed(line: Line, organization_code: str) -> list[dict[str, Any]]:
    """Coordinator and alternates in force of an organisation, for operations.

    Keys: organization, role, name, email, named_by (`feed`, or who named the person), since (date, None for a
    feed's contact), last_signed_in_at.
    """
    with line.connect() as conn:
        rows = named_contacts.listed(conn, organization_code, on=line.today())
    return [{"organization": organization_code, **row} for row in rows]


def end(
    line: Line, organization_code: str, email: str, *, reason: str, by: str, at: datetime
) -> dict[str, Any]:
    """Operations end whom somebody named: coordinator whom they confirmed, or a coordinator's alternate.

    With a coordinator go the alternates whom that person named. Raises UsageError where nobody of that
    address was named: whom a feed brought, a feed ends.
    """
    on, mailbox = at.astimezone(line.settings.zone).date(), email.strip().lower()
    with line.connect() as conn:
        here = [each for each in holders.holders(conn, [organization_code], on=on) if each.email == mailbox]
        named = [each for each in here if each.named_contact_id is not None]
        if not named:
            raise UsageError(_why_nobody_ends(organization_code, is_of_feed=bool(here)))
        for each in named:
            named_contacts.end(
                conn,
                each.named_contact_id or 0,
                organization_code=organization_code,
                role=each.role,
                because=NamingEnd.OPERATIONS,
                by=by,
                reason=reason,
                at=at,
            )
        named_contacts.end_unfounded(conn, on=on, at=at)  # the alternates whom an ended coordinator named
        people.end_without_contact(conn, on=on, at=at)
    log.warning("At %s the %s was ended by %s", organization_code, named[0].role, by)
    return {
        "organization": organization_code,
        "email": mailbox,
        "role": named[0].role,
        "state": "ended",
        "reason": reason,
    }


def _why_nobody_ends(organization_code: str, *, is_of_feed: bool) -> str:
    if is_of_feed:
        return (
            f"A contacts feed brought this contact of {organization_code}: the next feed without it ends it. "
            "Ask the board."
        )
    return (
        f"Nobody of this address was named at {organization_code}. "
        f"`school people list {organization_code}` shows who is coordinator or alternate there."
    )
