"""Acknowledgements: what institutions said of files that arrived, each said once."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.rows import dict_row

from distribution.errors import UsageError
from distribution.ledger import receipts
from distribution.ledger.files import ScoreFile, named, read, select
from distribution.model import Channel, FileState, Receipt


class Outcome(StrEnum):
    """What an acknowledgement came to; all but the first need a person."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_LOADED = "not-loaded"
    EARLY = "early"  # of a file that we do not know to have arrived: it counts as soon as we do
    UNKNOWN_FILE = "unknown-file"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Arrived:
    """An acknowledgement as it was read: whose, its name and bytes' hash, and what it states.

    `file` None = unreadable. `rows`: result_id, revision, status.
    """

    di: str
    name: str
    sha256: str
    size_bytes: int
    read_at: datetime
    file: str | None = None
    details: int | None = None
    score_total: int | None = None
    not_loaded: int = 0
    rows: Sequence[Mapping[str, Any]] = ()


def book(conn: psycopg.Connection, arrived: Arrived) -> Outcome | None:
    """Record an acknowledgement and what follows from it, in one transaction.

    None when it is on file already. A file whose count and sum agree and whose rows were all loaded is
    acknowledged, with its deliveries; one that may have arrived waits for `book_early`.
    """
    with conn.transaction():
        file = _locked(conn, arrived.file) if arrived.file else None
        if file is not None and (file.di != arrived.di or not (_has_arrived(file) or _may_have(file))):
            file = None
        outcome = _outcome(arrived, file)
        booked = conn.execute(
            """
            INSERT INTO ledger.acknowledgement (di, name, sha256, size_bytes, read_at, file_id, details,
                                                score_total, not_loaded, outcome, stated)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            RETURNING acknowledgement_id
            """,
            [
                *(arrived.di, arrived.name, arrived.sha256, arrived.size_bytes, arrived.read_at),
                *(file.file_id if file else None, arrived.details, arrived.score_total, arrived.not_loaded),
                *(outcome.value, json.dumps(list(arrived.rows))),
            ],
        ).fetchone()
        if booked is None:
            return None
        if file is not None and outcome is Outcome.AGREES:
            _agree(conn, file, arrived, booked[0])
    return outcome


def _locked(conn: psycopg.Connection, name: str) -> ScoreFile | None:
    """The file of that name, which everybody who touches its acknowledgements locks first."""
    conn.execute("SELECT FROM ledger.score_file WHERE name = %s FOR UPDATE", [name])
    return named(conn, name)


def _has_arrived(file: ScoreFile) -> bool:
    return file.state in (FileState.DELIVERED, FileState.ACKNOWLEDGED)


def _may_have(file: ScoreFile) -> bool:
    """True for a file whose upload was begun and whose fate is open, in our eyes."""
    return file.attempt > 0 and file.state in (FileState.PUBLISHING, FileState.FAILED)


def _outcome(arrived: Arrived, file: ScoreFile | None) -> Outcome:
    if arrived.file is None:
        return Outcome.UNREADABLE
    if file is None:
        return Outcome.UNKNOWN_FILE
    if not _has_arrived(file):
        return Outcome.EARLY
    if (arrived.details, arrived.score_total) != (file.details, file.score_total):
        return Outcome.DIFFERS
    return Outcome.NOT_LOADED if arrived.not_loaded else Outcome.AGREES


def book_early(conn: psycopg.Connection, *, at: datetime) -> Counter[Outcome]:
    """Let acknowledgements count that came before we knew that their file had arrived; what they came to."""
    counted: Counter[Outcome] = Counter()
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(
            """
            SELECT a.acknowledgement_id, a.file_id, a.di, a.name, a.sha256, a.size_bytes, a.details,
                   a.score_total, a.not_loaded
            FROM ledger.acknowledgement AS a
            JOIN ledger.score_file AS f USING (file_id)
            WHERE a.outcome = 'early' AND a.settled_at IS NULL AND f.state IN ('delivered', 'acknowledged')
            ORDER BY a.file_id, a.acknowledgement_id
            FOR UPDATE OF f
            """
        ).fetchall():
            booked, file = row.pop("acknowledgement_id"), read(conn, row.pop("file_id"))
            arrived = Arrived(**row, read_at=at, file=file.name)
            outcome = _outcome(arrived, file)
            conn.execute(
                "UPDATE ledger.acknowledgement SET outcome = %s WHERE acknowledgement_id = %s",
                [outcome.value, booked],
            )
            if outcome is Outcome.AGREES:
                _agree(conn, file, arrived, booked)
            counted[outcome] += 1
    return counted


def _agree(conn: psycopg.Connection, file: ScoreFile, arrived: Arrived, number: int) -> None:
    """An acknowledgement that agrees settles those that came before it, and none that came after."""
    earlier = f"acknowledgement_id < {number} AND file_id = %s"
    note = "this later one agrees"
    _settle(conn, earlier, file.file_id, by=arrived.name, at=arrived.read_at, note=note)
    _acknowledge(conn, file, arrived)


