"""The rules between cells, and between a row and what is on file: pure functions over whole columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import email_validator
import numpy as np
import pandas as pd

from distribution.exams import Recommendation
from distribution.ingest import feed_layouts, institution_rules, text
from distribution.ingest.feed_layouts import Column
from distribution.model import FeedKind, Funding, ResultStatus, RowHoldReason

_FIRST_BIRTH_DATE = "1900-01-01"
# Test centres in Japan and Guam are a day ahead of the sender.
_TEST_DATE_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OnFile:
    """What a feed's rows are looked up in; a room that is not asked for may stay empty.

    `institutions`: frame of `code`, `kind`, `successor_code` (all `str`), the newest version of each.
    """

    catalogue: tuple[Recommendation, ...] = ()
    orders: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    candidates: frozenset[str] = frozenset()
    institutions: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame({"code": [], "kind": [], "successor_code": []}, dtype="str")
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows (their places in the feed) that are held for a reason; the column in which it stands."""

    rows: np.ndarray
    reason: RowHoldReason
    column: str


def fits(cells: pd.Series, column: Column) -> pd.Series:
    """Per cell (bool), whether it has the column's form."""
    if column.words is not None:
        fit = cells.isin(list(map(str, column.words)))
    elif column.date:
        fit = cells.isin(real_dates(cells))
    else:
        fit = text.matches(cells, column.form or ".*")
    return fit | (cells == "") if column.may_be_empty else fit


def real_dates(cells: pd.Series) -> list[str]:
    """The distinct cells that are real dates written YYYY-MM-DD."""
    return [cell for cell in cells.unique() if _is_real_date(cell)]


def _is_real_date(cell: str) -> bool:
    if not (len(cell) == 10 and cell.isascii() and cell[4] == cell[7] == "-"):
        return False
    digits = cell[:4] + cell[5:7] + cell[8:]
    if not digits.isdigit():
        return False
    try:
        date(int(cell[:4]), int(cell[5:7]), int(cell[8:]))
    except ValueError:
        return False
    return True


def prepare(rows: pd.DataFrame, kind: FeedKind) -> None:
    """Put in place what the contract fixes: an order number counts for voucher funding only."""
    if kind is FeedKind.RESULTS:
        voucher = rows["funding"] == Funding.VOUCHER
        rows["voucher_order_id"] = rows["voucher_order_id"].where(voucher, "")
    if kind is FeedKind.INSTITUTIONS:
        institution_rules.prepare(rows)


def faults(
    rows: pd.DataFrame, *, kind: FeedKind, feed_date: date, on_file: OnFile, sound: np.ndarray
) -> Iterator[Fault]:
    """The faults of normalised rows, in the order in which they are told.

    `sound` marks the rows whose cells all have their forms; the others are not looked at.
    """
    checks = {
        FeedKind.RESULTS: _results,
        FeedKind.INSTITUTIONS: _institutions,
        FeedKind.CONTACTS: _contacts,
        FeedKind.VOUCHER_ORDERS: _voucher_orders,
        FeedKind.TRANSCRIPT_REQUESTS: _transcript_requests,
    }
    for found, reason, column in checks[kind](rows, feed_date, on_file, sound):
        where = np.flatnonzero(np.asarray(found, dtype=bool) & sound)
        yield Fault(where, reason, column)


Found = tuple[Iterable[bool] | np.ndarray | pd.Series, RowHoldReason, str]


def _results(rows: pd.DataFrame, feed_date: date, on_file: OnFile, sound: np.ndarray) -> Iterator[Found]:
    score, tested = rows["scaled_score"], rows["test_date"]
    scored = rows["status"] == ResultStatus.SCORED
    yield rows["birth_date"] < _FIRST_BIRTH_DATE, RowHoldReason.BAD_VALUE, "birth_date"
    yield scored != (score != ""), RowHoldReason.BAD_VALUE, "scaled_score"
    out = (score != "") & ~score.isin(list(feed_layouts.scores()))
    yield out, RowHoldReason.SCORE_OUT_OF_RANGE, "scaled_score"
    codes = {row.code for row in on_file.catalogue}
    yield ~rows["exam_code"].isin(list(codes)), RowHoldReason.UNKNOWN_EXAM, "exam_code"
    yield ~_offered(rows, on_file.catalogue), RowHoldReason.EXAM_NOT_OFFERED, "exam_code"
    last = (feed_date + _TEST_DATE_AHEAD).isoformat()
    yield tested > last, RowHoldReason.DATE_IN_FUTURE, "test_date"
    yield rows["birth_date"] >= tested, RowHoldReason.BIRTH_AFTER_TEST, "birth_date"
    early = (rows["scored_on"] != "") & (rows["scored_on"] < tested)
    yield early, RowHoldReason.BAD_VALUE, "scored_on"
    voucher = rows["funding"] == Funding.VOUCHER
    known = rows["voucher_order_id"].isin(list(on_file.orders))
    yield voucher & ~known, RowHoldReason.UNKNOWN_ORDER, "voucher_order_id"


def _offered(rows: pd.DataFrame, catalogue: tuple[Recommendation, ...]) -> pd.Series:
    """Per row (bool), whether a recommendation of its exam is in force on the test date."""
    windows: dict[tuple[str, str], set[str]] = {}
    for row in catalogue:
        window = (row.valid_from.isoformat(), row.valid_to.isoformat())
        windows.setdefault(window, set()).add(row.code)
    offered = pd.Series(False, index=rows.index)
    for (first, last), codes in windows.items():
        exam = rows["exam_code"].isin(list(codes))
        if (first, last) != (date.min.isoformat(), date.max.isoformat()):
            exam &= rows["test_date"].between(first, last)
        offered |= exam
    return offered


def _institutions(rows: pd.DataFrame, feed_date: date, on_file: OnFile, sound: np.ndarray) -> Iterator[Found]:
    for found, column in institution_rules.faults(rows, on_file.institutions, sound):
        yield found, RowHoldReason.BAD_VALUE, column


def _contacts(rows: pd.DataFrame, feed_date: date, on_file: OnFile, sound: np.ndarray) -> Iterator[Found]:
    mailboxes = [address for address in rows["email"].unique() if is_mailbox(address)]
    yield ~rows["email"].isin(mailboxes), RowHoldReason.BAD_VALUE, "email"
    ends_early = (rows["valid_to"] != "") & (rows["valid_to"] < rows["valid_from"])
    yield ends_early, RowHoldReason.BAD_VALUE, "valid_to"
    unknown = ~rows["organization_code"].isin(list(on_file.organizations))
    yield unknown, RowHoldReason.UNKNOWN_ORGANIZATION, "organization_code"


def is_mailbox(address: str) -> bool:
    """True when the text is one mailbox by email-validator's syntax rules; no name server is asked."""
    try:
        email_validator.validate_email(address, check_deliverability=False, test_environment=True)
    except email_validator.EmailNotValidError:
        return False
    return True


def _voucher_orders(
    rows: pd.DataFrame, feed_date: date, on_file: OnFile, sound: np.ndarray
) -> Iterator[Found]:
    unknown = ~rows["organization_code"].isin(list(on_file.organizations))
    yield unknown, RowHoldReason.UNKNOWN_ORGANIZATION, "organization_code"


def _transcript_requests(
    rows: pd.DataFrame, feed_date: date, on_file: OnFile, sound: np.ndarray
) -> Iterator[Found]:
    unknown = ~rows["candidate_id"].isin(list(on_file.candidates))
    yield unknown, RowHoldReason.UNKNOWN_CANDIDATE, "candidate_id"
