"""What needs a person, the worst first: one entry per cause, its effect in scores, the next step."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import takewhile

from distribution import advice
from distribution.business_days import business_days_from
from distribution.model import WAITS_FOR_A_CHANGE, DeliveryHoldReason, FailureCode
from distribution.report.content import (
    Batch,
    Feed,
    FeedGap,
    HeldDeliveries,
    HeldReason,
    Need,
    OpenFile,
    WaitingDeliveries,
)

BLOCKED, FAILED, REVIEW, RETRYING, WAITING = "Blocked", "Failed", "For review", "Retrying", "Waiting"
MAIL_WITHIN = 2  # business days; the longest that a printed batch may stand before someone asks
RETRIED_FOR = 1  # business days; from the second night on someone asks the institution
_SETTLES_ITSELF = frozenset({DeliveryHoldReason.WITHHELD})
_NAMED = 3


def age(since: date, on: date) -> int:
    """Business days that have gone by after `since`, `on` included."""
    return sum(1 for _ in takewhile(lambda day: day <= on, business_days_from(since + timedelta(days=1))))


def counted(number: int, one: str, many: str = "") -> str:
    """`1 score`, `4,118 scores`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def of_faults(faults: Sequence[str], on: date) -> Iterator[Need]:
    """A sum that does not add up stops all sending."""
    for fault in faults:
        yield Need(
            BLOCKED,
            "Out of balance",
            "",
            0,
            fault,
            on,
            "Sending is blocked. Follow the runbook, exit code 5; do not resend by hand.",
        )


def of_feeds(feeds: Iterable[Feed], gaps: Iterable[FeedGap], on: date) -> Iterator[Need]:
    """Feeds that were refused, and numbers that have not come."""
    for feed in feeds:
        if feed.state == "refused" and feed.code in advice.ADVICE:
            yield Need(
                FAILED,
                f"Feed {feed.file} refused: {feed.code}",
                "",
                feed.records,
                f"{advice.meaning(feed.code)} Nothing of it was recorded.",
                on,
                advice.what_to_do(feed.code),
            )
    for gap in gaps:
        numbers = ", ".join(f"{number:03d}" for number in gap.missing[:10])
        yield Need(
            REVIEW,
            f"{counted(len(gap.missing), 'feed')} missing: {gap.feed} of {gap.day}",
            "",
            len(gap.missing),
            f"Number {numbers} has not come (feed-incomplete).",
            gap.day,
            "Ask the sender for it; results in it are not distributed until it comes.",
        )


def of_files(files: Sequence[OpenFile], on: date) -> Iterator[Need]:
    """Files that failed, one entry per failure: those that wait for a change first."""
    groups: dict[str, list[OpenFile]] = defaultdict(list)
    for file in files:
        if file.state == "failed" and file.failure in advice.ADVICE:
            groups[file.failure].append(file)
    for failure in sorted(groups, key=lambda code: (code not in WAITS_FOR_A_CHANGE, code)):
        # What waits behind a failed file is settled with it.
        if failure != FailureCode.BEHIND_ANOTHER_FILE:
            yield _failed_files(failure, groups[failure], files, on)


def _failed_files(failure: str, failed: Sequence[OpenFile], files: Sequence[OpenFile], on: date) -> Need:
    codes = {file.code for file in failed}
    stuck = [file for file in files if file.code in codes]
    since = min(file.since for file in failed)
    must_act = failure in WAITS_FOR_A_CHANGE or failure == FailureCode.CREDENTIAL
    is_old = age(since, on) > RETRIED_FOR
    scores = sum(file.scores for file in stuck)
    return Need(
        FAILED if must_act or is_old else RETRYING,
        f"{named(failed)}: {failure}",
        " ".join(sorted(codes)) if len(codes) <= _NAMED else "",
        scores,
        f"{counted(len(stuck), 'file')}, {counted(scores, 'score')} not sent. "
        + (_in_detail(failed) or advice.meaning(failure)),
        since,
        advice.what_to_do(failure),
    )


