"""Settles what waits for a person: lists holds, releases those that a person may release, rejects."""

import logging
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd
import psycopg

from distribution import advice
from distribution.errors import UsageError
from distribution.filenames import FeedName, parse_feed_name
from distribution.ingest import check
from distribution.ingest.read import LINE
from distribution.jobs import record_feed
from distribution.jobs.places import place_of, remote_name
from distribution.jobs.wiring import Line, actor
from distribution.ledger import (
    acknowledgements,
    deliveries,
    endpoints,
    fallback,
    files,
    holds,
    locks,
    pauses,
    transfers,
)
from distribution.ledger.holds import Hold
from distribution.model import (
    Channel,
    DeliveryHoldReason,
    HoldKind,
    HoldState,
    Receipt,
    RowHoldReason,
    WithdrawalReason,
)

log = logging.getLogger(__name__)

_RELEASABLE = frozenset({RowHoldReason.RETAKE_TOO_SOON.value, DeliveryHoldReason.VOLUME_ANOMALY.value})


class Fate(StrEnum):
    """What a person found out about a file of doubtful fate."""

    ARRIVED = "arrived"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A hold as people list it: no student's record, only where it stands."""

    id: int
    kind: HoldKind
    feed_file: str | None
    line: int | None
    reason: str
    column: str | None
    state: HoldState
    since: datetime
    what_to_do: str


def list_holds(line: Line, *, state: HoldState | None = None) -> list[HoldLine]:
    """Every hold, oldest first, or those in a state."""
    with line.connect() as conn:
        return [_listed(hold) for hold in holds.every(conn, state=state)]


def _listed(hold: Hold) -> HoldLine:
    return HoldLine(
        id=hold.hold_id,
        kind=hold.kind,
        feed_file=hold.feed_file,
        line=hold.line,
        reason=hold.reason,
        column=hold.column_name,
        state=hold.state,
        since=hold.since,
        what_to_do=advice.what_to_do(hold.reason) if hold.state is HoldState.OPEN else "",
    )


def find_open(line: Line, hold_id: int) -> HoldLine:
    """An open hold. Raises UsageError for one that is settled or not there."""
    with line.connect() as conn:
        return _listed(_open(conn, hold_id))


def _open(conn: psycopg.Connection, hold_id: int, *, lock: bool = False) -> Hold:
    hold = holds.find(conn, hold_id, lock=lock)
    if hold is None:
        raise UsageError(f"There is no hold {hold_id}. `hold list` shows those that there are.")
    if hold.state is not HoldState.OPEN:
        raise UsageError(f"Hold {hold_id} is {hold.state} already: nothing is left to settle.")
    return hold


def release(line: Line, hold_id: int, *, reason: str) -> HoldLine:
    """Let what was held go on: a retake is recorded, a delivery leaves with the next run.

    Raises UsageError where a person's word does not free it; the message says what does.
    """
    who = actor()
    with line.connect(autocommit=True) as conn, locks.held(conn, locks.INGEST, what="ingest"):
        with conn.transaction():
            hold = _open(conn, hold_id, lock=True)
            refuse_unless_releasable(_listed(hold))
            if hold.reason == RowHoldReason.RETAKE_TOO_SOON:
                _record_retake(conn, hold)
                holds.close(conn, hold_id, state=HoldState.RELEASED, actor=who, note=reason)
            elif hold.delivery_id is not None:
                deliveries.release(conn, [hold.delivery_id], actor=who, note=reason)
            _note_access(conn, hold, command=f"hold release {hold_id}", who=who)
        return _settled(conn, hold_id, "released")


def settle_ambiguous(line: Line, hold_id: int, *, as_: Fate, reason: str) -> HoldLine:
    """Let a person say what became of a file of doubtful fate, for all of its deliveries at once.

    `arrived`: they count as delivered. `again`: the next run sends the file again, the same bytes under the
    same name; while the institution gets paper its number is given up, and its scores are printed. Raises
    UsageError for any other hold.
    """
    who = actor()
    with line.connect(autocommit=True) as conn:
        with conn.transaction():
            hold = _open(conn, hold_id, lock=True)
            file = files.of_delivery(conn, hold.delivery_id) if hold.delivery_id is not None else None
            if hold.reason != DeliveryHoldReason.AMBIGUOUS_DELIVERY or file is None:
                raise UsageError(f"Hold {hold_id} ({hold.reason}) is no ambiguous delivery: leave --as out.")
            if as_ is Fate.AGAIN:
                _refuse_what_was_acknowledged(conn, hold_id, file)
            _note_access(conn, hold, command=f"hold release {hold_id} --as {as_}", who=who)
            transfers.settle_ambiguous(
                conn,
                file.name,
                arrived=as_ is Fate.ARRIVED,
                receipt=_receipt(line, conn, file) if as_ is Fate.ARRIVED else None,
                actor=who,
                note=f"{as_}: {reason}",
            )
            if as_ is Fate.AGAIN and file.di in pauses.on_paper(conn):
                fallback.give_up(conn, file.file_id)
        log.info("A person says of %s: %s", file.name, as_)
        acknowledgements.book_early(conn, at=line.now())
        return _settled(conn, hold_id, f"released as {as_}")


