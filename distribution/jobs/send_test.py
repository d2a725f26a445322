"""Test files: invented people to an institution's test folder, with a count of their own."""

import logging
import posixpath
from datetime import date
from typing import Any

from distribution.channels.electronic import drop, sample
from distribution.channels.electronic.score_file import Header, ScoreFile
from distribution.errors import UsageError
from distribution.jobs import file_outbox, host_accounts, sealing
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
        _publish(line, endpoint, folder, parcels)
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
    form = file_outbox.form_of(endpoint)
    seal = sealing.seal_for(line, endpoint, form.layout, di=endpoint.code)
    with line.connect() as conn:
        last = files.lock_sequences(conn, [endpoint.code], test=True)[endpoint.code]
        header = Header(endpoint.code, last + 1, last, line.now().replace(microsecond=0), FileKind.TEST)
        written = sample.compose(header, form, seal=seal)
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
        files.record(conn, [planned], {})
    return planned, written


def _publish(line: Line, endpoint: Endpoint, folder: str, parcels: list[drop.Parcel]) -> None:
    publish = Publish(endpoint.publish)
    terms = drop.Terms(
        directory=folder,
        # The temporary folder beside the live one is no place for a test.
        publish=Publish.RENAME if publish is Publish.TEMP_FOLDER else publish,
        look=Look(endpoint.look),
    )
    session = host_accounts.sign_in(line, endpoint)
    try:
        drop.publish(session, terms, parcels, notes=_NoNotes(), seconds=line.settings.sftp_seconds)
    finally:
        session.close()
