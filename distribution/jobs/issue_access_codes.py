"""The yearly access codes: who gets one, minting, and one mail to each organisation."""

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import psycopg

from distribution import academic_year
from distribution.access_codes import eligibility
from distribution.access_codes.eligibility import LiveCode, Organization, Sorted
from distribution.errors import UsageError
from distribution.jobs import code_mails
from distribution.jobs import mails as post
from distribution.jobs.code_mails import Addressee
from distribution.jobs.wiring import Line
from distribution.ledger import codes, locks, mails
from distribution.model import CodeState

log = logging.getLogger(__name__)

_SCHEMA_VERSION = 1
_STANDING_RULE = "standing rule: ordered in the running year"


@dataclass(frozen=True, slots=True)
class CodesPreview:
    """What `issue` would do, organisations by code: eligible = to_mail + kept + no_contact + bounced."""

    year: str
    date: str
    orders_from: str
    orders_to: str
    eligible: int
    to_mint: int
    to_mail: tuple[str, ...]
    kept: tuple[str, ...]
    no_contact: tuple[str, ...]
    bounced: tuple[str, ...]
    closed: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The preview as JSON gives it."""
        return {"schema_version": _SCHEMA_VERSION, **asdict(self)}


@dataclass(frozen=True, slots=True)
class CodesOutcome:
    """What `issue` did: eligible = mailed + kept + no_contact + bounced + waiting.

    `waiting`: minted and planned, but no mail server has taken the mail yet; the next sending does it.
    """

    year: str
    date: str
    approved_by: str
    eligible: int
    minted: int
    mailed: tuple[str, ...]
    kept: tuple[str, ...]
    no_contact: tuple[str, ...]
    bounced: tuple[str, ...]
    waiting: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The outcome as JSON gives it."""
        return {"schema_version": _SCHEMA_VERSION, **asdict(self), "balanced": self.balanced}

    def counts(self) -> dict[str, int]:
        """Counts alone, fit for Airflow."""
        lists = ("mailed", "kept", "no_contact", "bounced", "waiting")
        return {"eligible": self.eligible, "minted": self.minted} | {
            name: len(getattr(self, name)) for name in lists
        }

    @property
    def balanced(self) -> bool:
        counted = sum(map(len, (self.mailed, self.kept, self.no_contact, self.bounced, self.waiting)))
        return self.eligible == counted


@dataclass(frozen=True, slots=True)
class _Mailing:
    """One mailing: for which year, seen from which day, for orders of which window."""

    year: int
    on: date
    first: date
    last: date


def preview(line: Line, *, year: int, on: date) -> CodesPreview:
    """Who would get a code for the academic year that begins in `year`; changes nothing.

    Raises UsageError for an academic year that is over on `on`.
    """
    mailing = _yearly(line, year=year, on=on)
    with line.connect() as conn:
        decided = _decide(conn, mailing)
    return CodesPreview(
        year=academic_year.written(year),
        date=on.isoformat(),
        orders_from=mailing.first.isoformat(),
        orders_to=mailing.last.isoformat(),
        eligible=decided.eligible,
        to_mint=len(decided.to_mint),
        to_mail=tuple(sorted((*_codes_of(decided.to_mint), *_codes_of(decided.to_mail)))),
        kept=_codes_of(decided.kept),
        no_contact=_codes_of(decided.no_contact),
        bounced=_codes_of(decided.bounced),
        closed=_codes_of(decided.closed),
    )


def issue(line: Line, *, year: int, on: date, approved_by: str) -> CodesOutcome:
    """Mint a code for each eligible organisation without one and mail it to the primary contact.

    Rerun at any time: who has a code keeps it, a mail that is known to have left is not sent again, one that
    may have left is sent again as the same mail with the same code. Raises UsageError for a year that is
    over, AnotherRunHoldsTheLock, VaultKey where the keys of earlier codes are missing.
    """
    return _issue(line, _yearly(line, year=year, on=on), approved_by=approved_by)


def issue_missing(line: Line, *, on: date, year: int | None = None) -> CodesOutcome:
    """Codes for organisations that ordered in the running year before `on` and have none yet.

    Meant for each business day: who orders gets the code on the next one. Orders count from the day after
    the yearly window, so that those of June are not missed.
    """
    running = academic_year.academic_year_of(on) if year is None else year
    _, window_end = _window(line, running)
    mailing = _Mailing(running, on, window_end + timedelta(days=1), on - timedelta(days=1))
    return _issue(line, mailing, approved_by=_STANDING_RULE)


