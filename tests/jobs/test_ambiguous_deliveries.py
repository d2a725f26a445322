"""Where nobody can look, a cut at the rename is held; a person says whether the file arrived."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distribution.errors import UsageError
from distribution.jobs import partners, send_files, settle_holds
from distribution.jobs.read_acknowledgements import read_acknowledgements, settle
from distribution.jobs.reconcile_deliveries import reconcile
from distribution.jobs.settle_holds import Fate
from distribution.jobs.wiring import Line
from distribution.ledger import files
from tests.support import records, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.sftp_servers import Host

FILE = "CLEP_4471_20261123_000001.txt"


def held(line: Line, host: Host) -> list[int]:
    """A delivery of three records that was cut off at its rename. Returns its holds."""
    join(line, host, endpoint(host, "4471", look="none"))
    owe(line, "4471", "R-1", "R-2", "R-3")
    send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT)
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    assert (sent.delivered, sent.held) == (0, 3)
    found = [hold for hold in settle_holds.list_holds(line) if hold.reason == "ambiguous-delivery"]
    assert len(found) == 3
    return [hold.id for hold in found]


def test_it_is_held_and_never_repeated_by_itself(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAfterRename) as host:
        held(line, host)
        for _ in range(3):
            assert send_files.send_files(line, run_id=None, on=NIGHT).unsent == (FILE,)
            assert send_files.retry(line, on=NIGHT).delivered == 0
        assert arrived(host, "4471") == [FILE]


def test_released_as_arrived_the_whole_file_counts_as_delivered(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAfterRename) as host:
        first, *_ = held(line, host)
        released = settle_holds.settle_ambiguous(line, first, as_=Fate.ARRIVED, reason="they have it")
        assert released.state == "released"
        send_files.send_files(line, run_id=None, on=NIGHT)
        assert arrived(host, "4471") == [FILE]
    with line.connect() as conn:
        assert states(conn) == {"delivered": 3}
        assert files.named(conn, FILE).state == "delivered"
        told = "SELECT (SELECT count(*) FROM ledger.disclosure), (SELECT records FROM ledger.receipt)"
        assert conn.execute(told).fetchone() == (3, 3)
        assert conn.execute("SELECT count(*) FROM ledger.hold WHERE state = 'open'").fetchone() == (0,)


def test_released_as_again_the_same_bytes_are_sent_once_more(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAtRename) as host:
        first, *_ = held(line, host)
        kept = (line.settings.electronic_outbox / "4471" / FILE).read_bytes()
        settle_holds.settle_ambiguous(line, first, as_=Fate.AGAIN, reason="it never came")
        with line.connect() as conn:
            assert states(conn) == {"claimed": 3}
        assert send_files.send_files(line, run_id=None, on=NIGHT).delivered == 3
        there = [name for name in arrived(host, "4471") if not name.endswith(".part")]
        assert there == [FILE]
        assert (host.folder("4471") / FILE).read_bytes() == kept
        assert json.dumps(settle_holds.list_holds(line, state="open")) == "[]"


def test_a_release_without_a_fate_asks_for_one(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAfterRename) as host:
        first, *_ = held(line, host)
    with pytest.raises(UsageError, match="--as arrived or --as again"):
        settle_holds.release(line, first, reason="go on")


def test_a_file_without_records_is_simply_sent_again(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAtRename) as host:
        join(line, host, endpoint(host, "4471", look="none"))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        with line.connect() as conn:
            conn.execute("UPDATE ledger.delivery SET state = 'withdrawn', state_reason = 'superseded'")
        for _ in range(3):
            send_files.send_files(line, run_id=None, on=NIGHT)
        with line.connect() as conn:
            file = files.named(conn, FILE)
        assert (file.kind, file.state) == ("VOID", "delivered")


# an acknowledgement is evidence ------------------------------------------------------------------------
@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[Host]:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAfterRename) as host:
        yield host


def acknowledged(line: Line, host: Host, **given: object) -> None:
    """The institution drops an acknowledgement of the file that is held, and it is read."""
    join(line, host, endpoint(host, "4471", look="none", ack_directory=host.path("back")))
    said = {"file": FILE, "details": 3, "score_total": 165, **given}
    (host.folder("back") / "ACK_1.json").write_text(json.dumps(said))
    read_acknowledgements(line)


def outcomes(line: Line) -> list[str]:
    with line.connect() as conn:
        return [row[0] for row in conn.execute("SELECT outcome FROM ledger.acknowledgement").fetchall()]


def test_that_the_institution_acknowledged_a_held_file_is_told_and_counts_once_released(
    line: Line, cut_off: Host
) -> None:
    first, *_ = held(line, cut_off)
    acknowledged(line, cut_off)
    assert outcomes(line) == ["early"]
    (need,) = [each for each in reconcile(line, on=NIGHT)["needs_a_person"] if "says" in each["what"]]
    assert need["what"] == f"4471 says that it has {FILE}"
    assert f"hold release {first} --as arrived" in need["what_to_do"]
    with pytest.raises(UsageError, match="come twice"):
        settle_holds.settle_ambiguous(line, first, as_=Fate.AGAIN, reason="they lost it")
    settle_holds.settle_ambiguous(line, first, as_=Fate.ARRIVED, reason="they acknowledged it")
    with line.connect() as conn:
        assert states(conn) == {"acknowledged": 3}
        assert files.named(conn, FILE).state == "acknowledged"
    assert outcomes(line) == ["agrees"]
    assert not any("4471 says" in each["what"] for each in reconcile(line, on=NIGHT)["needs_a_person"])


def test_an_early_acknowledgement_that_differs_still_needs_a_person_once_the_file_is_released(
    line: Line, cut_off: Host
) -> None:
    first, *_ = held(line, cut_off)
    acknowledged(line, cut_off, details=2)
    settle_holds.settle_ambiguous(line, first, as_=Fate.ARRIVED, reason="they acknowledged it")
    with line.connect() as conn:
        assert states(conn) == {"delivered": 3}
    assert outcomes(line) == ["differs"]


def test_an_early_acknowledgement_counts_when_the_next_run_sees_the_file(line: Line, cut_off: Host) -> None:
    join(line, cut_off, endpoint(cut_off, "4471"))
    owe(line, "4471", "R-1", "R-2", "R-3")
    send_files.build_files(line, run_id=None, on=NIGHT)
    assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 3  # it stands there, whole
    (cut_off.folder("back") / "ACK_1.json").write_text(
        json.dumps({"file": FILE, "details": 3, "score_total": 165})
    )
    join(line, cut_off, endpoint(cut_off, "4471", ack_directory=cut_off.path("back")))
    read_acknowledgements(line)
    assert outcomes(line) == ["early"]
    send_files.send_files(line, run_id=None, on=NIGHT)
    with line.connect() as conn:
        assert states(conn) == {"acknowledged": 3}


def test_what_was_acknowledged_after_a_person_said_again_is_held_and_goes_by_no_paper(
    line: Line, cut_off: Host
) -> None:
    first, *_ = held(line, cut_off)
    settle_holds.settle_ambiguous(line, first, as_=Fate.AGAIN, reason="it never came")
    for taken in cut_off.folder("4471").iterdir():
        taken.unlink()  # it had come, and they collected it
    acknowledged(line, cut_off)
    assert outcomes(line) == ["early"]
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    assert (sent.delivered, sent.held) == (0, 3)
    assert arrived(cut_off, "4471") == []
    found = partners.to_paper(line, "4471", reason="host is gone", on=NIGHT, at_once=True)
    assert (found["to_paper"], found["in_doubt"]) == (0, [FILE])


def test_an_early_acknowledgement_of_a_file_without_records_keeps_nothing_back(
    line: Line, cut_off: Host
) -> None:
    join(line, cut_off, endpoint(cut_off, "4471", look="none", empty_file=True))
    with line.connect() as conn:
        records.institution(conn, "4471", kind="college", delivery_method="electronic")
    send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT)
    assert send_files.send_files(line, run_id=None, on=NIGHT).unsent == (FILE,)  # nobody can tell
    for taken in cut_off.folder("4471").iterdir():
        taken.unlink()  # it had come, and they collected it
    acknowledged(line, cut_off, details=0, score_total=0)
    assert outcomes(line) == ["early"]
    assert send_files.send_files(line, run_id=None, on=NIGHT).files == (FILE,)


def test_of_a_file_that_never_left_an_acknowledgement_is_no_evidence(line: Line, cut_off: Host) -> None:
    join(line, cut_off, endpoint(cut_off, "4471"))
    owe(line, "4471", "R-1", "R-2", "R-3")
    send_files.build_files(line, run_id=None, on=NIGHT)
    acknowledged(line, cut_off)
    assert outcomes(line) == ["unknown-file"]


def test_an_early_acknowledgement_that_was_wrong_is_settled_and_the_file_may_go_again(
    line: Line, cut_off: Host
) -> None:
    first, *_ = held(line, cut_off)
    acknowledged(line, cut_off)
    settle(line, 1, reason="it was a test of theirs")
    settle_holds.settle_ambiguous(line, first, as_=Fate.AGAIN, reason="it never came")
    with line.connect() as conn:
        assert states(conn) == {"claimed": 3}
