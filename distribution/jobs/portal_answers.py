"""What the portal's jobs answer: people, organisations they may open, and why something was refused."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from distribution.model import PortalRole


class RefusalReason(StrEnum):
    """Why nothing was opened or done. Pages say one sentence for all of a kind; operations see the reason."""

    UNVERIFIED_EMAIL = "unverified-email"
    NOT_A_CONTACT = "not-a-contact"
    FORMER_CONTACT = "former-contact"
    ADDRESS_IN_USE = "address-in-use"
    NOT_YOUR_ORGANIZATION = "not-your-organization"
    READ_ONLY = "read-only"
    COORDINATOR_ONLY = "coordinator-only"
    CODE_FIRST = "code-first"
    NO_SUCH_RESULT = "no-such-result"
    BAD_ADDRESS = "bad-address"
    NOT_NAMED_HERE = "not-named-here"


class NotAcceptedReason(StrEnum):
    """Why a code was not taken: unknown, expired, revoked, mistyped and foreign ones are all NOT_ACCEPTED."""

    NOT_ACCEPTED = "not-accepted"
    TOO_MANY = "too-many"


class RequestText(StrEnum):
    """What an asker is told: the code goes by mail, the coordinator is asked, or operations look into it.

    Or why the request was not taken: too many from this network within the hour, from whomever for this
    school within a day, or from this contact for the own school, who has the code by now.
    """

    SENT = "sent"
    REFERRED = "referred"
    OPERATIONS = "operations"
    TOO_MANY = "too-many"
    TOO_MANY_TODAY = "too-many-today"
    SENT_BEFORE = "sent-before"


@dataclass(frozen=True, slots=True)
class Organization:
    """An organisation that a person may open; a district's schools stand beside it with role DISTRICT.

    `needs_code` and `needs_agreement` are those of the academic year that it is in the organisation's time
    zone; a school that is opened through its district (`through`) takes the district's.
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

    @property
    def is_open(self) -> bool:
        """True when its scores may be shown to this person now."""
        return not (self.needs_code or self.needs_agreement)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who signed in and is coordinator or alternate of at least one organisation."""

    person_id: int
    name: str
    email: str
    organizations: tuple[Organization, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for: ids as they stood in the address, and `page`, the kind of address."""

    organization_code: str
    page: str = ""
    academic_year: str = ""
    result_id: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something was refused; it stands in the log of refusals."""

    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The year's code was right; the agreement comes next unless it is on file."""

    organization_code: str
    academic_year: int
    needs_agreement: bool


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The code was not taken. `retry_at`: with TOO_MANY, when the next try will be looked at."""

    reason: NotAcceptedReason
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """The reference of a request for a code and which text its asker reads (`RequestText`)."""

    reference: str
    text_key: RequestText


@dataclass(frozen=True, slots=True)
class PersonOnFile:
    """A line of People and access: a contact in force, and the person behind it where one signed in.

    `named_contact_id`: of a contact that no feed brought.
    """

    name: str
    email: str
    role: str
    person_id: int | None = None
    last_signed_in_at: datetime | None = None
    redeemed_at: datetime | None = None
    last_exported_at: datetime | None = None
    named_contact_id: int | None = None


@dataclass(frozen=True, slots=True)
class EndedNaming:
    """Somebody whom a person had named, and who is coordinator or alternate no more (`model.NamingEnd`)."""

    named_contact_id: int
    name: str
    email: str
    role: str
    ended_at: datetime
    ended_because: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody whose request for the code was referred to the coordinator, in his own words."""

    reference: str
    name: str
    email: str
    role: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class CodeMailing:
    """To whom and when a code went; the address is masked (`k…@example.org`)."""

    to: str
    state: str
    sent_at: datetime | None
