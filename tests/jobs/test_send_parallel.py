"""A second layout beside the live one: once for each live file, in the test folder, and in nobody's way."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from distribution.channels.electronic import eyes, record_layout, session
from distribution.jobs import file_outbox, partners, redeliver, send_files, send_parallel, send_test
from distribution.jobs.reconcile_deliveries import reconcile
from distribution.jobs.wiring import Line
from distribution.ledger import files, invariants, parallel_files, transfers
from distribution.model import Endpoint, Parallel
from tests.support import pgp, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.sftp_servers import Host

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
TOMORROW = NIGHT + timedelta(days=1)
LIVE, TEST, CONTROL = (
    "CLEP_4471_20261123_000001.txt",
    "TEST_4471_20261123_000001.csv",
    "TEST_CTL_4471_20261123_000001.json",
)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


def trying(host: Host, code: str = "4471", *, until: date = date(2026, 12, 31), **given: object) -> Endpoint:
    """An institution on fixed-1 that tries csv-1 beside it."""
    parallel = Parallel(layout="csv-1", folder=host.path(f"{code}-test"), until=until.isoformat())
    return endpoint(host, code, parallel=parallel, **given)


def night(line: Line, *, on: date = NIGHT) -> send_parallel.ParallelOutcome:
    built = send_files.build_files(line, run_id=None, on=on)
    send_files.send_files(line, run_id=None, on=on, dis=built.dis)
    return send_parallel.send_parallel(line, on=on)


def count(line: Line, query: str) -> int | str:
    with line.connect() as conn:
        row = conn.execute(query).fetchone()
    assert row is not None
    return row[0]


def faults(line: Line) -> list[str]:
    with line.connect() as conn:
        return [each.invariant.name for each in invariants.findings(conn) if each.broken]


def test_each_live_file_comes_once_more_in_the_second_layout(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1", "R-2")
    night(line)
    assert (arrived(host, "4471"), arrived(host, "4471-test")) == ([LIVE], [TEST, CONTROL])
    head, *rows = (host.folder("4471-test") / TEST).read_text().splitlines()
    assert head.startswith("action,result_id")
    assert [row.split(",")[1] for row in rows] == ["R-1", "R-2"]
    assert all(",ZZTEST" in row for row in rows)
    assert f'"original": "{LIVE}"' in (host.folder("4471-test") / CONTROL).read_text()


def test_it_is_no_delivery_and_takes_no_live_number(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1")
    night(line)
    owe(line, "4471", "R-2")
    night(line, on=TOMORROW)
    assert arrived(host, "4471") == [LIVE, "CLEP_4471_20261124_000002.txt"]
    assert (host.folder("4471") / "CLEP_4471_20261124_000002.txt").read_text()[30:42] == "000002000001"
    with line.connect() as conn:
        assert states(conn) == {"delivered": 2}
    document = reconcile(line, on=TOMORROW)
    assert not [fault for fault in document["faults"] if "eliver" in fault]
    assert faults(line) == []


def test_whose_records_it_shows_stands_in_the_disclosure_log(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1", "R-2")
    for _ in range(2):
        night(line)
    assert count(line, f"SELECT count(*) FROM ledger.disclosure WHERE artefact = '{TEST}'") == 2
    assert count(line, "SELECT count(*) FROM ledger.disclosure") == 4


def test_a_resend_comes_in_both_layouts_and_what_came_before_the_agreement_in_one(
    line: Line, host: Host
) -> None:
    join(line, host, endpoint(host, "4471"))
    owe(line, "4471", "R-1")
    assert night(line).sent == ()
    join(line, host, trying(host))
    partners.pause(line, "4471", until=None)
    partners.resume(line, "4471")
    redeliver.redeliver(line, what="file", name=LIVE, reason="lost", on=NIGHT)
    assert night(line).sent == (TEST,)
    assert "RESEND" in (host.folder("4471") / "CLEP_4471_20261123_000002.txt").read_text()


def test_it_ends_with_its_last_day(line: Line, host: Host) -> None:
    join(line, host, trying(host, until=NIGHT))
    owe(line, "4471", "R-1")
    night(line)
    owe(line, "4471", "R-2")
    night(line, on=TOMORROW)
    assert len(arrived(host, "4471")) == 2
    assert arrived(host, "4471-test") == [TEST, CONTROL]


def test_a_second_run_sends_no_second_one_even_when_the_first_was_collected(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1")
    night(line)
    (host.folder("4471-test") / TEST).unlink()
    assert night(line) == send_parallel.ParallelOutcome()
    assert arrived(host, "4471-test") == [CONTROL]


def test_a_test_folder_that_is_gone_moves_nothing_live_and_is_told(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    host.folder("4471-test").rmdir()
    owe(line, "4471", "R-1")
    assert night(line).unsent == (TEST,)
    owe(line, "4471", "R-2")
    night(line, on=TOMORROW)
    assert len(arrived(host, "4471")) == 2
    with line.connect() as conn:
        assert states(conn) == {"delivered": 2}
        assert files.open_files(conn) == []
    needs = reconcile(line, on=TOMORROW)["needs_a_person"]
    assert "4471: 2 files in layout csv-1 did not arrive" in [need["what"] for need in needs]
    host.folder("4471-test")
    assert len(night(line, on=TOMORROW).sent) == 2


def test_while_a_live_file_waits_its_host_is_not_asked_for_a_test(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1")
    night(line)
    join(line, host, trying(host, directory=host.path("4471") + "/gone"))
    owe(line, "4471", "R-2")
    (host.folder("4471-test") / TEST).unlink()
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET state = 'failed' WHERE test")
    assert night(line, on=TOMORROW) == send_parallel.ParallelOutcome()


def test_a_paused_institution_gets_no_test_either(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1")
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)
    partners.pause(line, "4471", until=None)
    assert send_parallel.send_parallel(line, on=NIGHT) == send_parallel.ParallelOutcome()
    partners.resume(line, "4471")
    assert send_parallel.send_parallel(line, on=NIGHT).sent == (TEST,)


def test_it_is_encrypted_as_the_live_one(line: Line, host: Host) -> None:
    partner = pgp.modern(days=400)
    join(line, host, trying(host, pgp_key=partner.public))
    owe(line, "4471", "R-1")
    night(line)
    data = (host.folder("4471-test") / f"{TEST}.pgp").read_bytes()
    assert b"ZZTEST" not in data
    assert b"ZZTEST" in partner.open(data)


def test_where_the_live_one_goes_through_another_folder_the_test_does_not(line: Line, host: Host) -> None:
    on_the_way = host.path("on-the-way")
    join(line, host, trying(host, publish="temp-folder", temp_directory=on_the_way))
    owe(line, "4471", "R-1")
    night(line)
    assert (arrived(host, "4471-test"), arrived(host, "on-the-way")) == ([TEST, CONTROL], [])


def test_a_test_file_that_is_acknowledged_is_no_trouble(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1")
    night(line)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET state = 'acknowledged' WHERE test")
        assert parallel_files.troubles(conn, {"4471": "csv-1"}) == []
        assert parallel_files.counts(conn, "4471", layout="csv-1") == {"delivered": 1, "unsent": 0}


def test_records_that_do_not_fit_the_second_layout_are_left_out_and_told(
    line: Line, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = record_layout.load("csv-1")
    fields = [
        replace(each, length=20) if each.name == "first_name" else each
        for each in narrow.records[record_layout.RecordKind.DETAIL]
    ]
    narrow = replace(narrow, records={**narrow.records, record_layout.RecordKind.DETAIL: tuple(fields)})
    wide = record_layout.load
    monkeypatch.setattr(record_layout, "load", lambda name: narrow if name == "csv-1" else wide(name))
    join(line, host, trying(host))
    owe(line, "4471", "R-1", first_name="A" * 30)
    owe(line, "4471", "R-2")
    night(line)
    text = (host.folder("4471-test") / TEST).read_text()
    assert ("R-1" in text, "R-2" in text) == (False, True)
    shown = f"SELECT string_agg(result_id, ' ') FROM ledger.disclosure WHERE artefact = '{TEST}'"
    assert count(line, shown) == "R-2"
    needs = [need["what"] for need in reconcile(line, on=TOMORROW)["needs_a_person"]]
    assert "4471: 1 record does not fit layout csv-1" in needs


def test_long_names_keep_the_mark_and_are_cut_in_the_test_alone(line: Line, host: Host) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1", last_name="Ä" * 60)
    night(line)
    assert f",ZZTEST{'Ä' * 54}," in (host.folder("4471-test") / TEST).read_text()
    assert "Ä" * 60 in (host.folder("4471") / LIVE).read_text()


def test_test_files_of_both_kinds_share_one_count(line: Line, host: Host) -> None:
    at = trying(host)
    assert at.parallel is not None
    join(line, host, replace(at, test_directory=at.parallel.folder))
    assert send_test.send_test(line, "4471", on=NIGHT)["file"] == "TEST_4471_20261123_000001.txt"
    owe(line, "4471", "R-1")
    assert night(line).sent == ("TEST_4471_20261123_000002.csv",)
    assert faults(line) == []


# Where the sender dies: the function, before or after its work, and at which of its calls.
POINTS = {
    "before its bytes are kept": (file_outbox, "keep", "before", 0),
    "before it is recorded": (files, "record", "before", 0),
    "after it is recorded": (files, "record", "after", 0),
    "after publishing is noted": (transfers, "begin", "after", 0),
    "after the upload": (eyes.Eyes, "write", "after", 0),
    "after the intent to rename": (transfers, "note_renaming", "after", 0),
    "after the rename": (session.Session, "rename", "after", 0),
    "after the control file's rename": (session.Session, "rename", "after", 1),
    "before it is noted as delivered": (transfers, "deliver", "before", 0),
    "after it is noted as delivered": (transfers, "deliver", "after", 0),
}


def killed_at(line: Line, point: str) -> bool:
    """Send the second layouts in a process of its own that is killed at the point."""
    child = os.fork()
    if child == 0:
        owner, function, when, calls = POINTS[point]
        setattr(owner, function, _deadly(getattr(owner, function), when=when, calls=calls))
        try:
            send_parallel.send_parallel(line, on=NIGHT)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _deadly(work: Callable, *, when: str, calls: int) -> Callable:
    left = [calls]

    def deadly(*given: object, **named: object) -> object:
        left[0] -= 1
        if left[0] < 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = work(*given, **named)
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    return deadly


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_next_run_leaves_one_whole_file(line: Line, host: Host, point: str) -> None:
    join(line, host, trying(host))
    owe(line, "4471", "R-1", "R-2")
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)
    assert killed_at(line, point)
    for _ in range(2):
        send_parallel.send_parallel(line, on=NIGHT)
    assert arrived(host, "4471-test") == [TEST, CONTROL]
    there = (host.folder("4471-test") / TEST).read_bytes()
    assert there == (line.settings.electronic_outbox / "4471" / TEST).read_bytes()
    assert count(line, "SELECT count(*) FROM ledger.score_file WHERE test AND state = 'delivered'") == 1
    assert count(line, f"SELECT count(*) FROM ledger.disclosure WHERE artefact = '{TEST}'") == 2
    assert faults(line) == []


def test_where_nobody_may_look_a_cut_file_is_given_up_not_sent_twice(line: Line, host: Host) -> None:
    join(line, host, trying(host, look="none"))
    owe(line, "4471", "R-1")
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)
    assert killed_at(line, "after the rename")
    (host.folder("4471-test") / TEST).unlink()
    for _ in range(2):
        send_parallel.send_parallel(line, on=NIGHT)
    assert arrived(host, "4471-test") == []
    with line.connect() as conn:
        assert states(conn) == {"delivered": 1}
