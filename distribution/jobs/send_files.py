"""Send the electronic files: a bounded pool of sessions, each institution's files in order, each proved."""

import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from distribution.channels.electronic import openssh_folder
from distribution.jobs import build_files as building
from distribution.jobs.build_files import BuildOutcome, build_files
from distribution.jobs.visit_hosts import Errand, Round, Tally, Visits, lease_seconds
from distribution.jobs.wiring import Line
from distribution.ledger import acknowledgements, files, transfers
from distribution.model import Endpoint, Transport

__all__ = ["BuildOutcome", "KeptBack", "SendOutcome", "build_files", "retry", "send_files"]

# sshd turns away at random whoever comes while ten others sign in (MaxStartups 10:30:100).
_SIGN_INS_PER_HOST = 4


@dataclass(frozen=True, slots=True)
class KeptBack:
    """A file that was not tried, because its institution or all sending stands still; `why` ends it."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What sending came to: deliveries delivered, newly failed and newly held; the files that arrived.

    `unsent`: files that did not arrive: they failed, or wait for a change or behind another file.
    `kept_back`: files that were not tried.
    """

    delivered: int = 0
    failed: int = 0
    held: int = 0
    files: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()
    kept_back: tuple[KeptBack, ...] = ()


def send_files(line: Line, *, run_id: str | None, on: date, dis: Sequence[str] | None = None) -> SendOutcome:
    """Send what is built or failed, for `dis` or for everyone; one institution's trouble stops no other.

    Files that wait for a change of their institution, and institutions that are paused or on paper, are left
    alone. Raises what the ledger raises; a host's faults are recorded with their code.
    """
    with line.connect() as conn:
        tonight = building.reach(conn, on=on)
        found = files.open_files(conn, dis=None if dis is None else list(dis))
        stuck = transfers.stuck(conn)
    kept_back = {file.name: why for file in found if (why := tonight.why_waiting(file))}
    sendable = [file for file in found if file.name not in kept_back]
    sent = deliver(Errand(line, run_id, stuck), sendable, tonight.endpoints)
    with line.connect() as conn:
        acknowledgements.book_early(conn, at=line.now())
    return replace(sent, kept_back=tuple(KeptBack(name, why) for name, why in kept_back.items()))


def deliver(errand: Errand, sendable: Iterable[files.ScoreFile], at: Mapping[str, Endpoint]) -> SendOutcome:
    """Send files of institutions, in their order, to their endpoints by code, through a pool of sessions."""
    openssh_folder.sweep(errand.line.settings.sftp_folders)
    return _Pool(errand, _rounds(sendable, at)).send()


def retry(line: Line, *, on: date, dis: Sequence[str] | None = None) -> SendOutcome:
    """Try failed files again although nothing changed at the institution, at once."""
    with line.connect() as conn:
        lifted = transfers.lift(conn, dis=None if dis is None else list(dis))
    return send_files(line, run_id=None, on=on, dis=lifted) if lifted else SendOutcome()


def _rounds(sendable: Iterable[files.ScoreFile], at: Mapping[str, Endpoint]) -> list[Round]:
    """The files by session: those of institutions that share an account go through one."""
    by_account: dict[tuple[str | int, ...], list[tuple[Endpoint, tuple[files.ScoreFile, ...]]]] = {}
    for di, of_di in groupby(sendable, key=lambda file: file.di):
        endpoint = at[di]
        account = (
            endpoint.host,
            endpoint.port,
            endpoint.username,
            endpoint.host_key,
            endpoint.credential,
            endpoint.transport or Transport.PARAMIKO,
        )
        by_account.setdefault(account, []).append((endpoint, tuple(of_di)))
    return [Round(visits[0][0], tuple(visits)) for visits in by_account.values()]


class _Pool:
    """One call's workers; each has a connection to the ledger and serves one account at a time."""

    def __init__(self, errand: Errand, rounds: list[Round]):
        self._errand = errand
        self._rounds: queue.SimpleQueue[Round] = queue.SimpleQueue()
        for each in rounds:
            self._rounds.put(each)
        self._workers = min(errand.line.settings.sftp_sessions, len(rounds))
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

    def _work(self) -> Tally:
        tally = Tally()
        with self._errand.line.connect(autocommit=True) as conn:
            transfers.bound_transactions(conn, seconds=lease_seconds(self._errand.line))
            while True:
                try:
                    served = self._rounds.get_nowait()
                except queue.Empty:
                    return tally
                door = self._doors[served.endpoint.host, served.endpoint.port]
                Visits(self._errand, conn, served, tally, door=door).make()
