"""Acknowledgements: read what institutions dropped back, once, and note which files they collected."""

import hashlib
import logging
import posixpath
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

import psycopg

from distribution.channels.electronic import acknowledgement
from distribution.channels.electronic.remote import Remote, TooLarge, explained
from distribution.errors import DistributionError
from distribution.jobs import host_accounts
from distribution.jobs.shards import account_of
from distribution.jobs.wiring import Line, actor
from distribution.ledger import acknowledgements, endpoints, files
from distribution.ledger.acknowledgements import Arrived, Outcome
from distribution.model import Endpoint, Look

log = logging.getLogger(__name__)
_LOOK_BACK = timedelta(days=14)
SECOND_LOOK_SECONDS = 5.0  # an upload that does not move for so long is taken for done


@dataclass(frozen=True, slots=True)
class AcknowledgementOutcome:
    """Files acknowledged, acknowledgements that need a person, hosts that could not be asked."""

    acknowledged: int = 0
    differing: int = 0
    unasked: int = 0


def read_acknowledgements(line: Line) -> AcknowledgementOutcome:
    """Visit every institution that has an `ack_directory`; who is out of reach is asked again next time."""
    with line.connect() as conn:
        early = acknowledgements.book_early(conn, at=line.now())
        agreed = [each for each in endpoints.in_force(conn).values() if each.ack_directory]
    shared = _by_folder(agreed)
    with ThreadPoolExecutor(max(1, min(line.settings.sftp_sessions, len(shared)))) as pool:
        found = sum(pool.map(lambda sharing: _visit_all(line, sharing), shared), Counter[str](early))
    outcome = AcknowledgementOutcome(
        acknowledged=found[Outcome.AGREES],
        differing=sum(found[each] for each in Outcome if each is not Outcome.AGREES),
        unasked=found["unasked"],
    )
    log.info("Acknowledgements: %(acknowledged)s, %(differing)s differ, %(unasked)s unasked", asdict(outcome))
    return outcome


def _by_folder(agreed: Sequence[Endpoint]) -> list[list[Endpoint]]:
    """Institutions that drop their acknowledgements into one folder of one account, together."""
    shared: dict[tuple[str | int, ...], list[Endpoint]] = {}
    for each in sorted(agreed, key=lambda each: each.code):
        folder = posixpath.normpath(each.ack_directory or "")
        shared.setdefault((*account_of(each), folder), []).append(each)
    return list(shared.values())


def _visit_all(line: Line, sharing: Sequence[Endpoint]) -> Counter[str]:
    # One after the other: two that read one folder at once would book what is in it twice.
    codes = [each.code for each in sharing]
    return sum((_visit(line, each, codes) for each in sharing), Counter[str]())


def _visit(line: Line, endpoint: Endpoint, sharing: Sequence[str]) -> Counter[str]:
    counted: Counter[str] = Counter()
    try:
        session = host_accounts.sign_in(line, endpoint)
        try:
            session.within(
                line.settings.sftp_seconds, lambda: _ask(line, session, endpoint, sharing, counted)
            )
        finally:
            session.close()
    except DistributionError as exc:
        log.warning("%s could not be asked for acknowledgements: %s", endpoint.code, exc)
        counted["unasked"] += 1
    except Exception as exc:  # noqa: BLE001  a visit is a unit of work: no institution stops the others' files
        # Its own words may quote a record.
        log.error("%s could not be asked for acknowledgements: %s", endpoint.code, type(exc).__name__)
        counted["unasked"] += 1
    return counted.copy()  # who was left behind may still count


def _ask(
    line: Line, session: Remote, endpoint: Endpoint, sharing: Sequence[str], counted: Counter[str]
) -> None:
    counted.update(_read(line, session, endpoint, sharing))
    _note_collected(line, session, endpoint)


def _read(line: Line, session: Remote, endpoint: Endpoint, sharing: Sequence[str]) -> Iterator[Outcome]:
    """Book each acknowledgement as soon as it is read: some hosts let a file be read once only.

    Those that cannot be read are looked at once more after all others.
    """
    folder = endpoint.ack_directory or ""
    with explained(session.account, doing=f"looking for acknowledgements in {folder}"):
        names = sorted(name for name in session.listing(folder) if acknowledgement.NAME.fullmatch(name))
    unreadable = []
    for name in names:
        arrived = _arrived(line, session, endpoint, posixpath.join(folder, name))
        if arrived.file is None:
            unreadable.append(arrived)
        else:
            yield from _booked(line, session, endpoint, arrived, sharing)
    for arrived in _seen_again(line, session, endpoint, unreadable):
        yield from _booked(line, session, endpoint, arrived, sharing)