def listed(line: Line, *, year: int | None, on: date) -> list[dict[str, Any]]:
    """Every code's states, never the code; see `ledger.codes.listed`."""
    with line.connect() as conn:
        return codes.listed(conn, year=year, on=on)


def _yearly(line: Line, *, year: int, on: date) -> _Mailing:
    if academic_year.last_day(year) < on:
        raise UsageError(
            f"The academic year {academic_year.written(year)} is over on {on}. Name the year to come."
        )
    first, last = _window(line, year)
    return _Mailing(year, on, first, last)


def _window(line: Line, year: int) -> tuple[date, date]:
    return eligibility.order_window(
        year, start=line.settings.code_window_start, windows=line.settings.code_windows
    )


def _decide(conn: psycopg.Connection, mailing: _Mailing) -> Sorted:
    ordering = codes.ordering_organizations(conn, first=mailing.first, last=mailing.last, on=mailing.on)
    return eligibility.sort_out([Organization(**row) for row in ordering], _live(conn, mailing.year))


def _live(conn: psycopg.Connection, year: int) -> dict[str, LiveCode]:
    return {
        row["organization_code"]: LiveCode(row["code_id"], CodeState(row["state"]), row["mailed_to"])
        for row in codes.live(conn, year=year)
    }


def _issue(line: Line, mailing: _Mailing, *, approved_by: str) -> CodesOutcome:
    with (
        line.connect(autocommit=True) as guard,
        locks.held(guard, locks.CODES, what="mailing of access codes"),
    ):
        with line.connect() as conn:
            codes.expire(conn, on=mailing.on)
            decided = _decide(conn, mailing)
            minted = code_mails.mint(
                line, conn, _codes_of(decided.to_mint), year=mailing.year, approved_by=approved_by
            )
            _plan_mails(line, conn, (*decided.to_mint, *decided.to_mail), year=mailing.year)
        post.send_waiting(line)
        with line.connect() as conn:
            outcome = _outcome(decided, _live(conn, mailing.year), mailing, minted, approved_by)
    log.info("Access codes of %s: %s", outcome.year, outcome.counts())
    return outcome


def _plan_mails(
    line: Line, conn: psycopg.Connection, organizations: Iterable[Organization], *, year: int
) -> None:
    """One mail to each organisation; to its contact of today, should it have changed while a mail waited."""
    live = _live(conn, year)
    reached = {live[each.code].code_id: each for each in organizations if each.contact_email}
    mails.drop_to_former_contacts(conn, {code_id: each.contact_email for code_id, each in reached.items()})
    planned = [
        code_mails.code_mail(line, _addressee(each, year), code_id=code_id)
        for code_id, each in reached.items()
    ]
    mails.plan(conn, planned, planned_at=line.now())


def _addressee(organization: Organization, year: int) -> Addressee:
    return Addressee(
        organization.code, organization.name, organization.contact_name, organization.contact_email, year
    )


def _outcome(
    decided: Sorted, live: dict[str, LiveCode], mailing: _Mailing, minted: int, approved_by: str
) -> CodesOutcome:
    """Where each organisation stands now, told from the codes on file and not from what was meant."""
    tried = sorted((*_codes_of(decided.to_mint), *_codes_of(decided.to_mail)))
    bounced = [each for each in tried if live[each].state == CodeState.BOUNCED]
    waiting = [each for each in tried if live[each].state == CodeState.ISSUED]
    left = tuple(each for each in tried if each not in {*bounced, *waiting})
    return CodesOutcome(
        year=academic_year.written(mailing.year),
        date=mailing.on.isoformat(),
        approved_by=approved_by,
        eligible=decided.eligible,
        minted=minted,
        mailed=left,
        kept=_codes_of(decided.kept),
        no_contact=_codes_of(decided.no_contact),
        bounced=tuple(sorted((*_codes_of(decided.bounced), *bounced))),
        waiting=tuple(waiting),
    )


def _codes_of(organizations: Iterable[Organization]) -> tuple[str, ...]:
    return tuple(organization.code for organization in organizations)
