"""A correction that arrives between two nights is told to its institution, once, by the next night."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from distribution.jobs import distribute_scores, redeliver, send_files, settle_holds
from distribution.jobs.settle_holds import Fate
from distribution.jobs.wiring import Line
from distribution.ledger import transfers
from distribution.model import FeedKind
from tests.support import records, sftp_servers
from tests.support.electronic import arrived, endpoint, join
from tests.support.feeds import institution_row, result_row, write_feed
from tests.support.sftp_servers import Host

MONDAY = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
A_DAY, MORNING = timedelta(days=1), timedelta(hours=10)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path / "host") as host:
        yield host


def night(line: Line, at: datetime) -> None:
    document = distribute_scores.run_nightly(replace(line, now=lambda: at), on=at.date())
    assert document["balanced"], document["faults"]


def told(line: Line) -> list[str]:
    """The subjects of the notices, as they were planned."""
    with line.connect() as conn:
        rows = conn.execute(
            "SELECT subject FROM ledger.mail WHERE kind = 'correction-notice' ORDER BY mail_id"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def failed(line: Line, host: Host) -> str:
    """A file with one correction, which did not reach the host on Tuesday night."""
    join(line, host, endpoint(host, "4472"))
    with line.connect() as conn:
        records.contact(conn, "4472", "technical", email="tech@example.edu")
    college = institution_row(code="4472", delivery_method="electronic")
    write_feed(line.settings.inbox, FeedKind.INSTITUTIONS, [college], day=MONDAY.date())
    score = result_row(recipient_1="4472", recipient_2="")
    write_feed(line.settings.inbox, FeedKind.RESULTS, [score], day=MONDAY.date())
    night(line, MONDAY)
    corrected = score | {"revision": "2", "scaled_score": "61"}
    write_feed(line.settings.inbox, FeedKind.RESULTS, [corrected], day=(MONDAY + A_DAY).date())
    join(line, host, endpoint(host, "4472", port=sftp_servers.free_port()))
    night(line, MONDAY + A_DAY)
    join(line, host, endpoint(host, "4472"))
    assert len(arrived(host, "4472")) == 1
    assert told(line) == []
    return "CLEP_4472_20261124_000002.txt"


def by_retry(line: Line, name: str) -> None:
    assert send_files.retry(line, on=line.now().date()).files == (name,)


def by_word(line: Line, name: str) -> None:
    with line.connect() as conn:
        (file_id,) = conn.execute("SELECT file_id FROM ledger.score_file WHERE name = %s", [name]).fetchone()
        assert transfers.hold_ambiguous(conn, file_id, detail="cut off at its rename") == 1
    (hold,) = settle_holds.list_holds(line)
    settle_holds.settle_ambiguous(line, hold.id, as_=Fate.ARRIVED, reason="they have it")


def by_retry_and_once_more(line: Line, name: str) -> None:
    by_retry(line, name)
    again = redeliver.redeliver(line, what="file", name=name, reason="lost", on=line.now().date())
    assert again["state"] == "delivered"


@pytest.mark.parametrize(
    ("arrives", "files"),
    [
        (by_retry, ["CLEP_4472_20261124_000002.txt"]),
        (by_word, ["CLEP_4472_20261124_000002.txt"]),
        (by_retry_and_once_more, ["CLEP_4472_20261124_000002.txt", "CLEP_4472_20261125_000003.txt"]),
    ],
)
def test_what_arrives_between_two_nights_is_told_once_by_the_next(
    line: Line, failed: str, arrives: Callable[[Line, str], None], files: list[str]
) -> None:
    morning = MONDAY + A_DAY + MORNING
    arrives(replace(line, now=lambda: morning), failed)
    for nights in (2, 3, 4):
        night(line, MONDAY + nights * A_DAY)
        assert told(line) == [f"Corrections in {name}" for name in files]


def test_what_a_night_sent_before_it_was_broken_off_is_told_by_the_next(line: Line, failed: str) -> None:
    broken_off = replace(line, now=lambda: MONDAY + 2 * A_DAY)
    run_id = distribute_scores.open_run(broken_off, on=broken_off.now().date())
    distribute_scores.route(broken_off, run_id)
    (shard,) = distribute_scores.build(broken_off, run_id)
    assert distribute_scores.send(broken_off, run_id, shard)["delivered"] == 1
    for nights in (3, 4, 5):
        night(line, MONDAY + nights * A_DAY)
        assert told(line) == [f"Corrections in {failed}"]
