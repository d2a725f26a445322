"""Codes through the year: reminded of, sent again, revoked and replaced."""

import logging
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from distribution import academic_year
from distribution.errors import UsageError
from distribution.jobs import ask_for_codes, code_mails, named_people
from distribution.jobs import mails as post
from distribution.jobs.code_mails import Addressee
from distribution.jobs.wiring import Line
from distribution.ledger import (
    code_addressees,
    codes,
    locks,
    mails,
    named_contacts,
    people,
    portal_sessions,
)
from distribution.ledger.code_addressees import OnFile

log = logging.getLogger(__name__)

_SCHEMA_VERSION = 1
_REMIND_FROM, _REMIND_UNTIL = (8, 15), (9, 30)
_SETTLES_IN = timedelta(days=14)  # whoever got the code only now is reminded no sooner


@dataclass(frozen=True, slots=True)
class Reminded:
    """Whom a reminder reached: unused = reminded + already + no_contact, organisations by code."""

    year: str
    date: str
    unused: int
    reminded: tuple[str, ...]
    already: tuple[str, ...]
    no_contact: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The outcome as JSON gives it."""
        return {"schema_version": _SCHEMA_VERSION, **asdict(self)}

    def counts(self) -> dict[str, int]:
        """Counts alone, fit for Airflow."""
        lists = ("reminded", "already", "no_contact")
        return {"unused": self.unused} | {name: len(getattr(self, name)) for name in lists}


def remind(line: Line, *, year: int, on: date, mailed_before: date | None = None) -> Reminded:
    """Mail the same code again, once, to the primary contact of each organisation where nobody used it.

    `mailed_before`: leave out the codes that were mailed on that day or later, up to `on`.
    Raises UsageError for a year that is over on `on`, AnotherRunHoldsTheLock while codes are issued.
    """
    if academic_year.last_day(year) < on:
        raise UsageError(f"The academic year {academic_year.written(year)} is over on {on}.")
    with (
        line.connect(autocommit=True) as guard,
        locks.held(guard, locks.CODES, what="mailing of access codes"),
    ):
        with line.connect() as conn:
            unused = [
                each
                for each in code_addressees.unused(conn, year=year, on=on)
                if mailed_before is None or not mailed_before <= _mailed_on(line, each) <= on
            ]
            due = [each for each in unused if each["contact_email"] and not each["reminded"]]
            planned = [_reminder(line, each, year=year) for each in due]
            mails.plan(conn, planned, planned_at=line.now())
        post.send_waiting(line)
    outcome = Reminded(
        year=academic_year.written(year),
        date=on.isoformat(),
        unused=len(unused),
        reminded=tuple(each["organization_code"] for each in due),
        already=tuple(each["organization_code"] for each in unused if each["reminded"]),
        no_contact=tuple(
            each["organization_code"] for each in unused if not each["contact_email"] and not each["reminded"]
        ),
    )
    log.info("Reminders of %s: %s", outcome.year, outcome.counts())
    return outcome


def _mailed_on(line: Line, unused: dict[str, Any]) -> date:
    """The day on which a code was mailed first; the first of all days where the ledger does not know."""
    at = unused["mailed_at"]
    return at.astimezone(line.settings.zone).date() if at else date.min


def _reminder(line: Line, unused: dict[str, Any], *, year: int) -> mails.PlannedMail:
    to = Addressee(
        unused["organization_code"], unused["name"], unused["contact_name"], unused["contact_email"], year
    )
    return code_mails.code_mail(
        line, to, code_id=unused["code_id"], kind=post.CODE_REMINDER, occasion="reminder"
    )


def remind_if_due(line: Line, *, on: date) -> Reminded | None:
    """The reminder of the running year, due from 15 August until 30 September; None on any other day.

    Every morning in between does it, so a morning that failed is made up for; nobody is reminded twice.
    """
    year = academic_year.academic_year_of(on)
    if not date(year, *_REMIND_FROM) <= on <= date(year, *_REMIND_UNTIL):
        return None
    return remind(line, year=year, on=on, mailed_before=on - _SETTLES_IN)


def resend(line: Line, organization: str, *, on: date, year: int | None = None) -> dict[str, Any]:
    """Mail the live code of an organisation once more to its primary contact; the code stays the same.

    Raises UsageError where it has no live code of that year or no primary contact.
    """
    with line.connect() as conn:
        known = _on_file(conn, organization, on=on)
        running = _year(conn, organization, on=on) if year is None else year
        live = codes.live_of(conn, organization, year=running)
        if live is None:
            raise UsageError(
                f"{organization} has no live code for {academic_year.written(running)}. "
                "`codes preview` says why; `codes issue` makes those that are due."
            )
        planned = _to_primary_contact(line, conn, known, live.code_id, year=running)
    post.send_waiting(line, only=[planned.message_id])
    return _document(line, organization, year=running, on=on) | {"mailed_to": planned.to_address}


def revoke(
    line: Line, organization: str, *, reason: str, by: str, on: date, year: int | None = None
) -> dict[str, Any]:
    """End the live code of an organisation at once and mail a new one to its primary contact.

    Who redeemed the old one stays in: that is recorded. Without a primary contact no new code is made until
    there is one. Raises UsageError where there is no live code of that year.
    """
    planned = None
    with line.connect() as conn:
        known = _on_file(conn, organization, on=on)
        running = _year(conn, organization, on=on) if year is None else year
        if codes.revoke(conn, organization, year=running, reason=reason, at=line.now()) is None:
            raise UsageError(
                f"{organization} has no live code for {academic_year.written(running)}: nothing to revoke."
            )
        if known.is_active and known.contact_email:
            code_mails.mint(line, conn, [organization], year=running, approved_by=by)
            live = codes.live_of(conn, organization, year=running)
            assert live is not None
            planned = _to_primary_contact(line, conn, known, live.code_id, year=running)
    log.warning("The code of %s for %s was revoked by %s", organization, academic_year.written(running), by)
    post.send_waiting(line, only=[planned.message_id] if planned else [])
    return _document(line, organization, year=running, on=on) | {
        "reason": reason,
        "mailed_to": planned.to_address if planned else "",
    }


def _year(conn: psycopg.Connection, organization: str, *, on: date) -> int:
    """The running academic year, or the coming one where only its code is on file (before 1 July)."""
    running = academic_year.academic_year_of(on)
    is_ahead = not codes.live_of(conn, organization, year=running) and codes.live_of(
        conn, organization, year=running + 1
    )
    return running + 1 if is_ahead else running


def _on_file(conn: psycopg.Connection, organization: str, *, on: date) -> OnFile:
    known = code_addressees.organization(conn, organization, on=on)
    if known is None:
        raise UsageError(f"{organization} is not on file on {on}. `institution list` names those that are.")
    return known


def _to_primary_contact(
    line: Line, conn: psycopg.Connection, known: OnFile, code_id: int, *, year: int
) -> mails.PlannedMail:
    if not known.contact_email:
        raise UsageError(f"{known.code} has no primary contact in force. A contacts feed brings one.")
    to = Addressee(known.code, known.name, known.contact_name, known.contact_email, year)
    occasion = f"sending {mails.of_code(conn, code_id)}"
    planned = code_mails.code_mail(line, to, code_id=code_id, occasion=occasion)
    mails.plan(conn, [planned], planned_at=line.now())
    return planned


def _document(line: Line, organization: str, *, year: int, on: date) -> dict[str, Any]:
    """Where the organisation's codes of a year stand now."""
    with line.connect() as conn:
        rows = [row for row in codes.listed(conn, year=year, on=on) if row["organization"] == organization]
    return {
        "schema_version": _SCHEMA_VERSION,
        "organization": organization,
        "academic_year": academic_year.written(year),
        "state": rows[-1]["state"],
        "codes": [{"state": row["state"], "issued_at": row["issued_at"].isoformat()} for row in rows],
    }


def morning(line: Line, *, on: date, at: datetime) -> dict[str, int]:
    """What is due on a morning beside new codes: requests, alternates, what ended, the reminder."""
    answered = ask_for_codes.answer_requests(line, at=at)
    # What ends here ends for good, so by the day that it is, whatever day the morning's work is asked for.
    today = at.astimezone(line.settings.zone).date()
    with line.connect() as conn:
        unfounded = named_contacts.end_unfounded(conn, on=today, at=at)
        ended = people.end_without_contact(conn, on=today, at=at)
        timed_out = portal_sessions.end_overdue(
            conn, at=at, idle=line.settings.portal_idle, longest=line.settings.portal_longest
        )
    told = named_people.tell_alternates(line, at=at)
    reminded = remind_if_due(line, on=on)
    return {
        "requests": answered,
        "alternates": told,
        "namings_ended": unfounded,
        "bindings_ended": ended,
        "sessions_ended": timed_out,
        "reminded": len(reminded.reminded) if reminded else 0,
    }
