"""Once more, by hand: a file under its next number, a batch's files, a school's staged scores."""

import logging
from datetime import date
from typing import Any

import psycopg

from distribution.channels.electronic import score_file
from distribution.channels.electronic.score_file import Header
from distribution.channels.portal import staging
from distribution.errors import UsageError
from distribution.jobs import file_outbox, print_batches, send_files
from distribution.jobs.wiring import Line, actor
from distribution.ledger import deliveries, files
from distribution.model import Channel, DeliveryState, FileKind, FileState

log = logging.getLogger(__name__)
_RESENDABLE = (FileState.DELIVERED, FileState.ACKNOWLEDGED)


def redeliver(line: Line, *, what: str, name: str, reason: str, on: date) -> dict[str, Any]:
    """Send a `file` again, write a `batch` again, stage a `school`'s scores again. Returns counts and names.

    The same file, reason and date is one resend, however often it is asked for: a repeated task sends nothing
    twice. Raises UsageError for a name that is not on file.
    """
    if what == "file":
        return _resent_file(line, name=name, reason=reason, on=on)
    if what == "batch":
        path = print_batches.render_again(line, name)
        log.info("Wrote %s again: %s", name, reason)
        return {"what": what, "name": name, "path": str(path)}
    if what == "school":
        return {"what": what, "name": name, "staged": _stage_again(line, name, on=on, reason=reason)}
    raise UsageError(f"{what!r} cannot be redelivered; choose file, batch or school.")


def _resent_file(line: Line, *, name: str, reason: str, on: date) -> dict[str, Any]:
    again = resend(line, name=name, reason=reason, on=on)
    sent = send_files.send_files(line, run_id=None, on=on, dis=[again.di])
    with line.connect() as conn:
        state = files.read(conn, again.file_id).state
    return {
        "what": "file",
        "name": again.name,
        "original": name,
        "state": state,
        "records": again.details,
        "delivered": sent.delivered,
        "failed": sent.failed,
        "unsent": list(sent.unsent),
    }


def resend(line: Line, *, name: str, reason: str, on: date, run_id: str | None = None) -> files.ScoreFile:
    """Give the records of a delivered file the next number, kind RESEND; it is sent by `send_files`.

    Raises UsageError for a file that is not on file, carries nothing, or has not arrived.
    """
    with line.connect() as conn:
        original = _resendable(conn, name)
        files.lock_sequences(conn, [original.di])
        known = files.resend_of(conn, name, asked_because=reason, on=on)
        if known is not None:
            return known
        return _next_number(line, conn, original, reason=reason, on=on, run_id=run_id)


def _resendable(conn: psycopg.Connection, name: str) -> files.ScoreFile:
    file = files.named(conn, name)
    if file is None:
        raise UsageError(f"There is no file {name}. `delivery list --state delivered` names the files.")
    if not file.details or file.test:
        raise UsageError(f"{name} carries no records that could be sent again.")
    if file.state not in _RESENDABLE:
        raise UsageError(f"{name} has not arrived yet ({file.state}): use `delivery retry` instead.")
    return file


def _next_number(
    line: Line,
    conn: psycopg.Connection,
    original: files.ScoreFile,
    *,
    reason: str,
    on: date,
    run_id: str | None,
) -> files.ScoreFile:
    last = files.lock_sequences(conn, [original.di])[original.di]
    form = file_outbox.form_of_file(original)
    header = Header(
        di=original.di,
        sequence=last + 1,
        previous_sequence=last,
        created=line.now().replace(microsecond=0),
        kind=FileKind.RESEND,
        original=original.name,
    )
    lines = score_file.format_details(files.attached(conn, original), form)
    written = score_file.compose(header, lines, form)
    planned = file_outbox.new_file(
        header, form, written, on=on, run_id=run_id, asked_by=actor(), asked_because=reason
    )
    files.record(conn, [planned], {})
    files.copy_deliveries(conn, original=original, to=planned.name, owed_on=on)
    file_outbox.keep(line, di=planned.di, contents=file_outbox.named_contents(planned, written))
    log.info("%s carries the %s records of %s again", planned.name, planned.details, original.name)
    found = files.named(conn, planned.name)
    assert found is not None
    return found


def _stage_again(line: Line, school: str, *, on: date, reason: str) -> int:
    """Put a school's delivered scores back into the portal where rows are missing. Returns its deliveries."""
    with line.connect() as conn:
        frame = deliveries.contents(
            conn,
            channel=Channel.PORTAL,
            states=[DeliveryState.DELIVERED, DeliveryState.ACKNOWLEDGED],
            recipients=[school],
        )
        if frame.empty:
            raise UsageError(f"Nothing was staged for {school} so far. `school list` names the schools.")
        staged = staging.stage(conn, frame["delivery_id"].tolist(), on=on)
    log.info("Staged %s scores of %s again: %s", staged.rows, school, reason)
    return staged.rows
