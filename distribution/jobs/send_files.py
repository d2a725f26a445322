"""Send the electronic files: a bounded pool of sessions, each institution's files in order, each proved."""

import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import psycopg

from distribution.channels.electronic import drop, session
from distribution.channels.electronic.session import Account, Session
from distribution.errors import DistributionError
from distribution.jobs import build_files as building
from distribution.jobs import file_outbox, secrets
from distribution.jobs.build_files import BuildOutcome, build_files
from distribution.jobs.wiring import Line, actor
from distribution.ledger import files, locks, transfers
from distribution.model import Channel, Endpoint, FailureCode, FileState, Receipt

__all__ = ["BuildOutcome", "SendOutcome", "build_files", "retry", "send_files"]

log = logging.getLogger(__name__)
_FAILURES = frozenset(code.value for code in FailureCode)
# sshd turns away at random whoever comes while ten others sign in (MaxStartups 10:30:100).
_SIGN_INS_PER_HOST = 4
_CONNECT_TRIES = 4


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What sending came to: deliveries delivered, newly failed and newly held; the files that arrived.

    `unsent`: files that did not arrive: they failed, or wait for a change or behind another file.
    """

    delivered: int = 0
    failed: int = 0
    held: int = 0
    files: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Round:
    """The institutions that one session serves: same host, user and credential."""

    endpoint: Endpoint
    files: tuple[tuple[Endpoint, tuple[files.ScoreFile, ...]], ...]


@dataclass(slots=True)
class _Tally:
    delivered: int = 0
    failed: int = 0
    held: int = 0
    files: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)


class _Stop(Exception):  # no error: the institution's later files stay behind
    """No more files for this institution now."""


def send_files(line: Line, *, run_id: str | None, on: date, dis: Sequence[str] | None = None) -> SendOutcome:
    """Send what is built or failed, for `dis` or for everyone; one institution's trouble stops no other.

    Files that wait for a change of their institution, and institutions that are paused, are left alone.
    Raises what the ledger raises; a host's faults are recorded with their code.
    """
    with line.connect() as conn:
        tonight = building.reach(conn, on=on)
        found = files.open_files(conn, dis=None if dis is None else list(dis))
        stuck = transfers.stuck(conn)
    sendable = [file for file in found if tonight.can_be_sent_to(file.di)]
    rounds = _rounds(sendable, tonight)
    sender = _Sender(line, run_id=run_id, stuck=stuck, rounds=rounds)
    return sender.send()


def retry(line: Line, *, on: date, dis: Sequence[str] | None = None) -> SendOutcome:
    """Try failed files again although nothing changed at the institution, at once."""
    with line.connect() as conn:
        lifted = transfers.lift(conn, dis=None if dis is None else list(dis))
    return send_files(line, run_id=None, on=on, dis=lifted) if lifted else SendOutcome()


def _rounds(sendable: Iterable[files.ScoreFile], tonight: building.Reach) -> list[_Round]:
    """The files by session: those of institutions that share an account go through one."""
    by_account: dict[tuple[str, int, str, str, str], list[tuple[Endpoint, tuple[files.ScoreFile, ...]]]] = {}
    for di, of_di in groupby(sendable, key=lambda file: file.di):
        endpoint = tonight.endpoints[di]
        account = (
            endpoint.host,
            endpoint.port,
            endpoint.username,
            endpoint.host_key,
            endpoint.credential,
        )
        by_account.setdefault(account, []).append((endpoint, tuple(of_di)))
    return [_Round(visits[0][0], tuple(visits)) for visits in by_account.values()]


class _Sender:
    """One call's pool of workers; each has a connection to the ledger and serves one account at a time."""

    def __init__(self, line: Line, *, run_id: str | None, stuck: frozenset[int], rounds: list[_Round]):
        self._line, self._run_id, self._stuck = line, run_id, stuck
        self._rounds: queue.SimpleQueue[_Round] = queue.SimpleQueue()
        for each in rounds:
            self._rounds.put(each)
        self._workers = min(line.settings.sftp_sessions, len(rounds))
        self._doors = {
            (each.endpoint.host, each.endpoint.port): threading.BoundedSemaphore(_SIGN_INS_PER_HOST)
            for each in rounds
        }

    def send(self) -> SendOutcome:
        if not self._workers:
            return SendOutcome()
        with ThreadPoolExecutor(self._workers, thread_name_prefix="sftp") as pool:
            tallies = [each.result() for each in [pool.submit(self._work) for _ in range(self._workers)]]
        return SendOutcome(
            delivered=sum(tally.delivered for tally in tallies),
            failed=sum(tally.failed for tally in tallies),
            held=sum(tally.held for tally in tallies),
            files=tuple(sorted(name for tally in tallies for name in tally.files)),
            unsent=tuple(sorted(name for tally in tallies for name in tally.unsent)),
        )

    def _work(self) -> _Tally:
        tally = _Tally()
        with self._line.connect(autocommit=True) as conn:
            while True:
                try:
                    served = self._rounds.get_nowait()
                except queue.Empty:
                    return tally
                _Visits(self, conn, served, tally).make()

    def connect(self, endpoint: Endpoint) -> Session:
        """Sign in; a line that breaks before that is tried again: busy hosts turn callers away."""
        secret = secrets.read_secret(self._line.settings, endpoint.credential)
        account = Account(
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.username,
            host_key=endpoint.host_key,
            key=secret.key,
            password=secret.password,
        )
        for attempt in range(1, _CONNECT_TRIES + 1):
            try:
                with self._doors[endpoint.host, endpoint.port]:
                    return session.connect(account, seconds=self._line.settings.sftp_seconds)
            except DistributionError as exc:
                if exc.code != FailureCode.CONNECTION_LOST or attempt == _CONNECT_TRIES:
                    raise
                time.sleep(0.5 * attempt)
        raise AssertionError("unreachable")

    def transfer(self, conn: psycopg.Connection, line_out: Session, endpoint: Endpoint, file_id: int) -> int:
        """Publish one file and record its delivery. Returns its deliveries."""
        file = files.read(conn, file_id)
        while True:
            content = file_outbox.content_of(self._line, conn, file)
            notes = _Notes(conn, file)
            try:
                drop.publish(
                    line_out,
                    endpoint.directory,
                    _parcels(file, content),
                    notes=notes,
                    seconds=self._line.settings.sftp_seconds,
                )
            except files.ContentChanged:
                file = file_outbox.rewrite(self._line, conn, file)
                continue
            return transfers.deliver(
                conn,
                file,
                attempt=notes.attempt,
                receipt=self._receipt(file, endpoint),
                actor=actor(),
                run_id=self._run_id,
            )

    def _receipt(self, file: files.ScoreFile, endpoint: Endpoint) -> Receipt:
        return Receipt(
            channel=Channel.ELECTRONIC,
            subject=file.name,
            records=file.details,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            received_at=self._line.now(),
            remote_name=f"{endpoint.host}:{endpoint.port}{endpoint.directory.rstrip('/')}/{file.name}",
        )

    def is_stuck(self, file: files.ScoreFile) -> bool:
        return file.file_id in self._stuck


