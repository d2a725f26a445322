"""File numbers have no gaps, claims are whole or not made, and a late attempt can note nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from distribution.errors import TransientError
from distribution.ledger import deliveries, files, rewrites, transfers
from distribution.ledger.files import NewFile
from distribution.model import Channel, Receipt
from tests.support import records

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def new_file(sequence: int, *, details: int = 1, di: str = "4471") -> NewFile:
    return NewFile(
        name=f"CLEP_{di}_20261123_{sequence:06d}.txt",
        di=di,
        sequence=sequence,
        previous_sequence=sequence - 1,
        kind="NEW",
        business_date=date(2026, 11, 23),
        created_at=AT,
        run_id=None,
        layout="fixed-1",
        layout_version=1,
        encoding="utf-8",
        newline="crlf",
        control="inline",
        sidecar_name=None,
        original_name=None,
        asked_by=None,
        asked_because=None,
        details=details,
        score_total=55,
        sha256="ab" * 32,
        size_bytes=2106,
        sidecar_sha256=None,
    )


def owed(conn: psycopg.Connection, *result_ids: str) -> list[int]:
    return [
        records.owe(conn, records.result(conn, each), "4471", channel="electronic") for each in result_ids
    ]


def planned(conn: psycopg.Connection, *result_ids: str) -> files.ScoreFile:
    ids = owed(conn, *result_ids)
    files.lock_sequences(conn, ["4471"])
    file = new_file(1, details=len(ids))
    files.record(conn, [file], {file.name: ids})
    found = files.named(conn, file.name)
    assert found is not None
    return found


def test_an_institution_begins_at_one_and_its_count_follows_its_files(conn: psycopg.Connection) -> None:
    assert files.lock_sequences(conn, ["4471", "5500"]) == {"4471": 0, "5500": 0}
    files.record(conn, [new_file(1, details=0)], {})
    assert files.lock_sequences(conn, ["4471", "5500"]) == {"4471": 1, "5500": 0}


def test_a_number_is_never_given_twice(conn: psycopg.Connection) -> None:
    files.lock_sequences(conn, ["4471"])
    files.record(conn, [new_file(1)], {})
    with pytest.raises(psycopg.errors.UniqueViolation):
        files.record(conn, [replace(new_file(1), name="another.txt")], {})


def test_a_delivery_that_moved_meanwhile_is_not_claimed(conn: psycopg.Connection) -> None:
    ids = owed(conn, "R-1", "R-2")
    deliveries.withdraw(conn, ids[:1], reason="superseded")
    files.lock_sequences(conn, ["4471"])
    with pytest.raises(TransientError, match="1 deliveries moved"):
        files.record(conn, [new_file(1)], {new_file(1).name: ids})


def test_publishing_marks_what_may_have_left(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1")
    assert transfers.begin(conn, file, place="here") == 1
    begun = files.read(conn, file.file_id)
    assert (begun.state, begun.may_have_left, begun.attempt) == ("publishing", True, 1)
    assert conn.execute("SELECT left_at IS NOT NULL FROM ledger.delivery").fetchone() == (True,)


def test_a_file_that_lost_a_delivery_does_not_begin(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1", "R-2")
    ids = deliveries.contents(conn)["delivery_id"].tolist()
    deliveries.withdraw(conn, ids[:1], reason="superseded")
    with pytest.raises(files.ContentChanged):
        transfers.begin(conn, file, place="here")
    assert files.read(conn, file.file_id).may_have_left is False


def test_a_file_that_may_have_left_is_not_written_anew(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1")
    transfers.begin(conn, file, place="here")
    with pytest.raises(files.ContentChanged, match="never changes"):
        rewrites.rewrite(
            conn,
            file,
            name=file.name,
            kind="VOID",
            control="inline",
            sidecar_name=None,
            details=0,
            score_total=0,
            sha256="cd" * 32,
            size_bytes=1,
            sidecar_sha256=None,
            transliterated=0,
            plain_sha256="cd" * 32,
            encrypted_for=None,
        )


def test_delivery_receipt_and_disclosure_come_together(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1")
    attempt = transfers.begin(conn, file, place="here")
    receipt = Receipt(Channel.ELECTRONIC, file.name, 1, file.sha256, file.size_bytes, AT)
    assert transfers.deliver(conn, file, attempt=attempt, receipt=receipt, actor="op", run_id=None) == 1
    counted = conn.execute(
        "SELECT (SELECT state FROM ledger.delivery), (SELECT count(*) FROM ledger.receipt), "
        "(SELECT count(*) FROM ledger.disclosure)"
    ).fetchone()
    assert counted == ("delivered", 1, 1)


def test_a_failure_counts_each_delivery_once(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1", "R-2")
    assert transfers.fail(conn, file.file_id, failure="unreachable", detail="x") == 2
    assert transfers.fail(conn, file.file_id, failure="timed-out", detail="x") == 0
    assert deliveries.contents(conn)["state_reason"].tolist() == ["timed-out", "timed-out"]


@pytest.mark.parametrize("failure", ["host-key", "sign-in", "folder", "pgp-key", "space"])
def test_what_waits_for_a_change_is_stuck_until_it_is_lifted(conn: psycopg.Connection, failure: str) -> None:
    file = planned(conn, "R-1")
    transfers.fail(conn, file.file_id, failure=failure, detail="x")
    assert transfers.stuck(conn) == {file.file_id}
    assert transfers.lift(conn) == ["4471"]
    assert transfers.stuck(conn) == frozenset()


def test_other_failures_are_never_stuck(conn: psycopg.Connection) -> None:
    file = planned(conn, "R-1")
    transfers.fail(conn, file.file_id, failure="unreachable", detail="x")
    assert transfers.stuck(conn) == frozenset()
