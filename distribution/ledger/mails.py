"""Mails: which are planned, which wait, which went; planned once, sent until known to be there."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row

from distribution.model import Action, ContactRole, DeliveryState, FileState

KEPT = "outbox"


@dataclass(frozen=True, slots=True)
class PlannedMail:
    """A mail to be sent. Where `code_id` is set, a mark stands in the body for the access code."""

    message_id: str
    kind: str
    organization_code: str
    to_address: str
    subject: str
    body: str
    code_id: int | None = None


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A planned mail that is not known to have arrived; `attempts` counts how often it was handed over."""

    mail_id: int
    message_id: str
    kind: str
    organization_code: str
    code_id: int | None
    to_address: str
    subject: str
    body: str
    state: str
    attempts: int
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class CorrectedFile:
    """A delivered score file that changes what its institution has; counts of D records by action."""

    name: str
    di: str
    new: int
    corrections: int
    cancellations: int


@dataclass(frozen=True, slots=True)
class BatchVolume:
    """How much paper a print batch is; `mail_by` None where nobody set a time."""

    batch_id: str
    business_date: date
    stock: str
    sheets_per_piece: int  # 0 = pieces differ
    pieces: int
    sheets: int
    mail_by: datetime | None


def plan(conn: psycopg.Connection, mails: Sequence[PlannedMail], *, planned_at: datetime) -> int:
    """Record mails to be sent; one whose Message-ID is on file stays as it is. Returns how many are new."""
    if not mails:
        return 0
    return conn.execute(
        """
        INSERT INTO ledger.mail (message_id, kind, organization_code, code_id, to_address, subject, body,
                                 planned_at)
        SELECT message_id, kind, organization_code, code_id, to_address, subject, body, %s
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[])
             AS m (message_id, kind, organization_code, code_id, to_address, subject, body)
        ON CONFLICT (message_id) DO NOTHING
        """,
        [
            planned_at,
            [mail.message_id for mail in mails],
            [mail.kind for mail in mails],
            [mail.organization_code for mail in mails],
            [mail.code_id for mail in mails],
            [mail.to_address for mail in mails],
            [mail.subject for mail in mails],
            [mail.body for mail in mails],
        ],
    ).rowcount


def waiting(conn: psycopg.Connection, *, only: Collection[str] | None = None) -> list[WaitingMail]:
    """Mails that are not known to have arrived, in the order in which they were planned.

    `only`: of these Message-IDs.

    One in state `sending` was cut off between the server and this ledger: it may have arrived.
    """
    with conn.cursor(row_factory=class_row(WaitingMail)) as cursor:
        return cursor.execute(
            """
            SELECT mail_id, message_id, kind, organization_code, code_id, to_address, subject, body, state,
                   attempts, planned_at
            FROM ledger.mail
            WHERE state IN ('planned', 'sending', 'outbox')
              AND (%(only)s::text[] IS NULL OR message_id = ANY(%(only)s))
            ORDER BY mail_id
            """,
            {"only": None if only is None else list(only)},
        ).fetchall()


def claim(conn: psycopg.Connection, mail_id: int) -> None:
    """Say that a mail is about to be handed over; commit before it is."""
    conn.execute(
        "UPDATE ledger.mail SET state = 'sending', attempts = attempts + 1 WHERE mail_id = %s", [mail_id]
    )


def mark_sent(conn: psycopg.Connection, mail_id: int, *, at: datetime) -> None:
    """The server has it."""
    conn.execute(
        "UPDATE ledger.mail SET state = 'sent', sent_at = %s, last_error = NULL WHERE mail_id = %s",
        [at, mail_id],
    )


def mark_kept(conn: psycopg.Connection, mail_id: int) -> None:
    """It lies in the outbox folder until there is a server."""
    conn.execute("UPDATE ledger.mail SET state = 'outbox' WHERE mail_id = %s", [mail_id])


def put_back(conn: psycopg.Connection, mail_id: int, *, error: str) -> None:
    """It was not, or not surely, handed over: it waits for the next attempt."""
    conn.execute(
        "UPDATE ledger.mail SET state = 'planned', last_error = %s WHERE mail_id = %s", [error, mail_id]
    )