class _Notes:
    """The ledger's notes of one transfer."""

    def __init__(self, conn: psycopg.Connection, file: files.ScoreFile):
        self._conn, self._file, self.attempt = conn, file, 0

    def begin(self) -> int:
        self.attempt = transfers.begin(self._conn, self._file)
        return self.attempt

    def renaming(self, name: str, upload: int) -> None:
        transfers.note_renaming(
            self._conn,
            self._file.file_id,
            attempt=self.attempt,
            upload=upload,
            is_sidecar=name == self._file.sidecar_name,
        )


def _parcels(file: files.ScoreFile, content: file_outbox.Content) -> list[drop.Parcel]:
    """The data file, and after it the sidecar: who waits for the sidecar finds the data whole."""
    parcels = [drop.Parcel(file.name, content.data, file.renaming_attempt)]
    if file.sidecar_name and content.sidecar is not None:
        parcels.append(drop.Parcel(file.sidecar_name, content.sidecar, file.sidecar_renaming_attempt))
    return parcels


class _Visits:
    """The institutions of one account, one after the other through one session."""

    def __init__(self, sender: _Sender, conn: psycopg.Connection, served: _Round, tally: _Tally):
        self._sender, self._conn, self._served, self._tally = sender, conn, served, tally
        self._session: Session | None = None
        self._refusal: DistributionError | None = None

    def make(self) -> None:
        with ExitStack() as at_the_end:
            at_the_end.callback(self._hang_up)
            for endpoint, of_di in self._served.files:
                self._visit(endpoint, of_di)

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _visit(self, endpoint: Endpoint, of_di: Sequence[files.ScoreFile]) -> None:
        for position, file in enumerate(of_di):
            try:
                self._send_one(endpoint, file)
            except _Stop:
                self._keep_back(of_di[position:])
                return

    def _keep_back(self, of_di: Sequence[files.ScoreFile]) -> None:
        """The first file did not arrive; those after it stay behind it."""
        first, *later = of_di
        self._tally.unsent += [file.name for file in of_di]
        for file in later:
            self._tally.failed += transfers.fail(
                self._conn,
                file.file_id,
                failure=FailureCode.BEHIND_ANOTHER_FILE,
                detail=f"{first.name} goes first and has not arrived.",
                tried=False,
            )

    def _send_one(self, endpoint: Endpoint, file: files.ScoreFile) -> None:
        if self._sender.is_stuck(file):
            raise _Stop
        with self._locked(file):
            if files.read(self._conn, file.file_id).state in (FileState.DELIVERED, FileState.ACKNOWLEDGED):
                return
            started = time.monotonic()
            try:
                self._tally.delivered += self._sender.transfer(
                    self._conn, self._line_out(), endpoint, file.file_id
                )
            except DistributionError as exc:
                self._note_failure(file, exc)
                raise _Stop from exc
            self._tally.files.append(file.name)
            fields = {
                "remote_name": file.name,
                "size_bytes": file.size_bytes,
                "ms": round((time.monotonic() - started) * 1000),
            }
            log.info("Dropped %(remote_name)s, %(size_bytes)s bytes in %(ms)s ms", fields, extra=fields)

    @contextmanager
    def _locked(self, file: files.ScoreFile) -> Iterator[None]:
        """The file's lock, on the connection that also writes about it: whoever loses it can note nothing more."""
        lock = locks.of_file(file.file_id)
        if not locks.take(self._conn, lock):
            log.warning("%s is being sent by another run", file.name)
            raise _Stop
        try:
            yield
        finally:
            if not self._conn.closed:
                locks.give_back(self._conn, lock)

    def _line_out(self) -> Session:
        """The session, opened when first needed; a host that refused is not asked again for the others."""
        if self._refusal is not None:
            raise self._refusal
        if self._session is not None and not self._session.is_alive:
            self._hang_up()
        if self._session is None:
            try:
                self._session = self._sender.connect(self._served.endpoint)
            except DistributionError as exc:
                self._refusal = exc
                raise
        return self._session

    def _note_failure(self, file: files.ScoreFile, exc: DistributionError) -> None:
        fields = {"remote_name": file.name, "di": file.di, "code": exc.code}
        if isinstance(exc, transfers.Overtaken):
            log.warning("%(remote_name)s was taken over by another run", fields, extra=fields)
            return
        if isinstance(exc, drop.AmbiguousDelivery):
            self._tally.held += transfers.hold_ambiguous(self._conn, file.file_id, detail=str(exc))
        elif exc.code in _FAILURES:
            self._tally.failed += transfers.fail(
                self._conn, file.file_id, failure=str(exc.code), detail=str(exc)
            )
        else:
            raise exc
        log.error(
            "%(remote_name)s did not reach %(di)s: %(code)s. %(what)s",
            {**fields, "what": str(exc)},
            extra=fields,
        )
