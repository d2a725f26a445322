"""Mails out: to an SMTP server, or into a folder while there is none."""

import os
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from distribution.errors import PermanentError, TransientError
from distribution.filenames import PART_SUFFIX

_REFUSED_FROM = 500


class MailServerUnavailable(TransientError):
    """The server could not be reached or the line broke: whether the last mail arrived is not known."""

    code = "mail-server"


class MailDeferred(TransientError):
    """The server asked to bring this mail later."""

    code = "mail-deferred"


class MailRefused(PermanentError):
    """The server refuses this mail or its address for good."""

    code = "mail-refused"


class SignInRefused(PermanentError):
    """The server refuses to serve us: user, password, TLS."""

    code = "mail-sign-in"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over; without a user name nobody signs in."""

    host: str
    port: int = 25
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = False
    seconds: float = 30.0


@contextmanager
def session(server: MailServer) -> Iterator[smtplib.SMTP]:
    """A signed-in session. Raises MailServerUnavailable or SignInRefused."""
    try:
        smtp = smtplib.SMTP(server.host, server.port, timeout=server.seconds)
        if server.starttls:
            smtp.starttls(context=ssl.create_default_context())
        if server.username:
            smtp.login(server.username, server.password or "")
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLError) as exc:
        raise SignInRefused(
            f"The mail server {server.host}:{server.port} does not let us sign in ({type(exc).__name__}). "
            "Check DISTRIBUTION_SMTP_USERNAME, DISTRIBUTION_SMTP_STARTTLS and the password of that name."
        ) from exc
    except (OSError, smtplib.SMTPException) as exc:
        raise MailServerUnavailable(
            f"The mail server {server.host}:{server.port} cannot be reached ({type(exc).__name__}). "
            "The mails wait; the next run tries again."
        ) from exc
    try:
        yield smtp
    finally:
        _leave(smtp)


def _leave(smtp: smtplib.SMTP) -> None:
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()  # the line is gone: nothing to say goodbye to


def send(smtp: smtplib.SMTP, message: EmailMessage) -> None:
    """Hand over one mail; returns once the server has answered that it has it.

    Raises MailServerUnavailable (it may or may not have arrived), MailDeferred, MailRefused. Errors are not
    chained and give the server's number only: its words may repeat the mail, and with it an access code.
    """
    try:
        smtp.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise _cut() from None
    except smtplib.SMTPRecipientsRefused as exc:
        raise _answered(max(number for number, _ in exc.recipients.values())) from None
    except smtplib.SMTPResponseException as exc:
        raise _answered(exc.smtp_code) from None
    except (smtplib.SMTPNotSupportedError, ValueError, UnicodeError):
        raise MailRefused("The address of this mail cannot be written for the server.") from None
    except OSError:
        raise _cut() from None


def _cut() -> MailServerUnavailable:
    return MailServerUnavailable(
        "The line to the mail server broke. The mail is sent again, as the same one."
    )


def _answered(number: int) -> MailDeferred | MailRefused:
    if number >= _REFUSED_FROM:
        return MailRefused(f"The mail server refused the mail ({number}). Check the contact's address.")
    return MailDeferred(f"The mail server asks to try later ({number}).")


def keep(folder: Path, message: EmailMessage) -> Path:
    """Keep a mail as `<Message-ID>.eml` in a folder until there is a server; whole or not at all."""
    path = kept_at(folder, str(message["Message-ID"]))
    part = path.with_name(path.name + PART_SUFFIX)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as exc:
        raise TransientError(f"A mail cannot be kept in {folder}: {exc.strerror}. Make room there.") from exc
    return path


def kept_at(folder: Path, message_id: str) -> Path:
    """Where the mail of this Message-ID is kept."""
    return folder / f"{message_id.strip('<>').partition('@')[0]}.eml"
