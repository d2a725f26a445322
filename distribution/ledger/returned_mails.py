"""Mails that came back after a server had taken them, booked on the mail and on its code."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from distribution.model import CodeState


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that left, and the code in it."""

    mail_id: int
    kind: str
    organization_code: str
    state: str
    code_id: int | None


def find(conn: psycopg.Connection, *, message_id: str, address: str) -> SentMail | None:
    """The mail of that Message-ID; without one the newest that went to the address. Locked."""
    with conn.cursor(row_factory=class_row(SentMail)) as cursor:
        return cursor.execute(
            """
            SELECT mail_id, kind, organization_code, state, code_id
            FROM ledger.mail
            WHERE state IN ('sent', 'sending', 'bounced')
              AND CASE WHEN %(message)s <> '' THEN message_id = %(message)s
                       ELSE lower(to_address) = %(address)s AND sent_at IS NOT NULL END
            ORDER BY mail_id DESC
            LIMIT 1
            FOR UPDATE
            """,
            {"message": message_id, "address": address},
        ).fetchone()


def book(conn: psycopg.Connection, mail: SentMail, *, error: str, at: datetime) -> None:
    """A sent mail came back: it counts as bounced, and is not sent again by itself."""
    conn.execute(
        """
        UPDATE ledger.mail SET state = 'bounced', last_error = %s, returned_at = %s WHERE mail_id = %s
        """,
        [error, at, mail.mail_id],
    )


def book_on_code(conn: psycopg.Connection, mail: SentMail, *, reason: str) -> str:
    """The code whose mail came back is bounced, unless it was redeemed, or a later mail took it elsewhere.

    Returns the code's state now; empty for a mail without a code.
    """
    row = conn.execute(
        """
        UPDATE ledger.access_code AS a
        SET state = CASE WHEN state = ANY(%(open)s) AND NOT l.went_later THEN %(bounced)s ELSE state END,
            reason = CASE WHEN state = ANY(%(open)s) AND NOT l.went_later THEN %(reason)s ELSE reason END
        FROM (SELECT EXISTS (SELECT FROM ledger.mail AS m
                             WHERE m.code_id = %(code)s AND m.mail_id > %(mail)s
                               AND m.state <> 'bounced') AS went_later) AS l
        WHERE a.code_id = %(code)s
        RETURNING a.state
        """,
        {
            "open": [CodeState.ISSUED.value, CodeState.MAILED.value],
            "bounced": CodeState.BOUNCED,
            "reason": reason,
            "code": mail.code_id,
            "mail": mail.mail_id,
        },
    ).fetchone()
    return row[0] if row else ""
