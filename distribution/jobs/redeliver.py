"""Once more, by hand: a file under its next number, a batch's files, a school's staged scores."""

import logging
from datetime import date, timedelta
from typing import Any

import pandas as pd
import psycopg

from distribution import exams
from distribution.channels.electronic import score_file
from distribution.channels.electronic.score_file import Form, Header
from distribution.channels.portal import staging
from distribution.errors import UsageError
from distribution.jobs import file_forms, file_outbox, print_batches, sealing, send_files
from distribution.jobs.fit_records import fit_records
from distribution.jobs.sealing import Seal
from distribution.jobs.wiring import Line, actor
from distribution.ledger import deliveries, endpoints, files, resends
from distribution.model import Channel, DeliveryState, Endpoint, FileKind, FileState

log = logging.getLogger(__name__)
_EARLIEST, _LATEST = timedelta(days=21), timedelta(days=183)
_RESENDABLE = (FileState.DELIVERED, FileState.ACKNOWLEDGED)


def redeliver(line: Line, *, what: str, name: str, reason: str, on: date) -> dict[str, Any]:
    """Send a `file` again, write a `batch` again, stage a `school`'s scores again. Returns counts and names.

    The same file, reason and date is one resend, however often it is asked for: a repeated task sends nothing
    twice. While its institution is paused or gets paper the file only takes its number: `waits_for` says what
    it waits for. Raises UsageError for a name that is not on file.
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
        "left_out": _left_out(line, name, again),
        "delivered": sent.delivered,
        "failed": sent.failed,
        "unsent": list(sent.unsent),
        "waits_for": _waits_for(sent, again.name),
    }


def _left_out(line: Line, name: str, again: files.ScoreFile) -> int:
    """How many records of the original the copy lacks."""
    with line.connect() as conn:
        original = files.named(conn, name)
    return original.details - again.details if original is not None else 0


def _waits_for(sent: send_files.SendOutcome, name: str) -> str:
    return next((each.why for each in sent.kept_back if each.file == name), "")


def resend(line: Line, *, name: str, reason: str, on: date, run_id: str | None = None) -> files.ScoreFile:
    """Give the records of a delivered file the next number, kind RESEND; it is sent by `send_files`.

    They are the same records, but for scores that are cancelled or withheld by now, or that the institution
    was told to remove: those are left out.

    Who asks is an operator, who may go beyond the policy (`outside_policy`); the ledger keeps which rule.
    Raises UsageError for a file that is not on file, carries nothing that may be sent, or has not arrived.
    """
    with line.connect() as conn:
        original = _resendable(conn, name)
        files.lock_sequences(conn, [original.di])
        known = resends.resend_of(conn, name, asked_because=reason, on=on)
        if known is not None:
            return known
        return _next_number(line, conn, original, reason=reason, on=on, run_id=run_id)


def outside_policy(line: Line, name: str, *, on: date) -> str:
    """Why the policy would not send a file again on that day; empty = it would.

    A score may be sent again once, from 21 days after it was sent up to six months (the board's own rule for
    candidates). A file that was itself sent again counts as the one that it repeats. Raises UsageError as
    `resend` does.
    """
    with line.connect() as conn:
        return _outside_policy(conn, _resendable(conn, name), line, on=on)


def _outside_policy(conn: psycopg.Connection, file: files.ScoreFile, line: Line, *, on: date) -> str:
    first, *copies = resends.family(conn, file)
    assert first.delivered_at is not None
    sent_on = first.delivered_at.astimezone(line.settings.zone).date()
    found = []
    if on < sent_on + _EARLIEST:
        found.append(f"it was sent on {sent_on}, less than {_EARLIEST.days} days ago")
    if on > sent_on + _LATEST:
        found.append(f"it was sent on {sent_on}, more than six months ago")
    if copies:
        found.append(f"it was sent again as {copies[-1].name}")
    return "; ".join(found)


def full_history(line: Line, code: str, *, reason: str, on: date) -> dict[str, Any]:
    """Send an institution what stands now of all that it got so far and may still be reported, kind FULL.

    Nothing goes that is cancelled or withheld by now, or that it was told to remove. The same reason and
    date is one file, however often it is asked for. Raises UsageError for an institution without an
    endpoint, or one of whose scores none may be sent.
    """
    with line.connect() as conn:
        files.lock_sequences(conn, [code])
        known = resends.full_of(conn, code, asked_because=reason, on=on)
        name = known.name if known else _full_file(line, conn, code, reason=reason, on=on)
    sent = send_files.send_files(line, run_id=None, on=on, dis=[code])
    with line.connect() as conn:
        file = files.named(conn, name)
    assert file is not None
    return {
        "name": name,
        "state": file.state,
        "records": file.details,
        "delivered": sent.delivered,
        "failed": sent.failed,
        "unsent": list(sent.unsent),
        "waits_for": _waits_for(sent, name),
    }


def _full_file(line: Line, conn: psycopg.Connection, code: str, *, reason: str, on: date) -> str:
    endpoint = endpoints.of(conn, code)
    if endpoint is None:
        raise UsageError(f"No endpoint of {code} is on file. `institution load-endpoints FILE` loads one.")
    got = _reportable(conn, code, on=on)
    form = file_forms.form_of(endpoint)
    seal = sealing.seal_for(line, endpoint, form.layout, di=code)
    header = _next_header(line, conn, code, FileKind.FULL)
    name = file_outbox.file_name(header, form, on=on, encrypted=seal is not None, pattern=endpoint.file_name)
    ids = resends.owe_again(conn, got, occasion=f"resend:{name}", owed_on=on)
    contents = deliveries.contents(conn, states=[DeliveryState.PENDING], recipients=[code])
    contents = contents[contents["delivery_id"].isin(ids)]
    fitted = fit_records(conn, contents, form)
    written = score_file.compose(header, fitted.lines, form, seal=seal)
    _record(line, conn, header, form, written, seal, endpoint, on=on, reason=reason, claimed=fitted.contents)
    return name


def _reportable(conn: psycopg.Connection, code: str, *, on: date) -> pd.DataFrame:
    got = resends.standing_scores(conn, code)
    got = got[got["test_date"].map(lambda day: exams.last_reportable_day(date.fromisoformat(day)) >= on)]
    if got.empty:
        raise UsageError(f"{code} never got a score that stands now and may still be reported.")
    return got


def _next_header(line: Line, conn: psycopg.Connection, di: str, kind: FileKind, original: str = "") -> Header:
    last = files.lock_sequences(conn, [di])[di]
    return Header(
        di=di,
        sequence=last + 1,
        previous_sequence=last,
        created=line.now().replace(microsecond=0),
        kind=kind,
        original=original,
    )


def _record(
    line: Line,
    conn: psycopg.Connection,
    header: Header,
    form: Form,
    written: score_file.ScoreFile,
    seal: Seal | None,
    endpoint: Endpoint | None,
    *,
    on: date,
    reason: str,
    run_id: str | None = None,
    claimed: pd.DataFrame | None = None,
) -> files.NewFile:
    planned = file_outbox.new_file(
        header,
        form,
        written,
        on=on,
        run_id=run_id,
        seal=seal,
        pattern=endpoint.file_name if endpoint is not None else None,
        asked_by=actor(),
        asked_because=reason,
    )
    claims = {} if claimed is None else {planned.name: claimed["delivery_id"].tolist()}
    files.record(conn, [planned], claims)
    contents = file_outbox.named_contents(planned, written)
    file_outbox.keep(line, di=planned.di, contents=contents, encrypted=seal is not None)
    return planned


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
    endpoint = endpoints.of(conn, original.di)
    form = file_forms.form_again(original, endpoint)
    seal = sealing.seal_for(line, endpoint, form.layout, di=original.di)
    contents = _shown_again(conn, original)
    header = _next_header(line, conn, original.di, FileKind.RESEND, original.name)
    overridden = _outside_policy(conn, original, line, on=on)
    lines = score_file.format_details(contents, form)
    written = score_file.compose(header, lines, form, seal=seal)
    planned = _record(line, conn, header, form, written, seal, endpoint, on=on, reason=reason, run_id=run_id)
    resends.copy_deliveries(conn, contents["delivery_id"].tolist(), to=planned.name, owed_on=on)
    if overridden:
        resends.note_override(conn, planned.name, overridden)
        log.warning("%s is sent again beyond the policy: %s", original.name, overridden)
    log.info("%s carries the %s records of %s again", planned.name, planned.details, original.name)
    found = files.named(conn, planned.name)
    assert found is not None
    return found


def _shown_again(conn: psycopg.Connection, original: files.ScoreFile) -> pd.DataFrame:
    """The records of a file without the scores that nobody may be shown any more."""
    contents = files.attached(conn, original)
    shown = contents[contents["delivery_id"].isin(resends.may_be_shown(conn, original))]
    if shown.empty:
        raise UsageError(
            f"{original.name} holds only scores that were taken back, or are cancelled or withheld by now. "
            f"`delivery full {original.di}` sends what stands."
        )
    return shown


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
