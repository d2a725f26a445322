"""What institutions need a person for: keys that end, files not acknowledged, paper for a time, a pause."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from distribution.report.content import Need
from distribution.report.needs import FAILED, REVIEW, WAITING, age, counted


@dataclass(frozen=True, slots=True)
class EndingKey:
    """An institution's PGP key that ends within 60 days, or has ended (`is_over`)."""

    code: str
    usable_until: date
    is_over: bool


@dataclass(frozen=True, slots=True)
class UnacknowledgedFile:
    """A file that arrived and whose institution has not said so; agreed are so many business days."""

    code: str
    file: str
    scores: int
    delivered_on: date
    agreed_days: int = 3


@dataclass(frozen=True, slots=True)
class FaultyAcknowledgement:
    """What an institution dropped back and nobody can book: `outcome` is the ledger's word for it.

    `number`: what to settle it by; `hold_id`: a hold of the file's deliveries, where they are held because
    nobody knows whether it arrived.
    """

    number: int
    code: str
    name: str
    file: str
    outcome: str
    not_loaded: int
    read_on: date
    hold_id: int | None = None


@dataclass(frozen=True, slots=True)
class OnPaper:
    """An institution that gets paper until it is resumed."""

    code: str
    reason: str
    since: date


@dataclass(frozen=True, slots=True)
class Paused:
    """All sending stands still; `until` empty = until somebody resumes it."""

    reason: str
    since: date
    until: str


@dataclass(frozen=True, slots=True)
class SecondLayout:
    """Trouble with the layout that an institution tries: files that did not arrive, records left out."""

    code: str
    layout: str
    unsent: int
    left_out: int
    detail: str
    since: date


@dataclass(frozen=True, slots=True)
class Partners:
    """What there is to say of institutions on one day."""

    keys: tuple[EndingKey, ...] = ()
    unacknowledged: tuple[UnacknowledgedFile, ...] = ()
    faulty: tuple[FaultyAcknowledgement, ...] = ()
    on_paper: tuple[OnPaper, ...] = ()
    paused: Paused | None = None
    second_layouts: tuple[SecondLayout, ...] = ()


def of_partners(partners: Partners, on: date) -> Iterator[Need]:
    """One entry per cause."""
    if partners.paused is not None:
        yield _paused(partners.paused)
    yield from _keys(partners.keys, on)
    yield from map(_faulty, partners.faulty)
    yield from _unacknowledged(partners.unacknowledged, on)
    yield from map(_second_layout, partners.second_layouts)
    for each in partners.on_paper:
        yield Need(
            WAITING,
            f"{each.code} gets paper for a time",
            each.code,
            0,
            f"Its method is electronic. {each.reason}",
            each.since,
            f"Once its host works: institution test {each.code}, then institution resume {each.code}.",
        )


def _paused(paused: Paused) -> Need:
    return Need(
        REVIEW,
        "All sending is paused",
        "",
        0,
        f"Nothing leaves {f'until {paused.until}' if paused.until else 'until it is resumed'}. "
        f"{paused.reason}",
        paused.since,
        "Once the cause is gone: sending resume.",
    )


def _keys(keys: Iterable[EndingKey], on: date) -> Iterator[Need]:
    for key in keys:
        left = (key.usable_until - on).days
        said = "has ended" if key.is_over else f"ends in {counted(left, 'day')}"
        yield Need(
            FAILED if key.is_over else REVIEW,
            f"The PGP key of {key.code} {said}",
            key.code,
            0,
            f"Nothing can be encrypted to it after {key.usable_until:%Y-%m-%d}: its files then wait.",
            on,
            "Ask its technical contact for a new key, on a known number: institution load-endpoints FILE.",
        )


_SAID = {
    "differs": "another count or sum than we sent",
    "not-loaded": "rows that it did not load",
    "unknown-file": "a file that we did not send there",
    "unreadable": "nothing that can be read",
}


def _faulty(faulty: FaultyAcknowledgement) -> Need:
    if faulty.outcome == "early":
        return _early(faulty)
    about = f" of {faulty.file}" if faulty.file else ""
    again = f" Once more: delivery resend {faulty.file} --reason TEXT." if faulty.file else ""
    return Need(
        REVIEW,
        f"{faulty.code} acknowledged {_SAID.get(faulty.outcome, faulty.outcome)}",
        faulty.code,
        faulty.not_loaded,
        f"{faulty.name}{about}.",
        faulty.read_on,
        f"Ask the institution.{again} Settled: {_settle(faulty)}.",
    )


def _settle(faulty: FaultyAcknowledgement) -> str:
    return f"delivery settle {faulty.number} --reason TEXT"


def _early(early: FaultyAcknowledgement) -> Need:
    held = "its scores are held" if early.hold_id else "the next run looks for it"
    when = "It has it" if early.hold_id else "If it is held then"
    arrived = f"hold release {early.hold_id or 'ID'} --as arrived --reason TEXT"
    return Need(
        REVIEW,
        f"{early.code} says that it has {early.file}",
        early.code,
        0,
        f"{early.name} acknowledges it; here nobody can tell whether it arrived, and {held}.",
        early.read_on,
        f"{when}: {arrived}. It was wrong: {_settle(early)}.",
    )


def _second_layout(trouble: SecondLayout) -> Need:
    if trouble.unsent:
        what = f"{trouble.code}: {counted(trouble.unsent, 'file')} in layout {trouble.layout} did not arrive"
    else:
        fit = "does not fit" if trouble.left_out == 1 else "do not fit"
        what = f"{trouble.code}: {counted(trouble.left_out, 'record')} {fit} layout {trouble.layout}"
    return Need(
        WAITING,
        what,
        trouble.code,
        0,
        f"No score waits: these are tests beside the live files. {trouble.detail}".rstrip(),
        trouble.since,
        "Tell the institution before it changes over; what may still be sent is tried each night.",
    )


def _unacknowledged(files: Iterable[UnacknowledgedFile], on: date) -> Iterator[Need]:
    by_code: dict[str, list[UnacknowledgedFile]] = {}
    for file in files:
        if age(file.delivered_on, on) > file.agreed_days:
            by_code.setdefault(file.code, []).append(file)
    for code, late in by_code.items():
        scores = sum(file.scores for file in late)
        yield Need(
            REVIEW,
            f"{counted(len(late), 'file')} not acknowledged by {code}",
            code,
            scores,
            f"{counted(scores, 'score')} sent, the oldest in {late[0].file}; agreed are "
            f"{counted(late[0].agreed_days, 'business day')}.",
            late[0].delivered_on,
            f"Ask the institution whether it took the file in: delivery acknowledge {late[0].file}.",
        )
