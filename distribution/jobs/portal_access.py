"""Who may see what in the portal: people, the year's code, agreements, and what coordinators settle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from distribution.jobs.wiring import Line


class PortalRole(StrEnum):
    """In what capacity a person stands at an organisation; DISTRICT reads its schools and changes nothing."""

    COORDINATOR = "coordinator"
    ALTERNATE = "alternate"
    DISTRICT = "district"


class RefusalReason(StrEnum):
    """Why a sign-in opens nothing. What the page says is one sentence for all; operations see the reason."""

    UNVERIFIED_EMAIL = "unverified-email"
    NOT_A_CONTACT = "not-a-contact"
    FORMER_CONTACT = "former-contact"
    ADDRESS_IN_USE = "address-in-use"


class NotAcceptedReason(StrEnum):
    """Why a code was not taken: unknown, expired, revoked and foreign codes are all the one NOT_ACCEPTED."""

    NOT_ACCEPTED = "not-accepted"
    TOO_MANY = "too-many"


class RequestText(StrEnum):
    """What an asker is told: the code was mailed, the coordinator was asked, or operations look into it."""

    SENT = "sent"
    REFERRED = "referred"
    OPERATIONS = "operations"
    TOO_MANY = "too-many"


class NoticeFrequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation that a person may open; a district's schools stand beside it with role DISTRICT.

    `needs_code` and `needs_agreement` are those of today's academic year in the organisation's time zone; a
    school that is opened through its district (`through`) takes the district's.
    """

    code: str
    name: str
    kind: str
    role: str
    time_zone: str
    needs_code: bool
    needs_agreement: bool
    through: str = ""

    @property
    def is_read_only(self) -> bool:
        return self.role == PortalRole.DISTRICT


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signed in and is coordinator or alternate of at least one organisation today."""

    person_id: int
    name: str
    email: str
    organizations: tuple[Organization, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sign-in, or something asked for, that was refused; it stands in the log of refusals."""

    reason: str


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The year's code was right; the agreement comes next unless it is on file."""

    organization_code: str
    academic_year: int
    needs_agreement: bool


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The code was not taken. `retry_at`: with TOO_MANY, when the next try will be looked at."""

    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """The reference of a request for a code and which text its asker reads (`RequestText`)."""

    reference: str
    text_key: str


@dataclass(frozen=True, slots=True)
class PersonOnFile:
    """A line of People and access: a contact in force, and the person behind it where one signed in."""

    name: str
    email: str
    role: str
    person_id: int | None = None
    last_signed_in_at: datetime | None = None
    redeemed_at: datetime | None = None
    last_exported_at: datetime | None = None
    named_in_portal: bool = False


def bind_person(
    line: Line, *, issuer: str, subject: str, email: str, email_verified: bool, on: datetime | date,
    name: str = "", address: str = "",
) -> Person | Refusal:  # fmt: skip
    """Who signed in: known by issuer and subject, the first time bound by a verified e-mail address."""
    raise NotImplementedError


def person_of(line: Line, person_id: int, *, on: datetime | date) -> Person | None:
    """The person as he stands now, for each request; None when no contact of his is in force: end his session."""
    raise NotImplementedError


def redeem(
    line: Line, person_id: int, organization_code: str, code_text: str, *, at: datetime, address: str = ""
) -> Redeemed | NotAccepted:
    """Take the year's code from a person; the same path and answer for unknown, expired and foreign ones."""
    raise NotImplementedError


def agree(line: Line, person_id: int, organization_code: str, *, at: datetime) -> None | Refusal:
    """Note that a person keeps the organisation's scores of this academic year confidential."""
    raise NotImplementedError


def request_code(
    line: Line, *, person_id: int | None, name: str, email: str, role: str, school_code: str, message: str,
    at: datetime, address: str = "",
) -> RequestAnswer:  # fmt: skip
    """`Don't have an access code`: mailed to the coordinator who asks, else referred; never to the asker."""
    raise NotImplementedError


def name_alternate(
    line: Line, person_id: int, organization_code: str, *, name: str, email: str, at: datetime
) -> None | Refusal:
    """The coordinator names the alternate, in the place of the one named before."""
    raise NotImplementedError


def people_of(line: Line, organization_code: str, *, at: datetime) -> tuple[PersonOnFile, ...]:
    """Coordinator and alternates in force, who of them signed in, and when they last exported."""
    raise NotImplementedError


def mark_not_our_student(
    line: Line, person_id: int, organization_code: str, result_id: str, *, at: datetime
) -> None | Refusal:
    """Take a result out of this school's view; other recipients keep it, operations decide."""
    raise NotImplementedError


def set_notice(
    line: Line, person_id: int, organization_code: str, frequency: str, *, at: datetime | None = None
) -> None | Refusal:
    """How often this person hears of new scores: daily, weekly or none."""
    raise NotImplementedError


def notices_of(line: Line, person_id: int) -> Mapping[str, NoticeFrequency]:
    """What the person chose, by organisation; weekly where nothing was chosen."""
    raise NotImplementedError