def give_up(conn: psycopg.Connection, mail_id: int, *, error: str) -> None:
    """A person must look: this mail is not tried again."""
    conn.execute(
        "UPDATE ledger.mail SET state = 'bounced', last_error = %s WHERE mail_id = %s", [error, mail_id]
    )


def of_code(conn: psycopg.Connection, code_id: int) -> int:
    """How many mails of a code have been planned so far."""
    row = conn.execute("SELECT count(*) FROM ledger.mail WHERE code_id = %s", [code_id]).fetchone()
    return int(row[0]) if row else 0


def drop_to_former_contacts(conn: psycopg.Connection, contacts: Mapping[int, str]) -> int:
    """Take back codes' mails that still wait for another address than the contact's (code id → address)."""
    return conn.execute(
        """
        UPDATE ledger.mail AS m
        SET state = 'bounced', last_error = 'The contact changed before the mail left.'
        FROM unnest(%s::bigint[], %s::text[]) AS c (code_id, contact)
        WHERE m.code_id = c.code_id
          AND m.to_address <> c.contact
          AND m.kind = 'access-code'
          AND m.state IN ('planned', 'sending', 'outbox')
        """,
        [list(contacts), list(contacts.values())],
    ).rowcount


def contacts_in_force(conn: psycopg.Connection, *, role: ContactRole, on: date) -> dict[str, str]:
    """The e-mail address of each organisation's contact in a role on a day; the latest of several."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (organization_code) organization_code, email
        FROM ledger.contact
        WHERE role = %s AND valid_from <= %s AND (valid_to IS NULL OR valid_to >= %s)
        ORDER BY organization_code, valid_from DESC, contact_id DESC
        """,
        [role, on, on],
    ).fetchall()
    return dict(rows)


def corrected_files(conn: psycopg.Connection, *, run_id: str) -> list[CorrectedFile]:
    """The files with corrections or cancellations of which a run must tell, whoever sent them.

    They are those of the run and all that arrived since the run before it began: by that one itself, or
    between the two by a person's retry, release, resend or full history. What arrived earlier was told of.
    """
    with conn.cursor(row_factory=class_row(CorrectedFile)) as cursor:
        return cursor.execute(
            """
            WITH since AS (
                SELECT coalesce(max(before.started_at), r.started_at) AS began_at, r.run_id
                FROM ledger.run AS r
                LEFT JOIN ledger.run AS before
                  ON before.kind = r.kind AND before.state = 'finished' AND before.run_id <> r.run_id
                 AND before.started_at <= r.started_at
                WHERE r.run_id = %(run)s
                GROUP BY r.run_id
            )
            SELECT f.name, f.di,
                   count(*) FILTER (WHERE d.action = %(new)s) AS new,
                   count(*) FILTER (WHERE d.action = %(correction)s) AS corrections,
                   count(*) FILTER (WHERE d.action = %(cancellation)s) AS cancellations
            FROM ledger.score_file AS f
            JOIN since ON f.run_id = since.run_id OR f.delivered_at >= since.began_at
            JOIN ledger.delivery AS d USING (file_id)
            WHERE f.state = ANY(%(delivered)s)
              AND NOT f.test
              AND d.state <> %(withdrawn)s
            GROUP BY f.file_id
            HAVING bool_or(d.action IN (%(correction)s, %(cancellation)s))
            ORDER BY f.file_id
            """,
            {
                "run": run_id,
                "new": Action.NEW,
                "correction": Action.CORRECTION,
                "cancellation": Action.CANCELLATION,
                "delivered": [FileState.DELIVERED, FileState.ACKNOWLEDGED],
                "withdrawn": DeliveryState.WITHDRAWN,
            },
        ).fetchall()


def untold_batches(conn: psycopg.Connection) -> list[BatchVolume]:
    """The print batches that wait to be printed and that the mailroom was not told of, of whatever run."""
    with conn.cursor(row_factory=class_row(BatchVolume)) as cursor:
        return cursor.execute(
            """
            SELECT batch_id, business_date, stock, sheets_per_piece, pieces, sheets, mail_by
            FROM ledger.batch AS b
            WHERE state = 'ready'
              AND proved_at IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM ledger.batch_event AS e WHERE e.batch_id = b.batch_id AND e.event = 'announced'
              )
            ORDER BY business_date, length(batch_id), batch_id
            """
        ).fetchall()
