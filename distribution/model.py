"""The closed sets and small values that every room knows. Their words are the contract's."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class FeedKind(StrEnum):
    """The five feeds, in the order in which a night takes them."""

    INSTITUTIONS = "institutions"
    CONTACTS = "contacts"
    VOUCHER_ORDERS = "voucher_orders"
    RESULTS = "results"
    TRANSCRIPT_REQUESTS = "transcript_requests"


class FeedState(StrEnum):
    ARRIVING = "arriving"
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RefusalCode(StrEnum):
    """Why a whole feed was refused."""

    CONTROL_UNREADABLE = "control-unreadable"
    CONTROL_MISMATCH = "control-mismatch"
    COLUMNS = "columns"
    ENCODING = "encoding"
    NUL = "nul"
    BARE_CR = "bare-cr"
    QUOTE = "quote"
    ROW_SHAPE = "row-shape"
    NAME = "name"
    TOO_LARGE = "too-large"
    NAME_REUSED = "name-reused"
    SIGNATURE = "signature"


class HoldKind(StrEnum):
    ROW = "row"
    DELIVERY = "delivery"


class HoldState(StrEnum):
    OPEN = "open"
    RELEASED = "released"
    CORRECTED = "corrected"
    REJECTED = "rejected"


class RowHoldReason(StrEnum):
    """Why a row of a feed was held."""

    BAD_VALUE = "bad-value"
    BAD_CHARACTERS = "bad-characters"
    FIELD_TOO_LONG = "field-too-long"
    SCORE_OUT_OF_RANGE = "score-out-of-range"
    UNKNOWN_EXAM = "unknown-exam"
    EXAM_NOT_OFFERED = "exam-not-offered"
    DATE_IN_FUTURE = "date-in-future"
    BIRTH_AFTER_TEST = "birth-after-test"
    UNKNOWN_ORDER = "unknown-order"
    UNKNOWN_ORGANIZATION = "unknown-organization"
    UNKNOWN_CANDIDATE = "unknown-candidate"
    REVISION_CONFLICT = "revision-conflict"
    RETAKE_TOO_SOON = "retake-too-soon"


class DeliveryHoldReason(StrEnum):
    """Why a delivery was held."""

    UNKNOWN_RECIPIENT = "unknown-recipient"
    RECIPIENT_CLOSED = "recipient-closed"
    NO_DELIVERY_METHOD = "no-delivery-method"
    NO_ENDPOINT = "no-endpoint"
    CHANGE_UNCONFIRMED = "change-unconfirmed"
    WITHHELD = "withheld"
    NO_ADDRESS = "no-address"
    ADDRESS_TOO_LONG = "address-too-long"
    NO_GLYPH = "no-glyph"
    NAME_TOO_LONG = "name-too-long"
    AMBIGUOUS_DELIVERY = "ambiguous-delivery"
    VOLUME_ANOMALY = "volume-anomaly"


class FailureCode(StrEnum):
    """Why a file could not be delivered. The first five wait for a change at the institution."""

    HOST_KEY = "host-key"
    SIGN_IN = "sign-in"
    FOLDER = "folder"
    PGP_KEY = "pgp-key"
    SPACE = "space"
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection-lost"
    NOT_WRITTEN = "not-written"
    REFUSED_BY_HOST = "refused-by-host"
    TIMED_OUT = "timed-out"
    CREDENTIAL = "credential"
    BEHIND_ANOTHER_FILE = "behind-another-file"


WAITS_FOR_A_CHANGE = frozenset(
    {
        FailureCode.HOST_KEY,
        FailureCode.SIGN_IN,
        FailureCode.FOLDER,
        FailureCode.PGP_KEY,
        FailureCode.SPACE,
    }
)


class ResultStatus(StrEnum):
    SCORED = "scored"
    CANCELLED = "cancelled"
    WITHHELD = "withheld"


class Funding(StrEnum):
    SELF = "self"
    VOUCHER = "voucher"
    DANTES = "dantes"
    OTHER = "other"


class InstitutionKind(StrEnum):
    COLLEGE = "college"
    UNIVERSITY = "university"
    HIGH_SCHOOL = "high_school"
    DISTRICT = "district"
    MILITARY = "military"
    GOVERNMENT = "government"
    BUSINESS = "business"
    FOUNDATION = "foundation"
    PRISON_HOSPITAL = "prison_hospital"
    OTHER = "other"


SCHOOL_KINDS = frozenset({InstitutionKind.HIGH_SCHOOL, InstitutionKind.DISTRICT})


class Channel(StrEnum):
    """How a delivery travels; the same words as an institution's delivery method."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    PORTAL = "portal"


class Action(StrEnum):
    """What a delivery tells its recipient to do with the record."""

    NEW = "N"
    CORRECTION = "C"
    CANCELLATION = "X"


class DeliveryReason(StrEnum):
    """Why a recipient is owed a result; several may stand on one delivery."""

    RECIPIENT = "recipient"
    VOUCHER = "voucher"
    ATTENDING = "attending"
    DANTES = "dantes"
    TRANSCRIPT = "transcript"
    RESEND = "resend"


