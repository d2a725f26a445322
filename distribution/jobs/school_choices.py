"""What coordinators settle in the portal: alternates, notices, scores that are no student's of theirs."""

from collections.abc import Mapping
from datetime import datetime

from distribution import academic_year
from distribution.channels.portal import access
from distribution.ingest import rules
from distribution.jobs import portal_standing
from distribution.jobs.named_people import tell_alternates
from distribution.jobs.portal_answers import Asked, Asker, CodeMailing, PersonOnFile, Refusal, RefusalReason
from distribution.jobs.wiring import Line
from distribution.ledger import access_events, code_requests, marks, named_contacts, people, portal_choices
from distribution.ledger.access_events import Event
from distribution.ledger.connection import Role
from distribution.model import AccessKind, AccessOutcome, NoticeFrequency, PortalRole


def name_alternate(
    line: Line, person_id: int, organization_code: str, *, name: str, email: str, at: datetime
) -> Refusal | None:
    """The coordinator names the alternate, in the place of the one named before; a mail tells the alternate.

    Alternates that a contacts feed brought stay. The naming ends with the coordinator's own time, when a feed
    brings another alternate, and when the coordinator or operations take it back (`named_people`). Refused to
    anyone but the coordinator, and for an address that is none.
    """
    mailbox = email.strip().lower()
    with line.connect(role=Role.PORTAL) as conn:
        here = portal_standing.one(line, conn, person_id, organization_code, at=at)
        why = portal_standing.why_not_coordinator(here)
        if why is None and not (rules.is_mailbox(mailbox) and name.strip().isprintable()):
            why = RefusalReason.BAD_ADDRESS
        if why:
            return portal_standing.refused(
                conn, AccessKind.ALTERNATE, person_id, organization_code, why, at=at
            )
        named_contacts.name_contact(
            conn,
            named_contacts.NamedContact(
                organization_code=organization_code,
                role=PortalRole.ALTERNATE,
                name=" ".join(name.split())[:100] or mailbox,
                email=mailbox,
                valid_from=portal_standing.business_day(line, at),
                named_by=f"person:{person_id}",
            ),
            at=at,
        )
        done = Event(
            AccessKind.ALTERNATE,
            AccessOutcome.DONE,
            person_id=person_id,
            organization_code=organization_code,
        )
        access_events.note(conn, done, at=at)
    tell_alternates(line, at=at)
    return None


def people_of(line: Line, organization_code: str, *, at: datetime) -> tuple[PersonOnFile, ...]:
    """Coordinator and alternates in force, who of them signed in, and when they last exported."""
    with line.connect(role=Role.PORTAL) as conn:
        zone = portal_choices.zone_of(conn, organization_code, on=portal_standing.business_day(line, at))
        rows = people.on_file(
            conn,
            organization_code,
            on=portal_standing.business_day(line, at),
            year=academic_year.academic_year_at(at, zone),
        )
    return tuple(PersonOnFile(**row) for row in rows)


def code_mailings(line: Line, organization_code: str, *, at: datetime) -> tuple[CodeMailing, ...]:
    """To whom (masked) and when this academic year's code of an organisation went, newest first."""
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, {organization_code}):
        zone = portal_choices.zone_of(conn, organization_code, on=portal_standing.business_day(line, at))
        rows = portal_choices.code_mails(
            conn, organization_code, year=academic_year.academic_year_at(at, zone)
        )
    return tuple(CodeMailing(masked(to), state, sent_at) for to, state, sent_at in rows)


def askers_of(line: Line, organization_code: str, *, since: datetime) -> tuple[Asker, ...]:
    """Who asked for an organisation's code and was referred to its coordinator, the latest first."""
    with (
        line.connect(role=Role.PORTAL, autocommit=True) as conn,
        access.as_schools(conn, {organization_code}),
    ):
        rows = code_requests.referred(conn, organization_code, since=since)
    return tuple(Asker(**row) for row in rows)


def masked(email: str) -> str:
    """An address that its owner recognises and nobody else learns: `k…@example.org`."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def mark_not_our_student(
    line: Line, person_id: int, organization_code: str, result_id: str, *, at: datetime
) -> Refusal | None:
    """Take a result out of this school's view; other recipients keep it, operations decide.

    The log of disclosures says so. Refused where the person may only read, and for a result that the school
    does not see.
    """
    with line.connect(role=Role.PORTAL) as conn:
        why = portal_standing.why_not_open(
            portal_standing.one(line, conn, person_id, organization_code, at=at)
        )
    if why is None:
        with (
            line.connect(role=Role.PORTAL, autocommit=True) as conn,
            access.as_schools(conn, {organization_code}),
        ):
            marked = marks.make(conn, organization_code, result_id, person_id=person_id, at=at)
        why = None if marked else RefusalReason.NO_SUCH_RESULT
    with line.connect(role=Role.PORTAL) as conn:
        if why:
            asked = Asked(organization_code, result_id=result_id)
            return portal_standing.refused(conn, AccessKind.NOT_OUR_STUDENT, person_id, asked, why, at=at)
    return None


def set_notice(
    line: Line, person_id: int, organization_code: str, frequency: str, *, at: datetime | None = None
) -> Refusal | None:
    """How often this person hears of new scores of an organisation: daily, weekly or none.

    Raises ValueError for another word.
    """
    chosen, at = NoticeFrequency(frequency), at or line.now()
    with line.connect(role=Role.PORTAL) as conn:
        here = portal_standing.one(line, conn, person_id, organization_code, at=at)
        if why := portal_standing.why_not_own(here):
            return portal_standing.refused(conn, AccessKind.NOTICE, person_id, organization_code, why, at=at)
        portal_choices.choose_notice(conn, person_id, organization_code, chosen, at=at)
    return None


def notices_of(line: Line, person_id: int) -> Mapping[str, NoticeFrequency]:
    """What the person chose, by organisation; weekly where an organisation is not named."""
    with line.connect(role=Role.PORTAL) as conn:
        return portal_choices.notices_of(conn, person_id)
