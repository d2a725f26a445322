"""Score files: their numbers, and whose deliveries they carry."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from distribution.errors import TransientError
from distribution.ledger import deliveries

_COLUMNS = """file_id, name, di, sequence, previous_sequence, kind, test, business_date, created_at, run_id,
    layout, layout_version, encoding, newline, control, sidecar_name, original_name, state, details,
    score_total, sha256, size_bytes, sidecar_sha256, may_have_left, closing_attempt, renaming_attempt,
    sidecar_renaming_attempt, attempt, failure, failure_detail, last_attempt_at, delivered_at,
    plain_sha256, encrypted_for, asked_because, collected_at, acknowledged_at, place"""


class ContentChanged(TransientError):
    """Deliveries were taken out of a file before it left: it must be written anew."""

    code = "content-changed"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that gets its number now; `previous_sequence` 0 = the institution's first.

    `sha256` is of the bytes that leave; empty = there are none yet, because nothing could be encrypted.
    `plain_sha256` is of what a loader reads, `encrypted_for` the fingerprint of the institution's PGP key.
    With `may_have_left` it is frozen from the start: it carries no deliveries that could be taken out.
    """

    name: str
    di: str
    sequence: int
    previous_sequence: int
    kind: str
    business_date: date
    created_at: datetime
    run_id: str | None
    layout: str
    layout_version: int
    encoding: str
    newline: str
    control: str
    sidecar_name: str | None
    original_name: str | None
    asked_by: str | None
    asked_because: str | None
    details: int
    score_total: int
    sha256: str
    size_bytes: int
    sidecar_sha256: str | None
    transliterated: int = 0
    plain_sha256: str = ""
    encrypted_for: str | None = None
    test: bool = False
    may_have_left: bool = False


@dataclass(frozen=True, slots=True)
class ScoreFile:
    """A file as the ledger knows it (`ledger.score_file`)."""

    file_id: int
    name: str
    di: str
    sequence: int
    previous_sequence: int
    kind: str
    test: bool
    business_date: date
    created_at: datetime
    run_id: str | None
    layout: str
    layout_version: int
    encoding: str
    newline: str
    control: str
    sidecar_name: str | None
    original_name: str | None
    state: str
    details: int
    score_total: int
    sha256: str
    size_bytes: int
    sidecar_sha256: str | None
    may_have_left: bool
    closing_attempt: int | None
    renaming_attempt: int | None
    sidecar_renaming_attempt: int | None
    attempt: int
    failure: str | None
    failure_detail: str | None
    last_attempt_at: datetime | None
    delivered_at: datetime | None
    plain_sha256: str | None
    encrypted_for: str | None
    asked_because: str | None
    collected_at: datetime | None
    acknowledged_at: datetime | None
    place: str | None

    @property
    def may_stand(self) -> bool:
        """True when an attempt went so far that the file may stand at its place whole."""
        return self.closing_attempt is not None or self.renaming_attempt is not None


def lock_sequences(conn: psycopg.Connection, dis: Sequence[str], *, test: bool = False) -> dict[str, int]:
    """The last number of each institution; their counts stay locked until the transaction ends.

    `test`: those of its test files, which are counted apart.
    """
    ordered = sorted(set(dis))
    conn.execute(
        "INSERT INTO ledger.di_sequence (di, test) SELECT unnest(%s::text[]), %s ON CONFLICT DO NOTHING",
        [ordered, test],
    )
    rows = conn.execute(
        """
        SELECT di, last_sequence FROM ledger.di_sequence
        WHERE di = ANY(%s) AND test = %s ORDER BY di FOR UPDATE
        """,
        [ordered, test],
    ).fetchall()
    return dict(rows)


def record(conn: psycopg.Connection, planned: Sequence[NewFile], claims: Mapping[str, Sequence[int]]) -> None:
    """Record files, move the counts on, and claim each file's pending deliveries, in one transaction.

    `claims`: delivery ids by file name. Call it after `lock_sequences` in the same transaction, so that no
    number is skipped or given twice. Raises TransientError when a delivery moved meanwhile.
    """
    _insert(conn, planned)
    ids = [int(each) for name in claims for each in claims[name]]
    names = [name for name in claims for _ in claims[name]]
    claimed = conn.execute(
        """
        UPDATE ledger.delivery AS d
        SET state = 'claimed', state_reason = NULL, file_id = f.file_id
        FROM unnest(%s::bigint[], %s::text[]) AS c (delivery_id, name)
        JOIN ledger.score_file AS f ON f.name = c.name
        WHERE d.delivery_id = c.delivery_id AND d.state = 'pending'
        """,
        [ids, names],
    ).rowcount
    if claimed != len(ids):
        raise TransientError(f"{len(ids) - claimed} deliveries moved while files were built. Start again.")


