"""Acknowledgements: read what institutions dropped back, once, and note which files they collected."""

import hashlib
import logging
import posixpath
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from distribution.channels.electronic import acknowledgement
from distribution.channels.electronic.remote import Remote, TooLarge, explained
from distribution.errors import DistributionError
from distribution.jobs import host_accounts
from distribution.jobs.wiring import Line, actor
from distribution.ledger import acknowledgements, endpoints
from distribution.ledger.acknowledgements import Arrived, Outcome
from distribution.model import Endpoint, Look

log = logging.getLogger(__name__)
_LOOK_BACK = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class AcknowledgementOutcome:
    """Files acknowledged, acknowledgements that need a person, hosts that could not be asked."""

    acknowledged: int = 0
    differing: int = 0
    unasked: int = 0


def read_acknowledgements(line: Line) -> AcknowledgementOutcome:
    """Visit every institution that has an `ack_directory`; one that cannot be reached is asked again next "
    "time."""
    with line.connect() as conn:
        early = acknowledgements.book_early(conn, at=line.now())
        agreed = [each for each in endpoints.in_force(conn).values() if each.ack_directory]
    with ThreadPoolExecutor(max(1, min(line.settings.sftp_sessions, len(agreed)))) as pool:
        found = sum(pool.map(lambda endpoint: _visit(line, endpoint), agreed), Counter[str](early))
    outcome = AcknowledgementOutcome(
        acknowledged=found[Outcome.AGREES],
        differing=sum(found[each] for each in Outcome if each is not Outcome.AGREES),
        unasked=found["unasked"],
    )
    log.info("Acknowledgements: %(acknowledged)s, %(differing)s differ, %(unasked)s unasked", asdict(outcome))
    return outcome


def _visit(line: Line, endpoint: Endpoint) -> Counter[str]:
    counted: Counter[str] = Counter()
    try:
        session = host_accounts.sign_in(line, endpoint)
        try:
            session.within(line.settings.sftp_seconds, lambda: _ask(line, session, endpoint, counted))
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


def _ask(line: Line, session: Remote, endpoint: Endpoint, counted: Counter[str]) -> None:
    counted.update(_read(line, session, endpoint))
    _note_collected(line, session, endpoint)


def _read(line: Line, session: Remote, endpoint: Endpoint) -> Iterator[Outcome]:
    """Book each acknowledgement as soon as it is read: some hosts let a file be read once only."""
    folder = endpoint.ack_directory or ""
    with explained(session.account, doing=f"looking for acknowledgements in {folder}"):
        names = sorted(name for name in session.listing(folder) if acknowledgement.NAME.fullmatch(name))
    for name in names:
        path = posixpath.join(folder, name)
        arrived = _arrived(line, session, endpoint, path)
        with line.connect() as conn:
            outcome = acknowledgements.book(conn, arrived)
        try:
            with explained(session.account, doing=f"removing {name}"):
                session.remove(path)
        except DistributionError:
            pass  # it is on file: read again, it is the same acknowledgement
        if outcome is not None:
            level = logging.INFO if outcome is Outcome.AGREES else logging.ERROR
            log.log(level, "%s acknowledged by %s: %s", name, endpoint.code, outcome)
            yield outcome


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


def acknowledge(line: Line, name: str) -> int:
    """Acknowledge a file by a person's word. Returns its deliveries that moved; raises UsageError."""
    with line.connect() as conn:
        moved = acknowledgements.by_word(conn, name, actor=actor(), at=line.now())
    log.info("%s acknowledged %s by word", actor(), name)
    return moved
