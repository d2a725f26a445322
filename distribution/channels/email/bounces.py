"""Mails that came back after a server had taken them: read from delivery status notifications or a list.

Only ids, addresses and status numbers are read. A returned mail may carry an access code in clear: no other
word of it leaves this module.
"""

import csv
import email
import io
import mailbox
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import Message
from enum import StrEnum
from pathlib import Path

from distribution.errors import UsageError

_LARGEST_BYTES = 50 * 1024**2
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_STATUS = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_CSV_COLUMNS = {"address"}
_WHAT_TO_GIVE = (
    "Give a delivery status notification (.eml), a mailbox of them (mbox), or a .csv with the column address "
    "and, where known, message_id and status."
)


class Fate(StrEnum):
    """What a notification says of a mail: only FAILED is a bounce."""

    FAILED = "failed"
    DELAYED = "delayed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of one mail at one address. `message_id` and `status` (`5.1.1`) may be empty."""

    address: str = field(repr=False)
    message_id: str
    status: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class Read:
    """What a file held; `unreadable`: mails that are no delivery status notification."""

    returned: tuple[Returned, ...]
    unreadable: int = 0


def read(path: Path) -> Read:
    """The notifications in a file: `.csv`, an mbox (its first line begins with `From `), else one mail.

    Raises UsageError for a file that cannot be read, is too large, or holds nothing of this kind.
    """
    try:
        content = _content(path)
        found = _of_list(content) if path.suffix.lower() == ".csv" else _of_mails(path, content)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}. {_WHAT_TO_GIVE}") from exc
    if not found.returned:
        raise UsageError(f"{path.name} holds no returned mail. {_WHAT_TO_GIVE}")
    return found


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_BYTES:
        raise UsageError(f"{path.name} is larger than {_LARGEST_BYTES:,} bytes. Split it.")
    return path.read_bytes()


def _of_mails(path: Path, content: bytes) -> Read:
    returned: list[Returned] = []
    unreadable = 0
    for notification in _mails(path, content):
        found = list(_of_notification(notification))
        returned += found
        unreadable += not found
    return Read(tuple(returned), unreadable)


def _mails(path: Path, content: bytes) -> Iterator[Message]:
    if not content.startswith(b"From "):
        yield email.message_from_bytes(content, policy=policy.compat32)
        return
    box = mailbox.mbox(path, create=False)
    try:
        yield from box
    finally:
        box.close()


def _of_notification(notification: Message) -> Iterator[Returned]:
    """One for each recipient that the report names (RFC 3464, 2.3)."""
    status = _part(notification, "message/delivery-status")
    message_id = _original_id(notification)
    for block in _inside(status):
        recipient = block.get("Original-Recipient") or block.get("Final-Recipient")
        if recipient:
            yield Returned(
                address=_address(str(recipient)),
                message_id=message_id,
                status=_status(str(block.get("Status", ""))),
                fate=_fate(str(block.get("Action", ""))),
            )


def _part(whole: Message, kind: str) -> Message | None:
    return next((part for part in whole.walk() if part.get_content_type() == kind), None)


def _inside(part: Message | None) -> list[Message]:
    """The blocks of a report, or the mail in an attachment."""
    inner = part.get_payload() if part is not None else None
    return [each for each in inner if isinstance(each, Message)] if isinstance(inner, list) else []


def _original_id(notification: Message) -> str:
    """The Message-ID of the mail that came back: in its returned headers, or what the report replies to."""
    attached = _part(notification, "message/rfc822")
    headers = _part(notification, "text/rfc822-headers")
    texts = []
    texts += [str(original.get("Message-ID", "")) for original in _inside(attached)]
    if headers is not None:
        text = headers.get_payload(decode=True)
        if isinstance(text, bytes):
            texts.append(str(email.message_from_bytes(text).get("Message-ID", "")))
    texts += [str(notification.get(name, "")) for name in ("In-Reply-To", "References")]
    return next((found[0] for text in texts if (found := _MESSAGE_ID.search(text))), "")


def _address(recipient: str) -> str:
    """`rfc822; kim@example.org` → the address, in small letters."""
    return recipient.rpartition(";")[2].strip().strip("<>").lower()


def _status(text: str) -> str:
    found = _STATUS.search(text)
    return found[0] if found else ""


def _fate(action: str) -> Fate:
    word = action.strip().lower()
    return Fate(word) if word in (Fate.FAILED, Fate.DELAYED) else Fate.OTHER


def _of_list(content: bytes) -> Read:
    """A list that a mail provider exports: each line is a mail that failed for good, unless it says 4.x.x."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        named = {str(name).strip().lower(): name for name in rows.fieldnames or ()}
        if not named.keys() >= _CSV_COLUMNS:
            raise UsageError(f"The list has no column address. {_WHAT_TO_GIVE}")
        return Read(tuple(_of_row({key: row.get(name) or "" for key, name in named.items()}) for row in rows))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise UsageError(f"The list is no UTF-8 CSV. {_WHAT_TO_GIVE}") from exc


def _of_row(row: dict[str, str]) -> Returned:
    found = _MESSAGE_ID.search(row.get("message_id", ""))
    status = _status(row.get("status", ""))
    fate = Fate.DELAYED if status.startswith("4") else Fate.OTHER if status.startswith("2") else Fate.FAILED
    return Returned(_address(row["address"]), found[0] if found else "", status, fate)