class DeliveryState(StrEnum):
    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    HELD = "held"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class WithdrawalReason(StrEnum):
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    FEED_WITHDRAWN = "feed-withdrawn"


class FileState(StrEnum):
    BUILT = "built"
    PUBLISHING = "publishing"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    VOID = "void"


class FileKind(StrEnum):
    NEW = "NEW"
    RESEND = "RESEND"
    FULL = "FULL"
    VOID = "VOID"
    TEST = "TEST"


class Publish(StrEnum):
    """How a file comes under its final name."""

    RENAME = "rename"
    DONE_FILE = "done-file"
    TEMP_FOLDER = "temp-folder"


class Look(StrEnum):
    """What a host lets us do to look before acting."""

    STAT = "stat"
    LIST = "list"
    NONE = "none"


class Transport(StrEnum):
    """Which client speaks to the host."""

    PARAMIKO = "paramiko"
    OPENSSH = "openssh"


class BatchState(StrEnum):
    READY = "ready"
    PRINTED = "printed"
    INSERTED = "inserted"
    MAILED = "mailed"


class PieceState(StrEnum):
    READY = "ready"
    SPOILED = "spoiled"
    MAILED = "mailed"
    RETURNED = "returned"


class CodeState(StrEnum):
    ISSUED = "issued"
    MAILED = "mailed"
    REDEEMED = "redeemed"
    BOUNCED = "bounced"
    REVOKED = "revoked"
    EXPIRED = "expired"


class ContactRole(StrEnum):
    PRIMARY = "primary"
    COORDINATOR = "coordinator"
    ALTERNATE = "alternate"
    BILLING = "billing"
    TECHNICAL = "technical"


class PortalRole(StrEnum):
    """In what capacity a person stands at an organisation; a district reads its schools, no more."""

    COORDINATOR = "coordinator"
    ALTERNATE = "alternate"
    DISTRICT = "district"


class NoticeFrequency(StrEnum):
    """How often a person hears of new scores."""

    DAILY = "daily"
    WEEKLY = "weekly"
    NONE = "none"


class RequestKind(StrEnum):
    """What operations or the line are asked for: a code, or a sign-in with an address that is in use."""

    CODE = "code"
    SIGN_IN = "sign-in"


class RequestWay(StrEnum):
    """Which way a request went: the code to the coordinator, a mail to the coordinator, operations."""

    SENT = "sent"
    REFERRED = "referred"
    OPERATIONS = "operations"


class NamingEnd(StrEnum):
    """Why somebody whom no feed brought is coordinator or alternate no more."""

    ANOTHER_NAMED = "another-named"
    REMOVED = "removed"  # by the coordinator
    OPERATIONS = "operations"
    FEED = "feed"  # a feed brought the role
    NAMER_LEFT = "namer-left"  # the coordinator who named the alternate is coordinator no more


class RequestState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class MarkState(StrEnum):
    """Where a coordinator's mark *not our student* stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class AccessKind(StrEnum):
    """What a person wanted from the portal, for the log of accesses."""

    SIGN_IN = "sign-in"
    CODE = "code"
    AGREEMENT = "agreement"
    REQUEST = "request"
    ALTERNATE = "alternate"
    NOT_OUR_STUDENT = "not-our-student"
    NOTICE = "notice"
    SCORES = "scores"


class AccessOutcome(StrEnum):
    """What came of it. Of `wrong` ones the limits are counted."""

    DONE = "done"
    WRONG = "wrong"
    LIMITED = "limited"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An institution's address as the institutions feed gives it; empty text = none."""

    name: str
    attention: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = "US"


@dataclass(frozen=True, slots=True)
class Parallel:
    """A second layout that an institution tries beside its live one, up to the day `until`, included.

    `folder` None = the institution's `test_directory`.
    """

    layout: str
    until: str
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an institution's electronic files reach it: the YAML shape of contract section 3."""

    code: str
    host: str
    username: str
    directory: str
    host_key: str
    credential: str
    port: int = 22
    layout: str = "fixed-1"
    encoding: str = "utf-8"
    newline: str = "crlf"
    pgp_key: str | None = None
    publish: str = "rename"
    look: str = "stat"
    schedule: str = "business-daily"
    paused_until: str | None = None
    control: str | None = None
    transport: str | None = None
    temp_directory: str | None = None
    test_directory: str | None = None
    ack_directory: str | None = None
    ack_days: int | None = None
    empty_file: bool | None = None
    fallback_days: int | None = None
    file_name: str | None = None
    parallel: Parallel | None = None

    @property
    def parallel_folder(self) -> str | None:
        """Where files in the second layout go; None where there is none."""
        return (self.parallel.folder or self.test_directory) if self.parallel else None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a batch, file or staging reached its channel.

    `records` is counted from the artefact itself (D records, report rows, staged rows).
    """

    channel: Channel
    subject: str
    records: int
    sha256: str
    size_bytes: int
    received_at: datetime
    remote_name: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail as the line writes it: plain text, one recipient, a Message-ID that never changes."""

    message_id: str
    to: str
    subject: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)
