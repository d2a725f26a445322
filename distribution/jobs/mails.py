"""Mails of the line: what is planned, and what leaves, at least once and always as the same mail."""

import logging
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from smtplib import SMTP

import psycopg

from distribution.access_codes import vault
from distribution.access_codes.vault import Sealed
from distribution.channels.email import message, smtp, templates
from distribution.errors import PermanentError, TransientError
from distribution.jobs.secrets import read_secret
from distribution.jobs.wiring import Line
from distribution.ledger import codes, holders, locks, mails, runs
from distribution.ledger.mails import KEPT, PlannedMail, WaitingMail
from distribution.model import CodeState, ContactRole, Mail

log = logging.getLogger(__name__)

ACCESS_CODE, CORRECTION_NOTICE = "access-code", "correction-notice"
CODE_REMINDER, CODE_REFERRAL, ALTERNATE_NAMED = "access-code-reminder", "code-referral", "alternate-named"
NEW_SCORES = "new-scores"
# A mail that was handed over so often without an answer may have arrived as often: then a person looks.
_GIVE_UP_AFTER = 9


@dataclass(frozen=True, slots=True)
class MailOutcome:
    """Mails that the server took, that lie in the outbox, that wait or came back."""

    sent: int = 0
    outbox: int = 0
    failed: int = 0


class _Fate(StrEnum):
    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"
    TAKEN_BACK = "taken-back"
    CUT = "cut"


def send_waiting(line: Line, *, only: Collection[str] | None = None) -> MailOutcome:
    """Send every mail that waits; without a mail server keep them in `outbox/mail/`.

    `only`: these Message-IDs and no others, at once or, where another sending is at work, by the next one:
    a person waits for the answer.

    Each is claimed, handed over and marked as sent in three steps: one that was cut off in between is sent
    again with the same Message-ID and text. Faults of server or address are counted, never raised.
    """
    if only is not None and not only:
        return MailOutcome()
    with line.connect(autocommit=True) as conn, _alone(conn, is_urgent=only is not None) as may_send:
        waiting = mails.waiting(conn, only=only) if may_send else []
        if not waiting:
            return MailOutcome()
        if line.settings.smtp_host is None:
            outcome = _keep(line, conn, waiting)
        else:
            outcome = _send(line, conn, waiting)
    fields = {"sent": outcome.sent, "outbox": outcome.outbox, "failed": outcome.failed}
    log.info("Mails: %(sent)s sent, %(outbox)s in the outbox, %(failed)s failed", fields)
    return outcome


@contextmanager
def _alone(conn: psycopg.Connection, *, is_urgent: bool) -> Iterator[bool]:
    """One sending at a time; an urgent one does not wait for its turn. Yields whether it is ours."""
    if not is_urgent:
        with locks.waited_for(conn, locks.MAIL):
            yield True
    elif locks.take(conn, locks.MAIL):
        try:
            yield True
        finally:
            if not conn.closed:
                locks.give_back(conn, locks.MAIL)
    else:
        yield False


def _keep(line: Line, conn: psycopg.Connection, waiting: list[WaitingMail]) -> MailOutcome:
    for mail in waiting:
        if mail.state == KEPT and smtp.kept_at(line.settings.mail_outbox, mail.message_id).exists():
            continue
        text = message.without_code(mail.body)
        kept = message.build(_as_mail(mail, text), sender=line.settings.mail_from, dated=mail.planned_at)
        smtp.keep(line.settings.mail_outbox, kept)
        mails.mark_kept(conn, mail.mail_id)
    return MailOutcome(outbox=len(waiting))


def _send(line: Line, conn: psycopg.Connection, waiting: list[WaitingMail]) -> MailOutcome:
    """Sessions until nothing is left, or the server cannot be reached as often as one mail is tried."""
    left, fates, cuts, unreached = deque(waiting), Counter[_Fate](), Counter[int](), 0
    while left and unreached < line.settings.mail_attempts:
        try:
            with smtp.session(_server(line)) as session:
                unreached = 0
                _send_in_session(line, conn, session, left, fates, cuts)
        except TransientError as exc:
            unreached += 1
            log.error("%s mails wait: %s", len(left), exc)
        except smtp.SignInRefused as exc:
            log.error("%s mails wait: %s", len(left), exc)
            break
    failed = fates[_Fate.DEFERRED] + fates[_Fate.REFUSED] + fates[_Fate.CUT] + len(left)
    return MailOutcome(sent=fates[_Fate.SENT], failed=failed)


def _send_in_session(
    line: Line,
    conn: psycopg.Connection,
    session: SMTP,
    left: deque[WaitingMail],
    fates: Counter[_Fate],
    cuts: Counter[int],
) -> None:
    """Mails until none is left or the line breaks; one at which it breaks too often is left for later."""
    fate = _Fate.SENT
    while left and fate != _Fate.CUT:
        fate = _send_one(line, conn, session, left[0])
        cuts[left[0].mail_id] += fate == _Fate.CUT
        if fate != _Fate.CUT or cuts[left[0].mail_id] >= line.settings.mail_attempts:
            fates[fate] += 1
            left.popleft()


