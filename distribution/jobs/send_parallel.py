"""A second layout for a time: each live file once more as a test, in the layout that is tried."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd
import psycopg

from distribution.channels.electronic import score_file
from distribution.channels.electronic.record_layout import Layout, RecordKind
from distribution.channels.electronic.score_file import DetailLines, Form
from distribution.errors import DistributionError
from distribution.jobs import file_forms, sealing, send_files, send_test
from distribution.jobs.reach import reach
from distribution.jobs.visit_hosts import Errand
from distribution.jobs.wiring import Line, actor
from distribution.ledger import deliveries, endpoints, files, parallel_files
from distribution.model import Endpoint

log = logging.getLogger(__name__)
_MARK = "ZZTEST"


@dataclass(frozen=True, slots=True)
class ParallelOutcome:
    """The parallel files that arrived, and those that did not, by name."""

    sent: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()


def send_parallel(line: Line, *, on: date) -> ParallelOutcome:
    """Send what arrived live once more, in the second layout, to the test folder; call it when all live
    files have gone.

    A live file has one such file, however often this runs. An institution that has a live file to get is left
    alone. What fails is recorded and logged, moves no delivery, and is tried again up to the last day. Raises
    what the ledger raises.
    """
    with line.connect() as conn:
        tonight = reach(conn, on=on)
        trying = [code for code, endpoint in tonight.endpoints.items() if endpoint.parallel]
        if not trying:
            return ParallelOutcome()
        behind = {file.di for file in files.open_files(conn, dis=trying)}
    served = [code for code in trying if tonight.can_be_sent_to(code) and code not in behind]
    at = {
        code: _as_tried(tonight.endpoints[code])
        for code in served
        if is_tried(tonight.endpoints[code], on=on)
    }
    for endpoint in at.values():
        _write_lacking(line, endpoint, on=on)
    with line.connect() as conn:
        found = [file for file in parallel_files.to_send(conn, list(at)) if _is_agreed(file, at[file.di])]
    sent = send_files.deliver(Errand(line, None, frozenset()), found, at)
    _note_shown(line, trying)
    if found:
        log.info("Second layouts: arrived %d, not arrived %d", len(sent.files), len(sent.unsent))
    return ParallelOutcome(sent.files, sent.unsent)


def is_tried(endpoint: Endpoint, *, on: date) -> bool:
    """True while the institution tries a second layout, its last day included."""
    return endpoint.parallel is not None and on <= date.fromisoformat(endpoint.parallel.until)


def _as_tried(endpoint: Endpoint) -> Endpoint:
    """The endpoint with the second layout and its folder in the place of the live ones."""
    assert endpoint.parallel is not None
    assert endpoint.parallel_folder is not None
    return replace(send_test.at_folder(endpoint, endpoint.parallel_folder), layout=endpoint.parallel.layout)


def _is_agreed(file: files.ScoreFile, endpoint: Endpoint) -> bool:
    """False for a file of an earlier agreement, or for another PGP key than the one in force."""
    key = sealing.key_or_none(endpoint.pgp_key)
    return file.layout == endpoint.layout and file.encrypted_for == (key.fingerprint if key else None)


def _write_lacking(line: Line, endpoint: Endpoint, *, on: date) -> None:
    with line.connect() as conn:
        since = endpoints.parallel_since(conn, endpoint.code)
        assert since is not None
        lacking = parallel_files.lacking(conn, endpoint.code, since=since)
    for live in lacking:
        try:
            with line.connect() as conn:
                _write(line, conn, live, endpoint, on=on)
        except DistributionError as exc:
            log.error("%s could not be written in layout %s: %s", live.name, endpoint.layout, exc)
            return


def _write(
    line: Line, conn: psycopg.Connection, live: files.ScoreFile, endpoint: Endpoint, *, on: date
) -> None:
    files.lock_sequences(conn, [endpoint.code], test=True)
    if parallel_files.has_one(conn, live.name):
        return  # another run was faster
    form = file_forms.form_of(endpoint)
    contents, lines = fitting(_contents(conn, live), form)
    planned, _ = send_test.numbered(
        line,
        conn,
        endpoint,
        on=on,
        compose=lambda header, form, seal: score_file.compose(header, lines, form, seal=seal),
        original=live.name,
    )
    if left_out := live.details - len(contents):
        fields = {"remote_name": live.name, "records": left_out, "layout": endpoint.layout}
        log.warning("%(records)s records of %(remote_name)s do not fit %(layout)s", fields, extra=fields)
    log.info("%s repeats %s in layout %s", planned.name, live.name, endpoint.layout)


def _contents(conn: psycopg.Connection, live: files.ScoreFile) -> pd.DataFrame:
    """The records of a live file; a number that was given up carries none."""
    found = files.attached(conn, live)
    return found if live.details else found.iloc[:0]


def fitting(contents: pd.DataFrame, form: Form) -> tuple[pd.DataFrame, DetailLines]:
    """The records that fit the layout, and their lines, with last names that begin with ZZTEST.

    `contents`: as `ledger.deliveries.contents` gives them.
    """
    marked = contents.assign(last_name=_marked(contents["last_name"], form.layout))
    lines = score_file.format_details(marked, form)
    if not lines.unfit.any():
        return contents, lines
    return contents[~lines.unfit], score_file.format_details(marked[~lines.unfit], form)


def _marked(last_names: pd.Series, layout: Layout) -> pd.Series:
    """Names as test files bear them; a long one is cut, so that the mark is no reason not to fit."""
    fields = layout.records[RecordKind.DETAIL]
    length = next(field.length for field in fields if field.name == "last_name")
    return (_MARK + last_names).str.slice(0, length)


def _note_shown(line: Line, dis: Sequence[str]) -> None:
    """Write into the disclosure log whose records stand in the parallel files that arrived."""
    with line.connect() as conn:
        for file in parallel_files.not_disclosed(conn, dis):
            live = files.named(conn, file.original_name or "")
            assert live is not None
            shown, _ = fitting(_contents(conn, live), file_forms.form_of_file(file))
            deliveries.disclose(
                conn, delivery_ids=shown["delivery_id"].tolist(), artefact=file.name, actor=actor()
            )
