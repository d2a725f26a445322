"""Visits to the hosts: the files of one account, one institution after the other, through one session."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from distribution.channels.electronic import drop
from distribution.channels.electronic.remote import Remote, unforeseen
from distribution.errors import DistributionError
from distribution.jobs import file_outbox, host_accounts
from distribution.jobs.places import place_of, refuse_what_may_be_there, remote_name
from distribution.jobs.transfer_notes import Notes
from distribution.jobs.wiring import Line, actor
from distribution.ledger import files, locks, transfers
from distribution.model import Channel, Endpoint, FailureCode, FileState, Look, Publish, Receipt

log = logging.getLogger(__name__)
_CONNECT_TRIES = 4
_LEASES = 2  # a file that takes longer than this many times its longest time may be taken over


@dataclass(frozen=True, slots=True)
class Round:
    """The institutions that one session serves: same host, user and credential."""

    endpoint: Endpoint
    files: tuple[tuple[Endpoint, tuple[files.ScoreFile, ...]], ...]


@dataclass(slots=True)
class Tally:
    """What the visits came to so far: deliveries, and files by name."""

    delivered: int = 0
    failed: int = 0
    held: int = 0
    files: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Errand:
    """What every visit of one call shares; `stuck` files wait for a person."""

    line: Line
    run_id: str | None
    stuck: frozenset[int]


def lease_seconds(line: Line) -> float:
    """How long a sender may keep a file; one that was stopped for longer is overtaken."""
    return _LEASES * line.settings.sftp_seconds


class _Stop(Exception):  # no error: the institution's later files stay behind
    """No more files for this institution now: its later ones stay behind."""


class _Elsewhere(Exception):  # no error: the other run goes on with the institution
    """Another run has the file."""


def _parcels(file: files.ScoreFile, content: file_outbox.Content) -> list[drop.Parcel]:
    """The data file, and after it the sidecar: who waits for the sidecar finds the data whole."""
    parcels = [drop.Parcel(file.name, content.data, file.renaming_attempt, file.closing_attempt)]
    if file.sidecar_name and content.sidecar is not None:
        parcels.append(drop.Parcel(file.sidecar_name, content.sidecar, file.sidecar_renaming_attempt))
    return parcels


def _terms(endpoint: Endpoint) -> drop.Terms:
    return drop.Terms(
        directory=endpoint.directory,
        publish=Publish(endpoint.publish),
        look=Look(endpoint.look),
        temp_directory=endpoint.temp_directory,
    )


class Visits:
    """The institutions of one account, one after the other through one session.

    `conn` commits by itself; `door` bounds how many sign in to the host at one time.
    """

    def __init__(
        self,
        errand: Errand,
        conn: psycopg.Connection,
        served: Round,
        tally: Tally,
        *,
        door: threading.BoundedSemaphore,
    ):
        self._errand, self._conn, self._served, self._tally = errand, conn, served, tally
        self._door = door
        self._session: Remote | None = None
        self._refusal: DistributionError | None = None

    def make(self) -> None:
        """Send what can be sent; what fails is recorded. Raises what the ledger raises."""
        try:
            for endpoint, of_di in self._served.files:
                self._visit(endpoint, of_di)
        finally:
            self._hang_up()

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
            except _Elsewhere:
                self._tally.unsent += [later.name for later in of_di[position:]]
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
        if file.file_id in self._errand.stuck:
            raise _Stop
        with self._leased(file):
            if files.read(self._conn, file.file_id).state in (FileState.DELIVERED, FileState.ACKNOWLEDGED):
                return
            started = time.monotonic()
            try:
                self._tally.delivered += self._transfer(endpoint, file.file_id)
            except transfers.Overtaken as exc:
                log.warning("%s was taken over by another run", file.name)
                raise _Elsewhere from exc
            self._tally.files.append(file.name)
            fields = {
                "remote_name": file.name,
                "size_bytes": file.size_bytes,
                "ms": round((time.monotonic() - started) * 1000),
            }
            log.info("Dropped %(remote_name)s, %(size_bytes)s bytes in %(ms)s ms", fields, extra=fields)

    @contextmanager
    def _leased(self, file: files.ScoreFile) -> Iterator[None]:
        """The file's lease, on the connection that also writes: who loses it can note nothing more."""
        if not transfers.lease(self._conn, file.file_id, seconds=lease_seconds(self._errand.line)):
            log.warning("%s is being sent by another run", file.name)
            raise _Elsewhere
        try:
            yield
        finally:
            if not self._conn.closed:
                locks.give_back(self._conn, locks.of_file(file.file_id))

    def _line_out(self) -> tuple[Remote, float]:
        """The session, opened when first needed, and the seconds that are left for a file.

        A host that refused is not asked again for the others.
        """
        left = self._errand.line.settings.sftp_seconds
        if self._refusal is not None:
            raise self._refusal
        if self._session is not None and not self._session.is_alive:
            self._hang_up()
        if self._session is None:
            try:
                self._session, left = self._connect(self._served.endpoint, seconds=left)
            except DistributionError as exc:
                self._refusal = exc
                raise
        return self._session, left

    def _note_failure(self, file: files.ScoreFile, exc: DistributionError, *, attempt: int) -> None:
        if not isinstance(exc, drop.AmbiguousDelivery):
            self._tally.failed += transfers.fail(
                self._conn, file.file_id, failure=str(exc.code), detail=str(exc), attempt=attempt
            )
        elif file.details:
            self._tally.held += transfers.hold_ambiguous(
                self._conn, file.file_id, detail=str(exc), attempt=attempt
            )
        else:
            is_another = isinstance(exc, drop.AnotherFile)
            failure = FailureCode.REFUSED_BY_HOST if is_another else FailureCode.CONNECTION_LOST
            transfers.repeat(self._conn, file.file_id, failure=failure, detail=str(exc), attempt=attempt)
        fields = {"remote_name": file.name, "di": file.di, "code": exc.code}
        log.error(
            "%(remote_name)s did not reach %(di)s: %(code)s. %(what)s",
            {**fields, "what": str(exc)},
            extra=fields,
        )

    def _connect(self, endpoint: Endpoint, *, seconds: float) -> tuple[Remote, float]:
        """Sign in within `seconds`, and tell what is left of them; waiting for the others' turn is free.

        A line that breaks before that is tried again: busy hosts turn callers away.
        """
        left = seconds
        for attempt in range(1, _CONNECT_TRIES + 1):
            with self._door:
                began = time.monotonic()
                try:
                    opened = host_accounts.sign_in(self._errand.line, endpoint, seconds=left)
                except DistributionError as exc:
                    left -= time.monotonic() - began
                    if exc.code != FailureCode.CONNECTION_LOST or attempt == _CONNECT_TRIES or left <= 0:
                        raise
                else:
                    return opened, left - (time.monotonic() - began)
            time.sleep(0.5 * attempt)
        raise AssertionError("unreachable")

    def _transfer(self, endpoint: Endpoint, file_id: int) -> int:
        """Publish one file and record its delivery. Returns its deliveries; _Stop for one that fails."""
        file = files.read(self._conn, file_id)
        while True:
            notes = Notes(self._conn, file, place=place_of(endpoint, file))
            try:
                self._publish(endpoint, file, notes)
                break
            except files.ContentChanged:
                file = file_outbox.rewrite(self._errand.line, self._conn, file)
            except (transfers.Overtaken, psycopg.Error):
                raise
            except DistributionError as exc:
                self._note_failure(file, exc, attempt=notes.attempt)
                raise _Stop from exc
            except Exception as exc:
                # A visit is a unit of work: nothing that one host makes us stumble over stops the others'.
                self._note_failure(
                    file, unforeseen(f"{endpoint.host}:{endpoint.port}", exc), attempt=notes.attempt
                )
                raise _Stop from exc
        return transfers.deliver(
            self._conn,
            file,
            attempt=notes.attempt,
            receipt=self._receipt(file, endpoint),
            actor=actor(),
            run_id=self._errand.run_id,
        )

    def _publish(self, endpoint: Endpoint, file: files.ScoreFile, notes: Notes) -> None:
        refuse_what_may_be_there(self._conn, file, place_of(endpoint, file))
        content = file_outbox.content_of(self._errand.line, self._conn, file)
        line_out, left = self._line_out()
        try:
            drop.publish(line_out, _terms(endpoint), _parcels(file, content), notes=notes, seconds=left)
        finally:
            notes.end()

    def _receipt(self, file: files.ScoreFile, endpoint: Endpoint) -> Receipt:
        return Receipt(
            channel=Channel.ELECTRONIC,
            subject=file.name,
            records=file.details,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            received_at=self._errand.line.now(),
            remote_name=remote_name(place_of(endpoint, file), file.name),
        )