def _send_one(line: Line, conn: psycopg.Connection, session: SMTP, mail: WaitingMail) -> _Fate:
    """Claim, send, prove."""
    try:
        if mail.attempts >= _GIVE_UP_AFTER:
            raise PermanentError(f"Handed over {mail.attempts} times without an answer. Ask the recipient.")
        if mail.code_id is not None and holders.has_left(
            conn, mail.organization_code, mail.to_address, on=line.today()
        ):
            return _take_back(line, conn, mail)
        text = _text_to_send(line, conn, mail)
        built = message.build(_as_mail(mail, text), sender=line.settings.mail_from, dated=mail.planned_at)
        mails.claim(conn, mail.mail_id)
        smtp.send(session, built)
    except (smtp.MailDeferred, smtp.MailServerUnavailable) as exc:
        mails.put_back(conn, mail.mail_id, error=str(exc))
        log.warning("Mail %s (%s to %s) waits: %s", mail.mail_id, mail.kind, mail.organization_code, exc)
        return _Fate.CUT if isinstance(exc, smtp.MailServerUnavailable) else _Fate.DEFERRED
    except PermanentError as exc:
        _give_up(conn, mail, error=str(exc))
        return _Fate.REFUSED
    _prove(line, conn, mail)
    return _Fate.SENT


def _prove(line: Line, conn: psycopg.Connection, mail: WaitingMail) -> None:
    at = line.now()
    with conn.transaction():
        mails.mark_sent(conn, mail.mail_id, at=at)
        if mail.code_id is not None:
            codes.mark_mailed(conn, mail.code_id, at=at)
    smtp.kept_at(line.settings.mail_outbox, mail.message_id).unlink(missing_ok=True)


def _take_back(line: Line, conn: psycopg.Connection, mail: WaitingMail) -> _Fate:
    """The addressee left while the mail waited: he gets no code. The code itself is none the worse for it."""
    mails.give_up(conn, mail.mail_id, error="The contact ended before the mail left.")
    smtp.kept_at(line.settings.mail_outbox, mail.message_id).unlink(missing_ok=True)
    log.warning(
        "Mail %s (%s to %s) is taken back: its contact ended", mail.mail_id, mail.kind, mail.organization_code
    )
    return _Fate.TAKEN_BACK


def _give_up(conn: psycopg.Connection, mail: WaitingMail, *, error: str) -> None:
    with conn.transaction():
        mails.give_up(conn, mail.mail_id, error=error)
        if mail.code_id is not None:
            codes.mark_bounced(conn, mail.code_id, reason=error)
    log.error("Mail %s (%s to %s) is given up: %s", mail.mail_id, mail.kind, mail.organization_code, error)


def _as_mail(mail: WaitingMail, text: str) -> Mail:
    return Mail(message_id=mail.message_id, to=mail.to_address, subject=mail.subject, text=text)


def _text_to_send(line: Line, conn: psycopg.Connection, mail: WaitingMail) -> str:
    """The text with its access code, which is in clear from here to the server and nowhere else."""
    if mail.code_id is None:
        return mail.body
    stored = codes.read(conn, mail.code_id)
    if stored.state in (CodeState.REVOKED, CodeState.EXPIRED):
        raise PermanentError(f"The access code is {stored.state}. Issue a new one where one is due.")
    keys = vault.open_keys(line.settings.secrets, may_make=_never, key_id=stored.key_id)
    sealed = Sealed(lookup=stored.lookup, cipher=stored.cipher, nonce=stored.nonce, key_id=stored.key_id)
    access_code = vault.unseal(keys, sealed, organization=stored.organization_code, year=stored.academic_year)
    return message.with_code(mail.body, access_code.written())


def _never() -> bool:
    return False


def _server(line: Line) -> smtp.MailServer:
    settings = line.settings
    return smtp.MailServer(
        host=settings.smtp_host or "",
        port=settings.smtp_port,
        username=settings.smtp_username,
        password=read_secret(settings, settings.smtp_credential).password
        if settings.smtp_credential
        else None,
        starttls=settings.smtp_starttls,
        seconds=settings.smtp_seconds,
    )


def plan_correction_notices(line: Line, *, run_id: str) -> int:
    """Plan a mail for each file that corrects or cancels what its institution has, once for each file.

    A run tells of its own files and of all that arrived since the run before it began, whoever sent them: a
    retry in the morning, a release as arrived, a resend. Nothing older, so that a ledger of many years tells
    of no old file. The mail goes to the technical contact in force on the run's day and holds the file's
    name and counts, nothing else. A file without such a contact is logged. Returns the number of mails that
    are new.
    """
    with line.connect() as conn:
        run = runs.read(conn, run_id)
        files = mails.corrected_files(conn, run_id=run_id)
        technical = mails.contacts_in_force(conn, role=ContactRole.TECHNICAL, on=run.business_date)
        for file in files:
            if file.di not in technical:
                log.warning("%s holds corrections; %s has no technical contact", file.name, file.di)
        planned = [
            planned_mail(
                CORRECTION_NOTICE,
                key=file.name,
                organization=file.di,
                to=technical[file.di],
                values={
                    "file_name": file.name,
                    "new": file.new,
                    "corrections": file.corrections,
                    "cancellations": file.cancellations,
                    "operations_email": line.settings.operations_email,
                },
            )
            for file in files
            if file.di in technical
        ]
        return mails.plan(conn, planned, planned_at=line.now())


def planned_mail(
    kind: str, *, key: str, organization: str, to: str, values: Mapping[str, object]
) -> PlannedMail:
    """A mail of a kind as its template gives it; the same kind and key are the same mail."""
    subject, body = templates.render(kind, **values)
    return PlannedMail(
        message_id=message.message_id(kind, key),
        kind=kind,
        organization_code=organization,
        to_address=to,
        subject=subject,
        body=body,
    )
