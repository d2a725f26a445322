"""How far a score file has come: begun, renaming, delivered, failed, or of doubtful fate."""

from collections.abc import Sequence

import psycopg

from distribution.errors import TransientError
from distribution.ledger import deliveries, locks, receipts
from distribution.ledger.files import ContentChanged, ScoreFile, named
from distribution.model import WAITS_FOR_A_CHANGE, DeliveryHoldReason, FailureCode, Receipt

AMBIGUOUS = DeliveryHoldReason.AMBIGUOUS_DELIVERY


class Overtaken(TransientError):
    """A later attempt has taken the file over: this one must not touch it any more."""

    code = "overtaken"


def bound_transactions(conn: psycopg.Connection, *, seconds: float) -> None:
    """Let the server end a transaction that stands still: a sender that is stopped in one keeps no row."""
    conn.execute(
        "SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [f"{int(seconds * 1000)}ms"]
    )


def lease(conn: psycopg.Connection, file_id: int, *, seconds: float) -> bool:
    """Take a file for one sender; False while another has it. A lease is over after `seconds`, or at its end.

    The lock ends with its connection, so with a kill. Who holds it and was stopped past the lease may be
    overtaken: the number of the attempt fences the late one off.
    """
    if not locks.take(conn, locks.of_file(file_id)):
        over = conn.execute(
            "SELECT leased_until < clock_timestamp() FROM ledger.score_file WHERE file_id = %s", [file_id]
        ).fetchone()
        if over is None or not over[0]:
            return False
    conn.execute(
        """
        UPDATE ledger.score_file SET leased_until = clock_timestamp() + make_interval(secs => %s)
        WHERE file_id = %s
        """,
        [seconds, file_id],
    )
    return True


def begin(conn: psycopg.Connection, file: ScoreFile, *, place: str) -> int:
    """Note that a file is about to be written at a place: it never changes now. Returns the attempt.

    Raises ContentChanged when deliveries were taken out since `file` was read, Overtaken when another attempt
    has begun.
    """
    with conn.transaction():
        row = conn.execute(
            """
            UPDATE ledger.score_file
            SET state = 'publishing', may_have_left = true, attempt = attempt + 1, failure = NULL,
                failure_detail = NULL, last_attempt_at = clock_timestamp(), place = %s
            WHERE file_id = %s AND attempt = %s AND sha256 = %s AND state IN ('built', 'publishing', 'failed')
            RETURNING attempt
            """,
            [place, file.file_id, file.attempt, file.sha256],
        ).fetchone()
        if row is None:
            raise Overtaken(f"{file.name}: another attempt has taken it over.")
        if not file.may_have_left:
            _mark_left(conn, file)
    return row[0]


def _mark_left(conn: psycopg.Connection, file: ScoreFile) -> None:
    left = conn.execute(
        """
        UPDATE ledger.delivery SET left_at = clock_timestamp()
        WHERE file_id = %s AND state IN ('claimed', 'failed')
        """,
        [file.file_id],
    ).rowcount
    if left != file.details:
        raise ContentChanged(f"{file.name}: {file.details - left} deliveries were taken out of it.")


def note_closing(conn: psycopg.Connection, file_id: int, *, attempt: int) -> None:
    """Note that `attempt`'s upload of the data file was begun and may be whole next. Raises Overtaken."""
    _note(conn, file_id, attempt=attempt, column="closing_attempt", upload=attempt)


def note_renaming(
    conn: psycopg.Connection, file_id: int, *, attempt: int, upload: int, is_sidecar: bool
) -> None:
    """Note that the rename of attempt `upload`'s temporary file may happen now.

    Raises Overtaken when `attempt`, which asks, is no longer the newest.
    """
    column = "sidecar_renaming_attempt" if is_sidecar else "renaming_attempt"
    _note(conn, file_id, attempt=attempt, column=column, upload=upload)


def note_undone(conn: psycopg.Connection, file_id: int, *, attempt: int, is_sidecar: bool) -> None:
    """Note that the host refused what was announced: nothing stands by it. Raises Overtaken."""
    for column in ("sidecar_renaming_attempt",) if is_sidecar else ("renaming_attempt", "closing_attempt"):
        _note(conn, file_id, attempt=attempt, column=column, upload=None)


def _note(conn: psycopg.Connection, file_id: int, *, attempt: int, column: str, upload: int | None) -> None:
    moved = conn.execute(
        f"""
        UPDATE ledger.score_file SET {column} = %s
        WHERE file_id = %s AND attempt = %s AND state = 'publishing'
        """,
        [upload, file_id, attempt],
    ).rowcount
    if not moved:
        raise Overtaken("A later attempt has taken the file over.")


def deliver(
    conn: psycopg.Connection,
    file: ScoreFile,
    *,
    attempt: int,
    receipt: Receipt,
    actor: str,
    run_id: str | None,
) -> int:
    """Note that a file stands whole under its name: deliveries, disclosures, receipt in one transaction.

    Returns the number of deliveries (D records). Raises Overtaken for a late attempt.
    """
    with conn.transaction():
        moved = conn.execute(
            """
            UPDATE ledger.score_file
            SET state = 'delivered', delivered_at = %s, failure = NULL, failure_detail = NULL
            WHERE file_id = %s AND attempt = %s AND state = 'publishing'
            """,
            [receipt.received_at, file.file_id, attempt],
        ).rowcount
        if not moved:
            raise Overtaken(f"{file.name}: a later attempt has taken it over.")
        delivered = conn.execute(
            """
            UPDATE ledger.delivery
            SET state = 'delivered', state_reason = NULL, delivered_at = %s
            WHERE file_id = %s AND state IN ('claimed', 'failed')
            """,
            [receipt.received_at, file.file_id],
        ).rowcount
        deliveries.disclose(conn, file_id=file.file_id, artefact=file.name, actor=actor)
        receipts.write(conn, receipt, run_id=run_id)
    return delivered


