"""Later bounces: mails that a server took and sent back are booked, so that a person mends the contact."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from distribution.channels.email import bounces
from distribution.channels.email.bounces import Fate, Returned
from distribution.jobs.wiring import Line
from distribution.ledger import returned_mails

log = logging.getLogger(__name__)

_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Booked:
    """A mail that counts as bounced from now on; `code`: the state of the access code in it, or empty."""

    organization: str
    kind: str
    status: str
    code: str

    def document(self) -> dict[str, str]:
        return {
            "organization": self.organization,
            "kind": self.kind,
            "status": self.status,
            "code": self.code,
        }


def book(line: Line, path: Path, *, at: datetime) -> dict[str, Any]:
    """Book the bounces of a file that operations give; read again, it changes nothing.

    Keys: schema_version, file, bounces ([{organization, kind, status, code}], booked now), already (booked
    before), delayed (the server still tries), unknown (no mail of ours), unreadable (no notification).
    Raises UsageError for a file of another kind.
    """
    read = bounces.read(path)
    booked: list[Booked] = []
    counts: Counter[str] = Counter()
    with line.connect() as conn:
        for returned in read.returned:
            done = _book(conn, returned, at=at)
            if isinstance(done, Booked):
                booked.append(done)
            else:
                counts[done] += 1
    log.info("Bounces: %s booked, %s unknown", len(booked), counts["unknown"])
    return {
        "schema_version": _SCHEMA_VERSION,
        "file": path.name,
        "bounces": [each.document() for each in booked],
        **{name: counts[name] for name in ("already", "delayed", "unknown")},
        "unreadable": read.unreadable,
    }


def _book(conn: psycopg.Connection, returned: Returned, *, at: datetime) -> Booked | str:
    """What was booked, or why nothing was."""
    if returned.fate is not Fate.FAILED:
        return "delayed" if returned.fate is Fate.DELAYED else "other"
    mail = returned_mails.find(conn, message_id=returned.message_id, address=returned.address)
    if mail is None:
        return "unknown"
    if mail.state == "bounced":
        return "already"
    error = f"The mail came back ({returned.status or 'no status'}). Check the contact's address."
    returned_mails.book(conn, mail, error=error, at=at)
    state = returned_mails.book_on_code(conn, mail, reason=error) if mail.code_id is not None else ""
    log.warning("Mail %s (%s to %s) came back", mail.mail_id, mail.kind, mail.organization_code)
    return Booked(mail.organization_code, mail.kind, returned.status, state)