def _acknowledge(conn: psycopg.Connection, file: ScoreFile, arrived: Arrived) -> int:
    moved = conn.execute(
        """
        UPDATE ledger.score_file SET state = 'acknowledged', acknowledged_at = %s
        WHERE file_id = %s AND state = 'delivered'
        """,
        [arrived.read_at, file.file_id],
    ).rowcount
    if not moved:
        return 0
    receipt = Receipt(
        channel=Channel.ELECTRONIC,
        subject=file.name,
        records=file.details,
        sha256=arrived.sha256,
        size_bytes=arrived.size_bytes,
        received_at=arrived.read_at,
        remote_name=arrived.name,
    )
    receipts.write(conn, receipt, event="acknowledged", run_id=None)
    return conn.execute(
        "UPDATE ledger.delivery SET state = 'acknowledged' WHERE file_id = %s AND state = 'delivered'",
        [file.file_id],
    ).rowcount


def by_word(conn: psycopg.Connection, name: str, *, actor: str, at: datetime) -> int:
    """Acknowledge a file by a person's word, which settles what its institution dropped back before.

    Returns its deliveries that moved.

    Raises UsageError for a file that is not on file or has not arrived.
    """
    with conn.transaction():
        file = _locked(conn, name)
        if file is None or file.test:
            raise UsageError(f"There is no file {name}. `delivery list --state delivered` names the files.")
        if not _has_arrived(file):
            raise UsageError(f"{name} has not arrived yet ({file.state}): there is nothing to acknowledge.")
        said = Arrived(di=file.di, name=f"by {actor}", sha256=file.sha256, size_bytes=0, read_at=at)
        _settle(conn, "file_id = %s", file.file_id, by=actor, at=at, note="the file is acknowledged")
        return _acknowledge(conn, file, said)


def settle(conn: psycopg.Connection, acknowledgement_id: int, *, actor: str, at: datetime, note: str) -> str:
    """Settle an acknowledgement that needs a person; its file stays as it is. Returns its name.

    Raises UsageError when none of that number waits for a person.
    """
    names = _settle(conn, "acknowledgement_id = %s", acknowledgement_id, by=actor, at=at, note=note)
    if not names:
        raise UsageError(
            f"No acknowledgement {acknowledgement_id} waits for a person. `reconcile` names those that do."
        )
    return names[0]


def _settle(
    conn: psycopg.Connection, which: str, number: int, *, by: str, at: datetime, note: str
) -> list[str]:
    rows = conn.execute(
        f"""
        UPDATE ledger.acknowledgement SET settled_at = %s, settled_by = %s, settled_note = %s
        WHERE {which} AND settled_at IS NULL AND outcome <> 'agrees'
        RETURNING name
        """,
        [at, by, note, number],
    ).fetchall()
    return [row[0] for row in rows]


def open_faults(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Acknowledgements that need a person: number, code, name, file ('' = unknown), outcome, not_loaded,
    read_at, hold_id (of the file where it is held, else None).
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT a.acknowledgement_id AS number, a.di AS code, a.name,
                   coalesce(f.name, '') AS file, a.outcome, a.not_loaded, a.read_at,
                   (SELECT min(h.hold_id)
                    FROM ledger.hold AS h JOIN ledger.delivery AS d USING (delivery_id)
                    WHERE d.file_id = a.file_id AND h.state = 'open' AND h.reason = 'ambiguous-delivery')
                   AS hold_id
            FROM ledger.acknowledgement AS a
            LEFT JOIN ledger.score_file AS f USING (file_id)
            WHERE a.outcome <> 'agrees' AND a.settled_at IS NULL
            ORDER BY a.acknowledgement_id
            """
        ).fetchall()


def early_of(conn: psycopg.Connection, file_id: int) -> str | None:
    """The name of an unsettled acknowledgement of a file that we do not know to have arrived, or None."""
    row = conn.execute(
        """
        SELECT min(name) FROM ledger.acknowledgement
        WHERE file_id = %s AND outcome = 'early' AND settled_at IS NULL
        """,
        [file_id],
    ).fetchone()
    return row[0] if row else None


def unacknowledged(conn: psycopg.Connection, dis: Sequence[str]) -> list[dict[str, Any]]:
    """Files that arrived at these institutions unacknowledged: code, file, scores, delivered_at."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT di AS code, name AS file, details AS scores, delivered_at
            FROM ledger.score_file
            WHERE di = ANY(%s) AND state = 'delivered' AND NOT test AND details > 0
            ORDER BY delivered_at, di, sequence
            """,
            [list(dis)],
        ).fetchall()


def uncollected(conn: psycopg.Connection, di: str, *, since: datetime) -> list[ScoreFile]:
    """The files that arrived since then and were not yet seen to be gone."""
    return select(conn, "di = %s AND NOT test AND delivered_at >= %s AND collected_at IS NULL", [di, since])


def note_collected(conn: psycopg.Connection, file_ids: Sequence[int], *, at: datetime) -> None:
    """Note that files were seen to be gone from their folder: somebody collected them."""
    conn.execute(
        "UPDATE ledger.score_file SET collected_at = %s WHERE file_id = ANY(%s)", [at, list(file_ids)]
    )
