"""What a run's report is made of: counts, codes and names of institutions; no student's record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from distribution.report.balance import HeldCarried, Owed, Received, WaitingCarried

ROWS_SHOWN = 200
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Row]):
    """The first rows of a list, and how many there are in all."""

    rows: tuple[Row, ...] = ()
    total: int = 0

    @classmethod
    def of(cls, rows: Iterable[Row], total: int | None = None) -> "Listing[Row]":
        """At most `ROWS_SHOWN` of the rows; `total` where only the first ones were read."""
        known = tuple(rows)
        return cls(known[:ROWS_SHOWN], len(known) if total is None else total)

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Went:
    """Where the run's deliveries went; the `deliveries` of the run's document."""

    paper: int = 0
    electronic: int = 0
    portal: int = 0
    held: int = 0
    failed: int = 0
    waiting: int = 0

    @property
    def sent(self) -> int:
        return self.paper + self.electronic + self.portal


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that was taken in or refused since the run before."""

    file: str
    feed: str
    state: str
    code: str
    records: int
    new: int
    corrected: int
    duplicate: int
    held: int


@dataclass(frozen=True, slots=True)
class FeedGap:
    """Numbers of one feed and day that have not come."""

    feed: str
    day: date
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HeldRow:
    feed_file: str
    line: int
    reason: str
    column: str


@dataclass(frozen=True, slots=True)
class HeldReason:
    """How many rows or deliveries are open for one reason, and since when."""

    kind: str
    reason: str
    count: int
    since: date


@dataclass(frozen=True, slots=True)
class HeldDeliveries:
    """The open holds of one recipient for one reason."""

    code: str
    name: str
    reason: str
    count: int
    since: date


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that has not arrived; `failure` is a code of the contract, empty where none was met yet.

    `detail` is the sentence that was kept with the failure.
    """

    file: str
    code: str
    name: str
    scores: int
    state: str
    failure: str
    since: date
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WaitingDeliveries:
    """Deliveries of one recipient that are in no file or batch yet, or came back."""

    code: str
    name: str
    channel: str
    state: str
    reason: str
    count: int
    since: date


@dataclass(frozen=True, slots=True)
class Batch:
    batch: str
    stock: str
    pieces: int
    sheets: int
    scores: int
    state: str
    business_date: date
    spoiled: str = ""


@dataclass(frozen=True, slots=True)
class File:
    file: str
    code: str
    name: str
    kind: str
    scores: int
    size_bytes: int
    state: str
    transliterated: int = 0


@dataclass(frozen=True, slots=True)
class SpelledOut:
    """Records of one institution with a name that its encoding lacks: it stands there in plain letters."""

    code: str
    name: str
    records: int


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a person must know of or act on; `count` is its effect in scores (rows for feeds)."""

    level: str
    what: str
    institution: str
    count: int
    effect: str
    since: date
    what_to_do: str


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Everything that a run's report shows; times are aware and in the zone of the business day."""

    run: str
    on: date
    only: str
    started_at: datetime
    finished_at: datetime | None
    exit: int | None
    balanced: bool | None
    faults: tuple[str, ...]
    received: Received
    owed: Owed | None
    held: HeldCarried
    waiting: WaitingCarried
    went: Went
    schools: int
    unknown_attending_results: int
    unknown_attending_codes: int
    steps: tuple[Step, ...]
    needs: tuple[Need, ...]
    feeds: Listing[Feed]
    feed_gaps: tuple[FeedGap, ...]
    held_rows: Listing[HeldRow]
    held_row_reasons: tuple[HeldReason, ...]
    held_deliveries: Listing[HeldDeliveries]
    open_files: Listing[OpenFile]
    waiting_deliveries: Listing[WaitingDeliveries]
    batches: Listing[Batch]
    files: Listing[File]
    spelled_out: Listing[SpelledOut] = Listing()
    later_run: str = ""
    document: dict[str, Any] | None = None

    @property
    def is_quiet(self) -> bool:
        """True where nothing came and nothing was sent, held or failed."""
        return self.received.records == 0 and self.went == Went()