def _insert(conn: psycopg.Connection, planned: Sequence[NewFile]) -> None:
    rows = [asdict(each) for each in planned]
    if not rows:
        return
    columns = ", ".join(rows[0])
    values = ", ".join(f"%({name})s" for name in rows[0])
    with conn.cursor() as cursor:
        cursor.executemany(f"INSERT INTO ledger.score_file ({columns}) VALUES ({values})", rows)
    conn.execute(
        """
        UPDATE ledger.di_sequence AS s SET last_sequence = p.sequence
        FROM unnest(%s::text[], %s::int[], %s::boolean[]) AS p (di, sequence, test)
        WHERE s.di = p.di AND s.test = p.test
        """,
        [[each.di for each in planned], [each.sequence for each in planned], [each.test for each in planned]],
    )


def attached(conn: psycopg.Connection, file: ScoreFile) -> Any:
    """The deliveries that a file carries, as `deliveries.contents` gives them."""
    if file.may_have_left:
        states = ["claimed", "failed", "held", "delivered", "acknowledged", "returned"]
    else:
        states = ["claimed", "failed"]
    return deliveries.contents(conn, file_id=file.file_id, states=states)


def open_files(conn: psycopg.Connection, *, dis: Sequence[str] | None = None) -> list[ScoreFile]:
    """The files that have not arrived yet, by institution and number."""
    return select(
        conn,
        "state IN ('built', 'publishing', 'failed') AND NOT test AND (%s::text[] IS NULL OR di = ANY(%s))",
        [dis, dis],
    )


def read(conn: psycopg.Connection, file_id: int) -> ScoreFile:
    """The file of that id. Raises KeyError when there is none."""
    found = select(conn, "file_id = %s", [file_id])
    if not found:
        raise KeyError(file_id)
    return found[0]


def of_delivery(conn: psycopg.Connection, delivery_id: int) -> ScoreFile | None:
    """The file that carries a delivery, or None."""
    found = select(
        conn, "file_id = (SELECT d.file_id FROM ledger.delivery AS d WHERE delivery_id = %s)", [delivery_id]
    )
    return found[0] if found else None


def named(conn: psycopg.Connection, name: str) -> ScoreFile | None:
    """The file of that name, or None."""
    found = select(conn, "name = %s", [name])
    return found[0] if found else None


def select(conn: psycopg.Connection, where: str, params: Sequence[Any]) -> list[ScoreFile]:
    with conn.cursor(row_factory=class_row(ScoreFile)) as cursor:
        return cursor.execute(
            f"SELECT {_COLUMNS} FROM ledger.score_file WHERE {where} ORDER BY di, sequence", params
        ).fetchall()


def have_one_of(conn: psycopg.Connection, dis: Sequence[str], *, on: date) -> set[str]:
    """Those of the institutions that have a file of this business date, or one that has not arrived."""
    rows = conn.execute(
        """
        SELECT DISTINCT di FROM ledger.score_file
        WHERE di = ANY(%s) AND NOT test
          AND (business_date = %s OR state IN ('built', 'publishing', 'failed'))
        """,
        [list(dis), on],
    ).fetchall()
    return {row[0] for row in rows}


def pending_by_di(conn: psycopg.Connection) -> dict[str, int]:
    """How many electronic deliveries wait for a file, by institution."""
    rows = conn.execute(
        """
        SELECT recipient, count(*) FROM ledger.delivery
        WHERE state = 'pending' AND channel = 'electronic' GROUP BY recipient ORDER BY recipient
        """
    ).fetchall()
    return dict(rows)


def claimed_by(conn: psycopg.Connection, dis: Sequence[str]) -> int:
    """How many deliveries of these institutions stand in files that have not left."""
    row = conn.execute(
        """
        SELECT count(*) FROM ledger.delivery AS d JOIN ledger.score_file AS f USING (file_id)
        WHERE f.di = ANY(%s) AND f.state = 'built' AND d.state = 'claimed'
        """,
        [list(dis)],
    ).fetchone()
    return row[0] if row else 0


def end_test(conn: psycopg.Connection, name: str, *, state: str, at: datetime) -> None:
    """Note what became of a test file: `delivered` or `failed`."""
    conn.execute(
        """
        UPDATE ledger.score_file
        SET state = %s, may_have_left = true,
            delivered_at = CASE WHEN %s = 'delivered' THEN %s::timestamptz END
        WHERE name = %s AND test
        """,
        [state, state, at, name],
    )