def fail(
    conn: psycopg.Connection,
    file_id: int,
    *,
    failure: str,
    detail: str,
    tried: bool = True,
    attempt: int | None = None,
) -> int:
    """Note why a file did not arrive. Returns how many of its deliveries failed newly.

    `tried` False: nobody asked the host (it waits behind another file), so no attempt is dated. Nothing is
    noted when `attempt` is given and a later one has taken the file over.
    """
    with conn.transaction():
        noted = conn.execute(
            """
            UPDATE ledger.score_file
            SET state = 'failed', failure = %s, failure_detail = %s,
                last_attempt_at = CASE WHEN %s THEN clock_timestamp() ELSE last_attempt_at END
            WHERE file_id = %s AND (state IN ('built', 'failed') OR (%s AND state = 'publishing'))
              AND attempt = coalesce(%s, attempt)
            """,
            [failure, detail, tried, file_id, tried, attempt],
        ).rowcount
        if not noted:
            return 0
        newly = conn.execute(
            """
            UPDATE ledger.delivery SET state = 'failed', state_reason = %s
            WHERE file_id = %s AND state = 'claimed'
            """,
            [failure, file_id],
        ).rowcount
        conn.execute(
            "UPDATE ledger.delivery SET state_reason = %s WHERE file_id = %s AND state = 'failed'",
            [failure, file_id],
        )
    return newly


def hold_ambiguous(conn: psycopg.Connection, file_id: int, *, detail: str, attempt: int | None = None) -> int:
    """Hold a file's deliveries for a person: nobody can tell whether it arrived. Returns the number held.

    Nothing is held when `attempt` is given and a later one has taken the file over.
    """
    with conn.transaction():
        fail(conn, file_id, failure=AMBIGUOUS, detail=detail, attempt=attempt)
        row = conn.execute("SELECT failure FROM ledger.score_file WHERE file_id = %s", [file_id]).fetchone()
        if row is None or row[0] != AMBIGUOUS:
            return 0
        frame = deliveries.contents(conn, file_id=file_id, states=["failed"])
        return deliveries.hold(conn, frame[["delivery_id"]].assign(reason=AMBIGUOUS))


def repeat(
    conn: psycopg.Connection, file_id: int, *, failure: FailureCode, detail: str, attempt: int
) -> None:
    """Let a file of doubtful fate that carries no records be sent once more: nobody can load it twice."""
    with conn.transaction():
        fail(conn, file_id, failure=failure, detail=detail, attempt=attempt)
        conn.execute(
            """
            UPDATE ledger.score_file
            SET closing_attempt = NULL, renaming_attempt = NULL, sidecar_renaming_attempt = NULL
            WHERE file_id = %s AND attempt = %s AND state = 'failed'
            """,
            [file_id, attempt],
        )


def settle_ambiguous(
    conn: psycopg.Connection, name: str, *, arrived: bool, receipt: Receipt | None, actor: str, note: str
) -> int:
    """Let a person say whether a file of doubtful fate arrived; if not, it is sent again under its name.

    `receipt` is written where it arrived. Returns the number of deliveries that moved.
    """
    with conn.transaction():
        file = named(conn, name)
        if file is None or file.failure != AMBIGUOUS:
            return 0
        ids = list(deliveries.contents(conn, file_id=file.file_id, states=["held"])["delivery_id"])
        deliveries.release(conn, ids, actor=actor, note=note)
        conn.execute(
            "UPDATE ledger.delivery SET state = 'claimed' WHERE delivery_id = ANY(%s)",
            [[int(each) for each in ids]],
        )
        conn.execute(
            """
            UPDATE ledger.score_file
            SET state = 'publishing', failure = NULL, failure_detail = NULL, closing_attempt = NULL,
                renaming_attempt = NULL, sidecar_renaming_attempt = NULL
            WHERE file_id = %s
            """,
            [file.file_id],
        )
        if arrived and receipt is not None:
            deliver(conn, file, attempt=file.attempt, receipt=receipt, actor=actor, run_id=None)
    return len(ids)


def lift(conn: psycopg.Connection, *, dis: Sequence[str] | None = None) -> list[str]:
    """Let failed files be tried again although nothing changed. Returns the institutions that have any."""
    rows = conn.execute(
        """
        UPDATE ledger.score_file SET last_attempt_at = NULL
        WHERE state = 'failed' AND NOT test AND failure <> %s AND (%s::text[] IS NULL OR di = ANY(%s))
        RETURNING di
        """,
        [AMBIGUOUS, dis, dis],
    ).fetchall()
    return sorted({row[0] for row in rows})


def stuck(conn: psycopg.Connection) -> frozenset[int]:
    """The failed files that wait for a person: for a change of the institution, or a word on their fate."""
    rows = conn.execute(
        """
        SELECT f.file_id
        FROM ledger.score_file AS f
        WHERE f.state = 'failed' AND NOT f.test
          AND (f.failure = %s
               OR (f.failure = ANY(%s) AND f.last_attempt_at IS NOT NULL
                   AND NOT EXISTS (
                       SELECT FROM ledger.endpoint_version AS e
                       WHERE e.code = f.di AND e.confirmed_at > f.last_attempt_at)))
        """,
        [AMBIGUOUS, [code.value for code in WAITS_FOR_A_CHANGE]],
    ).fetchall()
    return frozenset(row[0] for row in rows)
