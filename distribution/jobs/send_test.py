"""Test files: invented people to an institution's test folder, with a count of their own."""

import logging
import posixpath
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg

from distribution.channels.electronic import drop, sample
from distribution.channels.electronic.score_file import Form, Header, ScoreFile
from distribution.errors import UsageError
from distribution.jobs import file_forms, file_outbox, host_accounts, sealing
from distribution.jobs.sealing import Seal
from distribution.jobs.wiring import Line, actor
from distribution.ledger import endpoints, files
from distribution.model import Endpoint, FileKind, Look, Publish

log = logging.getLogger(__name__)


class _NoNotes:
    """A test file is written once under a number of its own: there is nothing to take up again."""

    def begin(self) -> int:
        return 1

    def closing(self, name: str, upload: int) -> None:
        pass

    def renaming(self, name: str, upload: int) -> None:
        pass

    def undone(self, name: str) -> None:
        pass


def send_test(line: Line, code: str, *, on: date) -> dict[str, Any]:
    """Send invented people to an institution's test folder: never its live folder, never a live number.

    Keys: code, file, control, place, records. Raises UsageError where no test folder is agreed, and what a
    delivery raises.
    """
    with line.connect() as conn:
        endpoint = endpoints.of(conn, code)
    folder = _test_folder(endpoint, code)
    assert endpoint is not None
    planned, written = _numbered(line, endpoint, on=on)
    parcels = [drop.Parcel(planned.name, written.data)]
    if planned.sidecar_name and written.sidecar is not None:
        parcels.append(drop.Parcel(planned.sidecar_name, written.sidecar))
    state = "failed"
    try:
        _publish(line, at_folder(endpoint, folder), parcels)
        state = "delivered"
    finally:
        with line.connect() as conn:
            files.end_test(conn, planned.name, state=state, at=line.now())
    log.info("Sent the test file %s to %s", planned.name, code)
    return {
        "code": code,
        "file": planned.name,
        "control": planned.sidecar_name,
        "place": f"{endpoint.host}:{endpoint.port}{posixpath.join(folder, planned.name)}",
        "records": planned.details,
    }


def _test_folder(endpoint: Endpoint | None, code: str) -> str:
    if endpoint is None:
        raise UsageError(f"No endpoint of {code} is in force. `institution load-endpoints FILE` loads one.")
    folder = endpoint.test_directory
    if not folder:
        raise UsageError(
            f"No test folder of {code} is agreed, and a test file never goes to the live one: some loaders "
            "create the people they do not find. Agree on a folder and load it as `test_directory`."
        )
    if posixpath.normpath(folder) == posixpath.normpath(endpoint.directory):
        raise UsageError(f"The test folder of {code} is its live folder. Agree on another one.")
    return folder


def _numbered(line: Line, endpoint: Endpoint, *, on: date) -> tuple[files.NewFile, ScoreFile]:
    with line.connect() as conn:
        return numbered(
            line,
            conn,
            endpoint,
            on=on,
            compose=lambda header, form, seal: sample.compose(header, form, seal=seal),
        )


def numbered(
    line: Line,
    conn: psycopg.Connection,
    endpoint: Endpoint,
    *,
    on: date,
    compose: Callable[[Header, Form, Seal | None], ScoreFile],
    original: str = "",
) -> tuple[files.NewFile, ScoreFile]:
    """A test file under the institution's next test number, in the layout of `endpoint`, with its bytes.

    `compose` writes it; `original` is the live file that it repeats in a second layout: it can then be sent
    by the steps of a live file, and its bytes are kept in the outbox before the ledger knows of it. Raises
    PgpKeyUnusable.
    """
    form = file_forms.form_of(endpoint)
    seal = sealing.seal_for(line, endpoint, form.layout, di=endpoint.code)
    last = files.lock_sequences(conn, [endpoint.code], test=True)[endpoint.code]
    created = line.now().replace(microsecond=0)
    header = Header(endpoint.code, last + 1, last, created, FileKind.TEST, original)
    written = compose(header, form, seal)
    planned = file_outbox.new_file(
        header,
        form,
        written,
        on=on,
        run_id=None,
        seal=seal,
        pattern=endpoint.file_name,
        asked_by=actor(),
        test=True,
    )
    if original:
        planned = replace(planned, may_have_left=True)
        contents = file_outbox.named_contents(planned, written)
        file_outbox.keep(line, di=planned.di, contents=contents, encrypted=seal is not None)
    files.record(conn, [planned], {})
    return planned, written


def at_folder(endpoint: Endpoint, folder: str) -> Endpoint:
    """The institution's endpoint as its test files go there."""
    # The temporary folder beside the live one is no place for a test.
    in_place = endpoint.publish == Publish.DONE_FILE
    return replace(endpoint, directory=folder, publish=Publish.DONE_FILE if in_place else Publish.RENAME)


def _publish(line: Line, endpoint: Endpoint, parcels: list[drop.Parcel]) -> None:
    terms = drop.Terms(
        directory=endpoint.directory, publish=Publish(endpoint.publish), look=Look(endpoint.look)
    )
    session = host_accounts.sign_in(line, endpoint)
    try:
        drop.publish(session, terms, parcels, notes=_NoNotes(), seconds=line.settings.sftp_seconds)
    finally:
        session.close()
