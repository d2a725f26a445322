"""Messages: one plain-text e-mail as bytes, the same bytes each time it is made."""

import hashlib
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime

from distribution.errors import PermanentError
from distribution.model import Mail

DOMAIN = "score-distribution.example"
# Where an access code stands in a text until the mail leaves.
CODE_MARK = "{access code}"
_LEFT_OUT = "(the access code is put in when this mail leaves)"


def message_id(kind: str, key: str) -> str:
    """The Message-ID of a mail: the same for the same kind and key, so that a repeat is known as one.

    SMTP promises at least once, never exactly once; readers drop a second mail with a known Message-ID.
    """
    digest = hashlib.sha256(f"{kind}\n{key}".encode()).hexdigest()
    # Short enough for one line: a folded Message-ID would read differently to some servers.
    return f"<{digest[:32]}@{DOMAIN}>"


def with_code(text: str, written_code: str) -> str:
    """The text with the access code in its place. Raises PermanentError unless there is exactly one."""
    if text.count(CODE_MARK) != 1:
        raise PermanentError("The text of this mail has no single place for its access code.")
    return text.replace(CODE_MARK, written_code)


def without_code(text: str) -> str:
    """The text as it may lie in a folder: the access code is left out."""
    return text.replace(CODE_MARK, _LEFT_OUT)


def build(mail: Mail, *, sender: str, dated: datetime) -> EmailMessage:
    """The e-mail as the server gets it. `dated`: when it was planned (aware), so that a repeat is the same.

    Raises PermanentError where an address or the subject cannot stand in a header.
    """
    message = EmailMessage(policy=policy.SMTP)
    try:
        message["From"] = sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(dated)
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        for name, value in mail.headers.items():
            message[name] = value
    except (ValueError, MessageError) as exc:
        raise PermanentError(
            "The address or subject of a mail cannot stand in its header. Correct the contact on file."
        ) from exc
    # Quoted-printable, never base64: the code must stand readable on its line.
    message.set_content(mail.text, cte="7bit" if mail.text.isascii() else "quoted-printable")
    return message