def _refuse_what_was_acknowledged(conn: psycopg.Connection, hold_id: int, file: files.ScoreFile) -> None:
    if (said := acknowledgements.early_of(conn, file.file_id)) is not None:
        raise UsageError(
            f"{file.di} acknowledged {file.name} ({said}), so it has it: hold release {hold_id} --as "
            "arrived. Sent again, it would come twice. If it was wrong, settle its acknowledgement first: "
            "`reconcile` names the command."
        )


def _receipt(line: Line, conn: psycopg.Connection, file: files.ScoreFile) -> Receipt:
    at = endpoints.in_force(conn).get(file.di)
    place = file.place or (place_of(at, file) if at else "")
    return Receipt(
        channel=Channel.ELECTRONIC,
        subject=file.name,
        records=file.details,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        received_at=line.now(),
        remote_name=remote_name(place, file.name) if place else file.name,
    )


def reject(line: Line, hold_id: int, *, reason: str) -> HoldLine:
    """Give up what was held: a row is never recorded, a delivery never sent. Raises UsageError."""
    who = actor()
    with line.connect(autocommit=True) as conn, locks.held(conn, locks.INGEST, what="ingest"):
        with conn.transaction():
            hold = _open(conn, hold_id, lock=True)
            if hold.delivery_id is not None:
                withdrawn = deliveries.withdraw(
                    conn, [hold.delivery_id], reason=WithdrawalReason.REJECTED, actor=who, note=reason
                )
                if not withdrawn:
                    raise UsageError(f"What hold {hold_id} keeps may have left already: it stays as it is.")
            holds.close(conn, hold_id, state=HoldState.REJECTED, actor=who, note=reason)
            _note_access(conn, hold, command=f"hold reject {hold_id}", who=who)
        return _settled(conn, hold_id, "rejected")


def _settled(conn: psycopg.Connection, hold_id: int, how: str) -> HoldLine:
    log.info("Hold %d was %s", hold_id, how)
    hold = holds.find(conn, hold_id)
    assert hold is not None
    return _listed(hold)


def _note_access(conn: psycopg.Connection, hold: Hold, *, command: str, who: str) -> None:
    holds.note_access(conn, actor=who, command=command, result_ids=holds.result_ids_of(conn, hold))


def refuse_unless_releasable(hold: HoldLine) -> None:
    """Raises UsageError, which says what frees the hold, unless a person's word does."""
    if hold.reason in _RELEASABLE:
        return
    if hold.reason == DeliveryHoldReason.AMBIGUOUS_DELIVERY:
        raise UsageError(
            f"Hold {hold.id} needs to be told whether the file arrived. Ask the institution, then release it "
            "with --as arrived or --as again."
        )
    raise UsageError(
        f"Hold {hold.id} ({hold.reason}) is not freed by a release. {advice.what_to_do(hold.reason)}"
    )


def _record_retake(conn: psycopg.Connection, hold: Hold) -> None:
    """Record a held retake as if the months had passed. Raises UsageError where it no longer fits."""
    frame, name = _row_of(hold)
    on_file = record_feed.look_up(conn, frame, kind=name.kind)
    checked = check.split(frame, kind=name.kind, feed_date=name.day, on_file=on_file)
    assert hold.feed_id is not None
    recorded = record_feed.apply(
        conn,
        checked,
        kind=name.kind,
        feed_id=hold.feed_id,
        feed_date=name.day,
        history=hold.history,
        hold_retakes=False,
    )
    if recorded.new + recorded.corrected != 1:
        faults = [*checked.held["reason"], *recorded.held["reason"]]
        what = f"it is held for {faults[0]} now" if faults else "the same revision is on file"
        raise UsageError(
            f"Hold {hold.hold_id} cannot be released: {what}. Reject it, or ask for a mended row."
        )


def _row_of(hold: Hold) -> tuple[pd.DataFrame, FeedName]:
    """The held row as it came, and its feed's name."""
    name = parse_feed_name(hold.feed_file or "")
    assert name is not None, "a row is held under its feed's name"
    assert hold.cells is not None, "a row is held with its cells"
    frame = pd.DataFrame([hold.cells], dtype="str")
    frame[LINE] = hold.line
    return frame, name