def _in_detail(failed: Sequence[OpenFile]) -> str:
    """What was kept with the failures, an institution's first one each, at most three of them."""
    by_code: dict[str, str] = {}
    for file in failed:
        if file.detail:
            by_code.setdefault(file.code, file.detail)
    told = list(by_code.items())[:_NAMED]
    if len(by_code) == 1:
        return told[0][1]
    sentences = [f"{code}: {detail}" for code, detail in told]
    if more := len(by_code) - len(told):
        sentences.append(f"And {more} more.")
    return " ".join(sentences)


def named(failed: Sequence[OpenFile | HeldDeliveries]) -> str:
    """The institutions by name and code, at most three of them."""
    names = list(dict.fromkeys(f"{each.name} ({each.code})" if each.name else each.code for each in failed))
    if len(names) <= _NAMED:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{counted(len(names), 'institution')}, {' and '.join(names[:2])} among them"


def of_holds(rows: Iterable[HeldReason], deliveries: Sequence[HeldDeliveries], on: date) -> Iterator[Need]:
    """Held rows by reason, then held deliveries by reason."""
    for held in rows:
        if held.reason in advice.ADVICE:
            yield Need(
                REVIEW,
                f"{counted(held.count, 'row')} held: {held.reason}",
                "",
                held.count,
                advice.meaning(held.reason) + _standing(held.since, on),
                held.since,
                advice.what_to_do(held.reason),
            )
    groups: dict[str, list[HeldDeliveries]] = defaultdict(list)
    for delivery in deliveries:
        groups[delivery.reason].append(delivery)
    for reason, held_here in sorted(groups.items(), key=lambda group: -sum(each.count for each in group[1])):
        if reason in advice.ADVICE:
            yield _held_deliveries(reason, held_here, on)


def _held_deliveries(reason: str, held: Sequence[HeldDeliveries], on: date) -> Need:
    scores = sum(each.count for each in held)
    since = min(each.since for each in held)
    codes = sorted({each.code for each in held})
    return Need(
        WAITING if reason in _SETTLES_ITSELF else REVIEW,
        f"{counted(scores, 'score')} held: {reason}",
        " ".join(codes) if len(codes) <= _NAMED else "",
        scores,
        f"{advice.meaning(reason)} For {named(held)}.{_standing(since, on)}",
        since,
        advice.what_to_do(reason),
    )


def _standing(since: date, on: date) -> str:
    days = age(since, on)
    return f" Oldest: {counted(days, 'business day')}." if days > 0 else ""


def of_paper(batches: Iterable[Batch], waiting: Iterable[WaitingDeliveries], on: date) -> Iterator[Need]:
    """Batches that stand too long, and envelopes that came back."""
    for batch in batches:
        days = age(batch.business_date, on)
        if batch.state != "mailed" and days > MAIL_WITHIN:
            yield Need(
                REVIEW,
                f"Batch {batch.batch} is not mailed",
                "",
                batch.scores,
                f"{counted(batch.scores, 'score')} in {counted(batch.pieces, 'piece')}"
                f" stand as {batch.state} for {counted(days, 'business day')}.",
                batch.business_date,
                "Ask the mailroom. " + _next_of(batch),
            )
    for returned in waiting:
        if returned.state == "returned":
            yield Need(
                REVIEW,
                f"Mail came back from {returned.name} ({returned.code})",
                returned.code,
                returned.count,
                f"{counted(returned.count, 'score')} printed again once the address has changed; nothing "
                "more goes there.",
                returned.since,
                "Ask the institution for its postal address and have it sent in an institutions feed, with a "
                "valid_from after the day on which mail came back.",
            )


def _next_of(batch: Batch) -> str:
    return advice.next_of_batch(
        batch.batch, state=batch.state, sheets=batch.sheets, pieces=batch.pieces, spoiled=batch.spoiled
    )


_ORDER = (BLOCKED, FAILED, REVIEW, RETRYING, WAITING)


def ordered(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The worst first; within a level as they came."""
    return tuple(sorted(needs, key=lambda need: _ORDER.index(need.level)))
