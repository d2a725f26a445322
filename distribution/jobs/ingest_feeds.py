"""Takes feeds in: refuses, recognises or records each of them, then puts its files away."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from distribution import advice
from distribution.errors import FeedRefused, UsageError
from distribution.filenames import FeedName, control_name, parse_feed_name
from distribution.ingest import control, read
from distribution.ingest.control import Control
from distribution.ingest.gate import Limits
from distribution.jobs import inbox, record_feed, signatures
from distribution.jobs.wiring import Line
from distribution.ledger import feeds, holds, locks, named_contacts
from distribution.model import FeedKind, FeedState, RefusalCode

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """What became of one feed; `code` and `detail` say why it was refused."""

    file: str
    feed: str
    state: FeedState
    code: str = ""
    detail: str = ""
    records: int = 0
    new: int = 0
    corrected: int = 0
    duplicate: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What became of every feed that was taken in."""

    feeds: tuple[FeedOutcome, ...]

    @property
    def refused(self) -> int:
        return sum(feed.state is FeedState.REFUSED for feed in self.feeds)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A feed that may be recorded: its name, what its control file says, its bytes."""

    name: FeedName
    control: Control
    content: read.FeedBytes


def ingest_inbox(line: Line, *, history: bool = False) -> IngestOutcome:
    """Take in every complete feed of the inbox, whatever the date in its name.

    A refused feed stops no other. Raises AnotherRunHoldsTheLock, and OutOfBalance for a feed whose rows do
    not add up (nothing of it is recorded).
    """
    folder = line.settings.inbox
    with _at_work(line) as conn:
        taken_over = _finish_killed_runs(line, conn)
        outcomes = [_take_in(line, conn, path, history=history, move=True) for path in inbox.complete(folder)]
    return IngestOutcome((*taken_over, *outcomes))


def ingest_files(line: Line, paths: Sequence[Path], *, history: bool = False) -> IngestOutcome:
    """Take in the feeds named, in the night's order; they stay where they are.

    Raises UsageError for a file that is not there or has no control file beside it.
    """
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is not there.")
        if not path.with_name(control_name(path.name)).is_file():
            raise UsageError(f"{control_name(path.name)} must lie beside {path}. Ask the sender for it.")
    with _at_work(line) as conn:
        ordered = sorted(paths, key=inbox.place)
        outcomes = [_take_in(line, conn, path, history=history, move=False) for path in ordered]
    return IngestOutcome(tuple(outcomes))


@contextmanager
def _at_work(line: Line) -> Iterator[psycopg.Connection]:
    """A connection that commits feed by feed and holds the ingest lock."""
    with line.connect(autocommit=True) as conn, locks.held(conn, locks.INGEST, what="ingest"):
        feeds.give_room(conn)
        yield conn


def _take_in(line: Line, conn: psycopg.Connection, path: Path, *, history: bool, move: bool) -> FeedOutcome:
    name = parse_feed_name(path.name)
    try:
        arrived = _look_at(line, conn, path, name)
        known = feeds.recorded_bytes(conn, arrived.content.sha256, kind=arrived.name.kind)
        if known is not None:
            feed_id, outcome = _duplicate(conn, arrived, known)
        else:
            feed_id, outcome = _record(line, conn, arrived, history=history)
    except FeedRefused as exc:
        feed_id, outcome = _refuse(line, conn, path, name, exc, move=move)
    folder = line.settings.refused if outcome.state is FeedState.REFUSED else _processed(line)
    if move:
        inbox.put_away(path, folder)
    feeds.note_put_away(conn, feed_id)
    log.info(
        "Feed %s: %s%s, %d records, %d new, %d corrected, %d duplicate, %d held",
        outcome.file, outcome.state, f" ({outcome.code})" if outcome.code else "", outcome.records,
        outcome.new, outcome.corrected, outcome.duplicate, outcome.held,
    )  # fmt: skip
    return outcome


def _processed(line: Line) -> Path:
    return line.settings.inbox / "processed" / line.today().isoformat()


def _look_at(line: Line, conn: psycopg.Connection, path: Path, name: FeedName | None) -> _Arrived:
    """Read a feed and hold it against its control file. Raises FeedRefused."""
    if name is None:
        raise FeedRefused(
            RefusalCode.NAME,
            "The name is outside <feed>-<YYYYMMDD>-<NNN>.csv, or has no real date.",
            what_to_do=advice.what_to_do(RefusalCode.NAME),
        )
    said = inbox.read_at_most(path.with_name(control_name(path.name)), control.MAX_BYTES + 1)
    signatures.check(path, said, signers=line.settings.feed_signers)
    parsed = control.parse(said)
    control.agree_on_name(parsed, name)
    content = read.read_bytes(path, limits=limits_of(line))
    control.agree_on_bytes(parsed, sha256=content.sha256)
    recorded = feeds.recorded_under(conn, path.name)
    if recorded is not None and recorded.sha256 != content.sha256:
        raise FeedRefused(
            RefusalCode.NAME_REUSED,
            "A feed of this name was recorded before, with other bytes.",
            what_to_do=advice.what_to_do(RefusalCode.NAME_REUSED),
        )
    return _Arrived(name, parsed, content)


def limits_of(line: Line) -> Limits:
    """The largest feed, line and cell by the settings."""
    settings = line.settings
    return Limits(settings.feed_max_bytes, settings.feed_line_max_bytes, settings.feed_cell_max_bytes)


def _duplicate(
    conn: psycopg.Connection, arrived: _Arrived, known: feeds.KnownFeed
) -> tuple[int, FeedOutcome]:
    control.agree_on_totals(arrived.control, records=known.records, score_total=known.score_total)
    size_bytes = len(arrived.content.content)
    parts = arrived.control.parts
    feed_id = feeds.note_duplicate(conn, arrived.name, of=known, size_bytes=size_bytes, parts=parts)
    return feed_id, FeedOutcome(
        str(arrived.name),
        arrived.name.kind,
        FeedState.DUPLICATE,
        records=known.records,
        duplicate=known.records,
    )


def _record(
    line: Line, conn: psycopg.Connection, arrived: _Arrived, *, history: bool
) -> tuple[int, FeedOutcome]:
    """Check and record the rows; rows and feed commit together."""
    frame = read.read_rows(arrived.content.content, kind=arrived.name.kind, limits=limits_of(line))
    total = read.score_total(frame, kind=arrived.name.kind)
    control.agree_on_totals(arrived.control, records=len(frame), score_total=total)
    with conn.transaction():
        feed_id = feeds.open_feed(
            conn,
            arrived.name,
            sha256=arrived.content.sha256,
            size_bytes=len(arrived.content.content),
            records=len(frame),
            score_total=total,
            parts=arrived.control.parts,
            history=history,
        )
        record_feed.record_rows(conn, frame, name=arrived.name, feed_id=feed_id, history=history)
        if arrived.name.kind is FeedKind.CONTACTS:
            named_contacts.end_unfounded(conn, on=line.today(), at=line.now())
    return feed_id, _outcome(conn, feed_id, arrived.name)


def _outcome(conn: psycopg.Connection, feed_id: int, name: FeedName) -> FeedOutcome:
    counts = feeds.counts_of(conn, feed_id)
    return FeedOutcome(file=str(name), feed=name.kind, state=FeedState.RECORDED, **counts)


def _refuse(
    line: Line,
    conn: psycopg.Connection,
    path: Path,
    name: FeedName | None,
    refusal: FeedRefused,
    *,
    move: bool,
) -> tuple[int, FeedOutcome]:
    """Note the refusal; in the inbox the reason is written before the feed is moved beside it."""
    too_large = path.stat().st_size > line.settings.feed_max_bytes
    feed_id = feeds.note_refused(
        conn,
        path.name,
        name,
        code=refusal.code,
        detail=refusal.detail,
        sha256=None if too_large else read.hash_of(path),
        size_bytes=path.stat().st_size,
    )
    if move:
        reason = {
            "file": path.name,
            "code": str(refusal.code),
            "detail": refusal.detail,
            "what_to_do": refusal.what_to_do,
            "seen_at": line.now().isoformat(),
        }
        inbox.write_reason(line.settings.refused, path.name, reason)
    kind = name.kind if name else ""
    outcome = FeedOutcome(path.name, kind, FeedState.REFUSED, str(refusal.code), refusal.detail)
    return feed_id, outcome


def _finish_killed_runs(line: Line, conn: psycopg.Connection) -> list[FeedOutcome]:
    """Put away what a run recorded or refused before it was killed; nothing is recorded again."""
    outcomes = []
    for feed in feeds.not_put_away(conn):
        path = line.settings.inbox / feed.file_name
        name = parse_feed_name(feed.file_name)
        if inbox.is_plain_file(path) and read.hash_of(path) != feed.sha256:
            feeds.note_put_away(conn, feed.feed_id)  # the sender has put another feed in its place
            continue
        inbox.put_away(path, line.settings.refused if feed.state is FeedState.REFUSED else _processed(line))
        feeds.note_put_away(conn, feed.feed_id)
        if feed.state is FeedState.RECORDED and name is not None:
            outcomes.append(_outcome(conn, feed.feed_id, name))
        log.info("Feed %s was %s before and is put away now", feed.file_name, feed.state)
    return outcomes


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What would become of a feed: its counts, and for each held row line, reason and column."""

    outcome: FeedOutcome
    held: tuple[tuple[int, str, str], ...] = ()


def check_file(line: Line, path: Path) -> CheckOutcome:
    """What `ingest_files` would do with a feed now; nothing is recorded. Raises FeedRefused, UsageError."""
    name = parse_feed_name(path.name)
    for needed in (path, path.with_name(control_name(path.name))):
        if not needed.is_file():
            raise UsageError(f"{needed} is not there. A feed and its control file lie side by side.")
    checked = CheckOutcome(FeedOutcome(path.name, name.kind if name else "", FeedState.RECORDED))
    with _at_work(line) as conn:
        arrived = _look_at(line, conn, path, name)
        known = feeds.recorded_bytes(conn, arrived.content.sha256, kind=arrived.name.kind)
        with conn.transaction():
            if known is not None:
                checked = CheckOutcome(_duplicate(conn, arrived, known)[1])
            else:
                feed_id, outcome = _record(line, conn, arrived, history=False)
                checked = CheckOutcome(outcome, tuple(holds.lines_of(conn, feed_id)))
            raise psycopg.Rollback
    return checked