def _seen_again(
    line: Line, session: Remote, endpoint: Endpoint, unreadable: Sequence[Arrived]
) -> Iterator[Arrived]:
    """What could not be read, a little later: whole now, or still the same. What grows is left alone."""
    if unreadable:
        time.sleep(SECOND_LOOK_SECONDS)
    for before in unreadable:
        try:
            now = _arrived(line, session, endpoint, posixpath.join(endpoint.ack_directory or "", before.name))
        except DistributionError:
            now = before  # it is gone, may be read once only, or the line broke: there is nothing more to see
        if now.file is not None or (now.sha256, now.size_bytes) == (before.sha256, before.size_bytes):
            yield now
        else:
            log.info("%s of %s is still being written: the next run reads it", before.name, endpoint.code)


def _booked(
    line: Line, session: Remote, endpoint: Endpoint, arrived: Arrived, sharing: Sequence[str]
) -> Iterator[Outcome]:
    with line.connect() as conn:
        whose = replace(arrived, di=_whose(conn, arrived, sharing))
        outcome = acknowledgements.book(conn, whose)
    try:
        with explained(session.account, doing=f"removing {arrived.name}"):
            session.remove(posixpath.join(endpoint.ack_directory or "", arrived.name))
    except DistributionError:
        pass  # it is on file: read again, it is the same acknowledgement
    if outcome is not None:
        level = logging.INFO if outcome is Outcome.AGREES else logging.ERROR
        log.log(level, "%s acknowledged by %s: %s", arrived.name, whose.di, outcome)
        yield outcome


def _whose(conn: psycopg.Connection, arrived: Arrived, sharing: Sequence[str]) -> str:
    """Whose file an acknowledgement names, of those that share the folder; the first where it names none."""
    file = files.named(conn, arrived.file) if arrived.file else None
    return file.di if file is not None and file.di in sharing else sharing[0]


def _arrived(line: Line, session: Remote, endpoint: Endpoint, path: str) -> Arrived:
    """Read an acknowledgement; of one that is too large or not of the form, nothing it states is kept."""
    name = posixpath.basename(path)
    content, size = b"", 0
    with explained(session.account, doing=f"reading {name}"):
        try:
            content = session.read(path, at_most=acknowledgement.MOST_BYTES)
        except TooLarge as exc:
            size = exc.size
    bare = Arrived(
        di=endpoint.code,
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=size or len(content),
        read_at=line.now(),
    )
    try:
        said = acknowledgement.parse(content)
    except ValueError:
        return bare
    return replace(
        bare,
        file=said.file,
        details=said.details,
        score_total=said.score_total,
        not_loaded=said.not_loaded,
        rows=[asdict(row) for row in said.rows],
    )


def _note_collected(line: Line, session: Remote, endpoint: Endpoint) -> None:
    """Note which files are gone from the folder; where nobody lets us look there is nothing to note."""
    if endpoint.look == Look.NONE:
        return
    with line.connect() as conn:
        there = acknowledgements.uncollected(conn, endpoint.code, since=line.now() - _LOOK_BACK)
        if not there:
            return
        with explained(session.account, doing="looking which files were collected"):
            if endpoint.look == Look.LIST:
                listed = {name.casefold() for name in session.listing(endpoint.directory)}
                gone = [file.file_id for file in there if file.name.casefold() not in listed]
            else:
                seen = session.stat(*(posixpath.join(endpoint.directory, file.name) for file in there))
                gone = [file.file_id for file, found in zip(there, seen, strict=True) if found is None]
        acknowledgements.note_collected(conn, gone, at=line.now())


def settle(line: Line, number: int, *, reason: str) -> str:
    """Settle an acknowledgement that needs a person, by his word. Returns its name; raises UsageError."""
    with line.connect() as conn:
        name = acknowledgements.settle(conn, number, actor=actor(), at=line.now(), note=reason)
    log.info("%s settled acknowledgement %d, %s", actor(), number, name)
    return name


def acknowledge(line: Line, name: str) -> int:
    """Acknowledge a file by a person's word. Returns its deliveries that moved; raises UsageError."""
    with line.connect() as conn:
        moved = acknowledgements.by_word(conn, name, actor=actor(), at=line.now())
    log.info("%s acknowledged %s by word", actor(), name)
    return moved
