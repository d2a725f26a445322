"""Build the electronic files: numbers, bytes and claims, in one transaction per chunk of institutions."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd
import psycopg

from distribution.channels.electronic import schedule, score_file
from distribution.channels.electronic.score_file import Form, Header
from distribution.errors import DistributionError
from distribution.jobs import file_forms, file_outbox, sealing
from distribution.jobs.fit_records import fit_records
from distribution.jobs.reach import Reach, reach
from distribution.jobs.wiring import Line
from distribution.ledger import deliveries, files, institutions, transfers
from distribution.model import (
    Channel,
    DeliveryHoldReason,
    DeliveryState,
    Endpoint,
    FileKind,
)

__all__ = ["BuildOutcome", "Reach", "build_files", "reach"]

log = logging.getLogger(__name__)
_CHUNK_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """What building came to, in deliveries: in new files, newly held, paused or not on their weekday.

    `dis`: institutions with files to send. `transliterated`: records spelled out for the sake of an encoding.
    """

    dis: tuple[str, ...]
    built: int
    held: int
    waiting: int
    transliterated: int = 0


@dataclass(slots=True)
class _Chunk:
    """What one chunk of institutions comes to."""

    planned: list[files.NewFile] = field(default_factory=list)
    claims: dict[str, list[int]] = field(default_factory=dict)
    failures: dict[str, DistributionError] = field(default_factory=dict)
    contents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    held: int = 0

    @property
    def built(self) -> int:
        return sum(each.details for each in self.planned)

    @property
    def transliterated(self) -> int:
        return sum(each.transliterated for each in self.planned)


def build_files(line: Line, *, run_id: str | None, on: date) -> BuildOutcome:
    """Build a file for each institution that is due and has deliveries waiting; a rerun builds what is left.

    Deliveries whose text does not fit a field, or whose institution has no endpoint, are held. An institution
    that wants a file on empty days gets one, once per date. A file that cannot be encrypted takes its number
    and fails.
    """
    with line.connect() as conn:
        tonight = reach(conn, on=on)
        pending = files.pending_by_di(conn)
        held = _hold_unreachable(conn, [di for di in pending if di not in tonight.endpoints], tonight)
        held += _hold_unreachable(conn, [di for di in pending if di in tonight.unconfirmed], tonight)
    built = transliterated = 0
    due = [di for di in pending if tonight.is_due(di)]
    for dis in _chunks(due, pending):
        chunk = _build_chunk(line, dis, tonight, run_id=run_id)
        built, held = built + chunk.built, held + chunk.held
        transliterated += chunk.transliterated
    _build_chunk(line, _with_nothing_to_send(line, tonight), tonight, run_id=run_id, empty=True)
    with line.connect() as conn:
        to_send = {file.di for file in files.open_files(conn) if tonight.may_leave(file)}
        waiting = _waiting(conn, tonight)
    outcome = BuildOutcome(
        dis=tuple(sorted(to_send)),
        built=built,
        held=held,
        waiting=waiting,
        transliterated=transliterated,
    )
    log.info(
        "Built files for %d institutions: %d deliveries, %d held, %d waiting, %d transliterated",
        len(outcome.dis),
        built,
        held,
        waiting,
        transliterated,
    )
    return outcome


def _hold_unreachable(conn: psycopg.Connection, dis: Sequence[str], tonight: Reach) -> int:
    if not dis:
        return 0
    frame = deliveries.contents(
        conn, channel=Channel.ELECTRONIC, states=[DeliveryState.PENDING], recipients=dis
    )
    waits_for_confirm = frame["recipient"].isin(sorted(tonight.unconfirmed)).to_numpy()
    reasons = np.where(
        waits_for_confirm,
        DeliveryHoldReason.CHANGE_UNCONFIRMED.value,
        DeliveryHoldReason.NO_ENDPOINT.value,
    )
    return deliveries.hold(conn, frame[["delivery_id"]].assign(reason=reasons))


def _chunks(dis: Sequence[str], pending: Mapping[str, int]) -> Iterator[list[str]]:
    """Institutions in chunks of bounded rows, so that memory does not grow with the night."""
    chunk: list[str] = []
    rows = 0
    for di in dis:
        if chunk and rows + pending[di] > _CHUNK_ROWS:
            yield chunk
            chunk, rows = [], 0
        chunk.append(di)
        rows += pending[di]
    if chunk:
        yield chunk


def _with_nothing_to_send(line: Line, tonight: Reach) -> list[str]:
    """The institutions that want a file on a day without records, and have none of this date yet."""
    wanting = [di for di, each in tonight.endpoints.items() if each.empty_file and tonight.is_due(di)]
    if not wanting:
        return []
    with line.connect() as conn:
        frame = institutions.in_force(conn, tonight.on)
        served = frame[(frame["delivery_method"] == Channel.ELECTRONIC) & (frame["status"] == "active")]
        waiting = files.pending_by_di(conn)
        have_one = files.have_one_of(conn, wanting, on=tonight.on)
    return sorted(set(wanting) & set(served["code"]) - set(waiting) - have_one)


def _build_chunk(
    line: Line, dis: Sequence[str], tonight: Reach, *, run_id: str | None, empty: bool = False
) -> _Chunk:
    """Files for the deliveries that wait; with `empty`, one without records for each institution."""
    chunk = _Chunk()
    if not dis:
        return chunk
    created = line.now().replace(microsecond=0)
    with line.connect() as conn:
        last = files.lock_sequences(conn, dis)
        plan = _Plan(line, chunk, tonight, run_id)
        waiting = deliveries.contents(
            conn, channel=Channel.ELECTRONIC, states=[DeliveryState.PENDING], recipients=dis
        )
        for form, group in _by_form(waiting, tonight.endpoints):
            fitted = fit_records(conn, group, form)
            chunk.held += fitted.held
            for di, start, stop in _slices(fitted.contents["recipient"]):
                ids = fitted.contents["delivery_id"].to_numpy()[start:stop].tolist()
                numbered = Header(di, last[di] + 1, last[di], created, FileKind.NEW)
                plan.file(numbered, fitted.lines, form, ids, start=start, stop=stop)
        for di in dis if empty else ():
            form = file_forms.form_of(tonight.endpoints[di])
            nothing = score_file.format_details(waiting.iloc[:0], form)
            plan.file(Header(di, last[di] + 1, last[di], created, FileKind.NEW), nothing, form, [])
        files.record(conn, chunk.planned, chunk.claims)
        _note_failures(conn, chunk)
    # The ledger can write these bytes again, so they are kept after the commit.
    for file in chunk.planned:
        contents = chunk.contents.pop(file.name, {})
        file_outbox.keep(line, di=file.di, contents=contents, encrypted=file.encrypted_for is not None)
    return chunk


def _note_failures(conn: psycopg.Connection, chunk: _Chunk) -> None:
    for name, exc in chunk.failures.items():
        file = files.named(conn, name)
        assert file is not None
        transfers.fail(conn, file.file_id, failure=str(exc.code), detail=str(exc))
        fields = {"remote_name": name, "di": file.di, "code": exc.code}
        log.error("%(remote_name)s could not be written for %(di)s: %(code)s", fields, extra=fields)


def _by_form(waiting: pd.DataFrame, known: Mapping[str, Endpoint]) -> Iterator[tuple[Form, pd.DataFrame]]:
    """The deliveries of the institutions that want the same form, each group in one frame."""
    wanted = {
        di: (
            known[di].layout,
            known[di].encoding,
            known[di].newline,
            known[di].control or "",
            known[di].publish,
        )
        for di in waiting["recipient"].unique()
    }
    for form in sorted(set(wanted.values())):
        dis = [di for di in wanted if wanted[di] == form]
        yield file_forms.form_of(known[dis[0]]), waiting[waiting["recipient"].isin(dis)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The files of one chunk as they get their numbers."""

    line: Line
    chunk: _Chunk
    tonight: Reach
    run_id: str | None

    def file(
        self,
        header: Header,
        lines: score_file.DetailLines,
        form: Form,
        ids: list[int],
        *,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        """One file: an institution's slice of the lines under its next number."""
        endpoint = self.tonight.endpoints[header.di]
        seal, fault = None, None
        try:
            seal = sealing.seal_for(self.line, endpoint, form.layout, di=header.di)
            written = score_file.compose(header, lines, form, start=start, stop=stop, seal=seal)
        except DistributionError as exc:
            # It takes its number all the same, so that the files of the institution stay in order.
            fault = exc
            written = _without_bytes(score_file.compose(header, lines, form, start=start, stop=stop))
        file = file_outbox.new_file(
            header,
            form,
            written,
            on=self.tonight.on,
            run_id=self.run_id,
            seal=seal,
            encrypted=endpoint.pgp_key is not None or form.layout.pgp,
            pattern=endpoint.file_name,
        )
        self.chunk.planned.append(file)
        self.chunk.claims[file.name] = ids
        if fault is None:
            self.chunk.contents[file.name] = file_outbox.named_contents(file, written)
        else:
            self.chunk.failures[file.name] = fault


def _without_bytes(written: score_file.ScoreFile) -> score_file.ScoreFile:
    sidecar_sha256 = "" if written.sidecar is not None else None
    return replace(written, data=b"", sha256="", sidecar_sha256=sidecar_sha256)


def _slices(recipients: pd.Series) -> Iterator[tuple[str, int, int]]:
    """Each institution's run of rows in a frame that is sorted by institution."""
    codes = recipients.to_numpy(dtype=object)
    if not len(codes):
        return
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    for start, stop in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield str(codes[start]), int(start), int(stop)


def _waiting(conn: psycopg.Connection, tonight: Reach) -> int:
    """Deliveries that wait: their institution is paused or on paper, or it is not their weekday."""
    pending = files.pending_by_di(conn)
    still = {di for di, endpoint in tonight.endpoints.items() if schedule.is_paused(endpoint, on=tonight.on)}
    kept_back = files.claimed_by(conn, sorted(still | tonight.on_paper))
    return sum(pending[di] for di in pending if not tonight.is_due(di)) + kept_back
