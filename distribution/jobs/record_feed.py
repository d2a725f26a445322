"""Checks a feed's rows against the ledger and records them: gather, decide, apply."""

import json
import logging
from datetime import date

import pandas as pd
import psycopg

from distribution.channels.portal import staging
from distribution.exams import catalogue
from distribution.filenames import FeedName
from distribution.ingest import check, text
from distribution.ingest.read import LINE
from distribution.ingest.rules import OnFile
from distribution.ledger import contacts, feeds, holds, institutions, locks, orders, results, transcripts
from distribution.ledger.feeds import Recorded
from distribution.model import FeedKind

log = logging.getLogger(__name__)


def record_rows(
    conn: psycopg.Connection, frame: pd.DataFrame, *, name: FeedName, feed_id: int, history: bool
) -> None:
    """Record and hold a feed's rows (`read.read_rows`) and fix its counts, inside the caller's transaction.

    Raises OutOfBalance when what was written is not what was received.
    """
    on_file = look_up(conn, frame, kind=name.kind)
    checked = check.split(frame, kind=name.kind, feed_date=name.day, on_file=on_file)
    recorded = apply(conn, checked, kind=name.kind, feed_id=feed_id, feed_date=name.day, history=history)
    late = _with_cells(recorded.held, frame, kind=name.kind)
    held = pd.concat([checked.held, late], ignore_index=True) if len(late) else checked.held
    written = holds.record_rows(conn, held, feed_id=feed_id, kind=name.kind)
    holds.close_mended(conn, feed_id=feed_id, kind=name.kind)
    feeds.close_feed(
        conn,
        feed_id,
        new=recorded.new,
        corrected=recorded.corrected,
        duplicate=recorded.duplicate + len(held) - written,
        held=written,
    )


def look_up(conn: psycopg.Connection, frame: pd.DataFrame, *, kind: FeedKind) -> OnFile:
    """What the rows of a feed are looked up in."""
    if kind is FeedKind.RESULTS:
        named = _distinct(frame, "voucher_order_id")
        return OnFile(catalogue=catalogue(), orders=orders.known(conn, named))
    if kind is FeedKind.INSTITUTIONS:
        return OnFile(institutions=institutions.newest(conn))
    if kind is FeedKind.TRANSCRIPT_REQUESTS:
        named = _distinct(frame, "candidate_id")
        return OnFile(candidates=results.known_candidates(conn, named))
    named = _distinct(frame, "organization_code")
    return OnFile(organizations=institutions.known_codes(conn, named))


def _distinct(frame: pd.DataFrame, column: str) -> list[str]:
    # PostgreSQL takes no NUL, and the gate let none in.
    return [cell for cell in text.normalised(frame[column]).unique() if cell]


def apply(
    conn: psycopg.Connection,
    checked: check.Checked,
    *,
    kind: FeedKind,
    feed_id: int,
    feed_date: date,
    history: bool = False,
    hold_retakes: bool = True,
) -> Recorded:
    """Write the accepted rows into the room of their kind."""
    rows = checked.accepted
    match kind:
        case FeedKind.RESULTS:
            recorded = results.record(conn, rows, feed_id=feed_id, history=history, hold_retakes=hold_retakes)
            _hide_from_schools(conn, feed_id)
            return recorded
        case FeedKind.INSTITUTIONS:
            return institutions.record(conn, rows, feed_id=feed_id)
        case FeedKind.CONTACTS:
            named = _organizations_held(checked.held)
            return contacts.record(conn, rows, feed_id=feed_id, feed_date=feed_date, held=named)
        case FeedKind.VOUCHER_ORDERS:
            return orders.record(conn, rows, feed_id=feed_id)
        case FeedKind.TRANSCRIPT_REQUESTS:
            return transcripts.record(conn, rows, feed_id=feed_id)


def _hide_from_schools(conn: psycopg.Connection, feed_id: int) -> None:
    """Take the scores that this feed cancels or withholds out of the schools' sight, with its own commit.

    The delivery that tells the school may be paused, held, or owed another night; the score waits for none.
    """
    taken_back = results.taken_back(conn, feed_id)
    if not taken_back:
        return
    locks.wait_in_transaction(conn, locks.SCHOOLS_ROWS, "")
    hidden = staging.hide(conn, taken_back)
    log.info("Feed %d takes %d scores back; hid %d rows of schools", feed_id, len(taken_back), hidden)


def _organizations_held(held: pd.DataFrame) -> pd.DataFrame:
    """`organization_code` and `role` of the contacts that were held, as they came."""
    cells = [json.loads(row) for row in held["cells"]]
    named = {name: [row[name].strip() for row in cells] for name in ("organization_code", "role")}
    return pd.DataFrame(named, dtype="str")


def _with_cells(held: pd.DataFrame, frame: pd.DataFrame, *, kind: FeedKind) -> pd.DataFrame:
    """Rows that the ledger held, with their cells as they came."""
    if held.empty:
        return held
    places = pd.Index(frame[LINE]).get_indexer(held["line"])
    came = check.as_came(frame, rows=frame.index[places], kind=kind).reset_index(drop=True)
    return pd.concat([held.reset_index(drop=True), came], axis="columns")[list(check.HELD_COLUMNS)]
