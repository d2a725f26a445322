"""What institutions drop back is read once and booked; what does not agree needs a person."""

import json
import logging
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from distribution.channels.electronic import acknowledgement
from distribution.cli.app import main
from distribution.errors import TransientError, UsageError
from distribution.jobs import partners, send_files
from distribution.jobs import read_acknowledgements as reading
from distribution.jobs.read_acknowledgements import acknowledge, read_acknowledgements
from distribution.jobs.reconcile_deliveries import reconcile
from distribution.jobs.wiring import Line, actor
from distribution.ledger import accounts, acknowledgements, files
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.sftp_servers import Host

logging.getLogger("paramiko").setLevel(logging.CRITICAL)
NAME = "CLEP_4471_20261123_000001.txt"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look at what cannot be read comes without waiting."""
    monkeypatch.setattr(reading, "SECOND_LOOK_SECONDS", 0.0)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


@pytest.fixture
def sent(line: Line, host: Host) -> Path:
    """A file of two scores that arrived at an institution that acknowledges; the folder for that."""
    folder = host.folder("back")
    join(line, host, endpoint(host, "4471", ack_directory=str(folder)))
    owe(line, "4471", "R-1", "R-2", last_name="ZZTESTSecret")
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)
    return folder


def said(folder: Path, name: str = "ACK_1.json", **given: Any) -> None:
    (folder / name).write_text(json.dumps({"file": NAME, "details": 2, "score_total": 110, **given}))


def state(line: Line) -> str:
    with line.connect() as conn:
        found = files.named(conn, NAME)
    assert found is not None
    return found.state


def needs(line: Line, on: date) -> list[str]:
    return [need["what"] for need in reconcile(line, on=on)["needs_a_person"]]


def test_what_agrees_acknowledges_the_file_and_its_scores(line: Line, sent: Path) -> None:
    said(sent, rows=[{"result_id": "R-1", "revision": 1, "status": "loaded"}])
    assert read_acknowledgements(line).acknowledged == 1
    assert state(line) == "acknowledged"
    assert not list(sent.iterdir())
    with line.connect() as conn:
        assert states(conn) == {"acknowledged": 2}
        assert accounts.delivered_by_artefacts(conn) == 0  # acknowledged is counted by state, not twice
        receipts = conn.execute("SELECT event, records FROM ledger.receipt ORDER BY receipt_id").fetchall()
    assert receipts == [("delivered", 2), ("acknowledged", 2)]


def test_the_same_acknowledgement_again_is_booked_once(line: Line, sent: Path) -> None:
    for _ in range(2):
        said(sent)
        read_acknowledgements(line)
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM ledger.acknowledgement").fetchone() == (1,)


@pytest.mark.parametrize(
    ("given", "outcome", "says"),
    [
        ({"details": 3}, "differs", "another count or sum"),
        ({"score_total": 1}, "differs", "another count or sum"),
        ({"rows": [{"result_id": "R-1", "revision": 1, "status": "rejected"}]}, "not-loaded", "did not load"),
        ({"file": "CLEP_4471_20261123_000009.txt"}, "unknown-file", "did not send"),
        ({"details": "two"}, "unreadable", "nothing that can be read"),
        ({"rows": [1]}, "unreadable", "nothing that can be read"),
        ({"file": "A\0"}, "unreadable", "nothing that can be read"),
        ({"file": "\ud800"}, "unreadable", "nothing that can be read"),
        ({"file": f"{NAME}\n"}, "unreadable", "nothing that can be read"),
        (
            {"rows": [{"result_id": "\udfff", "revision": 1, "status": "loaded"}]},
            "unreadable",
            "nothing that",
        ),
    ],
)
def test_what_does_not_agree_needs_a_person(
    line: Line, sent: Path, given: dict[str, Any], outcome: str, says: str
) -> None:
    said(sent, **given)
    assert read_acknowledgements(line).differing == 1
    assert state(line) == "delivered"
    with line.connect() as conn:
        assert conn.execute("SELECT outcome FROM ledger.acknowledgement").fetchone() == (outcome,)
    found = needs(line, NIGHT)
    assert any(says in what for what in found)
    assert not any("ZZTEST" in what for what in found)


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_one_that_is_too_large_is_not_read_to_its_end(
    line: Line, host: Host, sent: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr(acknowledgement, "MOST_BYTES", 1000)
    join(line, host, endpoint(host, "4471", ack_directory=str(sent), transport=transport))
    said(sent, padding="x" * 1_000_000)
    assert read_acknowledgements(line).differing == 1
    with line.connect() as conn:
        booked = conn.execute("SELECT outcome, size_bytes FROM ledger.acknowledgement").fetchone()
    assert booked is not None
    assert booked[0] == "unreadable"
    assert 1000 < booked[1] < 1_100_000


def test_what_the_ledger_cannot_keep_stops_no_other_institution(
    line: Line, host: Host, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = host.folder("back-4000")
    join(line, host, endpoint(host, "4000", ack_directory=str(back)))
    said(back, file="of 4000")
    said(sent)
    book = acknowledgements.book

    def refuse_4000(conn: psycopg.Connection, arrived: acknowledgements.Arrived) -> object:
        if arrived.di == "4000":
            raise psycopg.DataError("its words quote a record")
        return book(conn, arrived)

    monkeypatch.setattr(acknowledgements, "book", refuse_4000)
    outcome = read_acknowledgements(line)
    assert (outcome.acknowledged, outcome.unasked) == (1, 1)


def test_a_line_that_breaks_while_one_is_taken_away_costs_nothing(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "faulty", fault=sftp_servers.DropsAtRemove) as host:
        join(line, host, endpoint(host, "4471", ack_directory=host.path("back")))
        owe(line, "4471", "R-1", "R-2")
        send_files.build_files(line, run_id=None, on=NIGHT)
        send_files.send_files(line, run_id=None, on=NIGHT)
        said(host.folder("back"))
        assert read_acknowledgements(line).unasked == 1  # what came after it was not asked
        assert state(line) == "acknowledged"


def test_of_another_institutions_file_nothing_is_believed(line: Line, host: Host, sent: Path) -> None:
    join(line, host, endpoint(host, "5500", ack_directory=str(host.folder("back-5500"))))
    said(host.folder("back-5500"))
    read_acknowledgements(line)
    assert state(line) == "delivered"


# still being written -----------------------------------------------------------------------------------
def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """What happens between the two looks at an acknowledgement that cannot be read."""
    monkeypatch.setattr(reading, "time", SimpleNamespace(sleep=lambda _: act()))


def test_an_acknowledgement_that_is_whole_at_the_second_look_counts(
    line: Line, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sent / "ACK_1.json").write_text('{"file": "CLEP')
    meanwhile(monkeypatch, lambda: said(sent))
    assert read_acknowledgements(line).acknowledged == 1
    assert state(line) == "acknowledged"
    assert not list(sent.iterdir())


def test_an_acknowledgement_that_grows_is_left_for_the_next_run(
    line: Line, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sent / "ACK_1.json").write_text('{"file": "CLEP')
    said(sent, name="ACK_2.json", details=3)
    meanwhile(monkeypatch, lambda: (sent / "ACK_1.json").write_text('{"file": "CLEP_4471'))
    assert read_acknowledgements(line).differing == 1  # the other one
    assert [path.name for path in sent.iterdir()] == ["ACK_1.json"]
    said(sent)
    assert read_acknowledgements(line).acknowledged == 1


def test_one_that_is_gone_at_the_second_look_is_booked_as_it_was_read(
    line: Line, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sent / "ACK_1.json").write_text("hello")
    meanwhile(monkeypatch, lambda: (sent / "ACK_1.json").unlink())
    assert read_acknowledgements(line).differing == 1


# one folder for two institutions ----------------------------------------------------------------------
def test_in_a_shared_folder_each_acknowledgement_counts_for_the_institution_whose_file_it_names(
    line: Line, host: Host, sent: Path
) -> None:
    join(line, host, endpoint(host, "4000", ack_directory=f"{sent}/"))
    owe(line, "4000", "R-9")
    send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT)
    said(sent)
    said(sent, name="ACK_2.json", file="CLEP_4000_20261123_000001.txt", details=1, score_total=55)
    said(sent, name="ACK_3.json", file="CLEP_4000_20261123_000009.txt")
    (sent / "ACK_4.json").write_text("hello")
    outcome = read_acknowledgements(line)
    assert (outcome.acknowledged, outcome.differing) == (2, 2)
    with line.connect() as conn:
        assert states(conn) == {"acknowledged": 3}
        booked = conn.execute("SELECT name, di FROM ledger.acknowledgement ORDER BY name").fetchall()
    assert booked == [
        ("ACK_1.json", "4471"),
        ("ACK_2.json", "4000"),
        ("ACK_3.json", "4000"),
        ("ACK_4.json", "4000"),
    ]


def test_what_is_no_acknowledgement_is_left_alone(line: Line, sent: Path) -> None:
    (sent / "notes.txt").write_text("hello")
    (sent / "ACK_1.json.part").write_text("{")
    read_acknowledgements(line)
    assert len(list(sent.iterdir())) == 2


def test_a_host_that_is_down_is_asked_again_next_time(line: Line, host: Host, sent: Path) -> None:
    said(sent)
    at = endpoint(host, "4471", ack_directory=str(sent))
    join(line, host, replace(at, port=sftp_servers.free_port()))
    assert read_acknowledgements(line).unasked == 1
    join(line, host, at)
    assert read_acknowledgements(line).acknowledged == 1


def test_a_file_not_acknowledged_in_the_agreed_days_needs_a_person(line: Line, sent: Path) -> None:
    assert not any("acknowledged" in what for what in needs(line, NIGHT + timedelta(days=1)))
    late = date(2026, 12, 1)
    assert "1 file not acknowledged by 4471" in needs(line, late)
    assert acknowledge(line, NAME) == 2
    assert not any("acknowledged" in what for what in needs(line, late))


def test_the_agreed_days_of_an_institution_go_before_the_general_ones(
    line: Line, host: Host, sent: Path
) -> None:
    join(line, host, endpoint(host, "4471", ack_directory=str(sent), ack_days=8))
    assert not any("acknowledged" in what for what in needs(line, date(2026, 12, 1)))
    assert "1 file not acknowledged by 4471" in needs(line, date(2026, 12, 8))


def test_a_persons_word_settles_what_did_not_agree(line: Line, sent: Path) -> None:
    said(sent, details=3)
    read_acknowledgements(line)
    acknowledge(line, NAME)
    assert not any("acknowledged" in what for what in needs(line, NIGHT))
    with pytest.raises(UsageError, match="no file"):
        acknowledge(line, "CLEP_4471_20261123_000009.txt")


def open_needs(line: Line) -> list[dict[str, Any]]:
    return [
        need
        for need in reconcile(line, on=NIGHT)["needs_a_person"]
        if "delivery settle" in need["what_to_do"]
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"file": "CLEP_4471_20261123_000009.txt"},
        {"details": "two"},
        {"details": 3},
        {"rows": [{"result_id": "R-1", "revision": 1, "status": "rejected"}]},
    ],
)
def test_the_command_that_the_list_names_settles_it_with_who_when_and_why(
    line: Line, sent: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(sent, **given)
    read_acknowledgements(line)
    (need,) = open_needs(line)
    command = (
        need["what_to_do"].partition("Settled: ")[2].removesuffix(".").replace("TEXT", "'they mended it'")
    )
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "pat")
    assert main(shlex.split(command)) == 0
    assert open_needs(line) == []
    assert state(line) == "delivered"
    with line.connect() as conn:
        settled = "SELECT settled_by, settled_note, settled_at IS NOT NULL FROM ledger.acknowledgement"
        assert conn.execute(settled).fetchone() == ("pat", "they mended it", True)
    assert main(shlex.split(command)) == 2  # there is nothing left to settle


@pytest.mark.parametrize("how", ["by word", "by a later one"])
def test_rows_not_loaded_of_a_file_that_is_acknowledged_already_can_be_settled(
    line: Line, sent: Path, how: str
) -> None:
    said(sent)
    said(sent, name="ACK_2.json", rows=[{"result_id": "R-1", "revision": 1, "status": "rejected"}])
    read_acknowledgements(line)
    assert len(open_needs(line)) == 1
    if how == "by word":
        acknowledge(line, NAME)
    else:
        said(sent, name="ACK_3.json")
        read_acknowledgements(line)
    assert open_needs(line) == []
    with line.connect() as conn:
        settled = "SELECT settled_by FROM ledger.acknowledgement WHERE name = 'ACK_2.json'"
        assert conn.execute(settled).fetchone() == ("ACK_3.json" if how == "by a later one" else actor(),)


def test_one_that_agrees_settles_none_that_came_after_it(line: Line, sent: Path) -> None:
    with line.connect() as conn:  # both came before we knew that the file had arrived
        conn.execute("UPDATE ledger.score_file SET state = 'failed', failure = 'connection-lost'")
    said(sent)
    said(sent, name="ACK_2.json", rows=[{"result_id": "R-1", "revision": 1, "status": "rejected"}])
    read_acknowledgements(line)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET state = 'delivered', failure = NULL")
    read_acknowledgements(line)
    (need,) = open_needs(line)
    assert "rows that it did not load" in need["what"]
    with line.connect() as conn:
        rows = conn.execute("SELECT name, outcome, settled_at IS NULL FROM ledger.acknowledgement").fetchall()
    assert sorted(rows) == [("ACK_1.json", "agrees", True), ("ACK_2.json", "not-loaded", True)]


def test_one_of_a_host_whose_line_breaks_at_the_second_look_is_booked_as_it_was_read(
    line: Line, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sent / "ACK_1.json").write_text("{")
    arrived = reading._arrived
    looks = iter([arrived])

    def breaks_off(*given: Any) -> Any:
        look = next(looks, None)
        if look is None:
            raise TransientError("the line broke")
        return look(*given)

    monkeypatch.setattr(reading, "_arrived", breaks_off)
    read_acknowledgements(line)
    with line.connect() as conn:
        assert conn.execute("SELECT outcome FROM ledger.acknowledgement").fetchone() == ("unreadable",)


def test_that_a_file_was_collected_is_a_note_on_it(line: Line, host: Host, sent: Path) -> None:
    read_acknowledgements(line)
    with line.connect() as conn:
        assert files.named(conn, NAME).collected_at is None
    (host.folder("4471") / NAME).unlink()
    read_acknowledgements(line)
    with line.connect() as conn:
        found = files.named(conn, NAME)
    assert (found.state, found.collected_at is None) == ("delivered", False)
    assert arrived(host, "4471") == []


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_where_nobody_may_list_the_host_counts_as_unasked_and_no_file_as_collected(
    line: Line, tmp_path: Path, transport: str
) -> None:
    with sftp_servers.openssh(tmp_path / "host", requests="-P opendir") as closed:
        back = str(closed.folder("back"))
        join(line, closed, endpoint(closed, "4471", ack_directory=back, transport=transport))
        owe(line, "4471", "R-1", "R-2")
        send_files.build_files(line, run_id=None, on=NIGHT)
        send_files.send_files(line, run_id=None, on=NIGHT)
        assert state(line) == "delivered"
        join(line, closed, endpoint(closed, "4471", ack_directory=back, transport=transport, look="list"))
        assert read_acknowledgements(line).unasked == 1
        tested = partners.try_connection(line, "4471", wait_seconds=0.1)
    with line.connect() as conn:
        assert files.named(conn, NAME).collected_at is None
    failed = [step["step"] for step in tested["steps"] if step["state"] == "failed"]
    assert [step.startswith("Folder") for step in failed] == [True]
