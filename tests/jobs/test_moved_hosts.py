"""A file that may stand at one place is not looked for, nor taken for delivered, at another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distribution.jobs import send_files, settle_holds
from distribution.jobs.settle_holds import Fate
from distribution.jobs.wiring import Line
from distribution.ledger import files
from distribution.model import Endpoint, HoldState
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, picked_up, states
from tests.support.sftp_servers import Host

FILE = "CLEP_4471_20261123_000001.txt"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with sftp_servers.faulty(tmp_path / "host", sftp_servers.DropsAtRename) as host:
        yield host


@pytest.fixture
def cut_off(line: Line, host: Host) -> Endpoint:
    """A file whose line broke at its rename: its upload stands whole under the temporary name."""
    at = endpoint(host, "4471")
    join(line, host, at)
    owe(line, "4471", "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
    assert arrived(host, "4471") == [f"{FILE}.1.part"]
    return at


def file_of(line: Line) -> files.ScoreFile:
    with line.connect() as conn:
        found = files.named(conn, FILE)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "changed",
    [{"directory": "new-folder"}, {"publish": "temp-folder", "temp_directory": "on-the-way"}],
    ids=["folder", "temporary folder"],
)
def test_it_is_held_where_the_endpoint_leads_elsewhere(
    line: Line, host: Host, cut_off: Endpoint, changed: dict[str, str]
) -> None:
    paths = {key: host.path(value) if "directory" in key else value for key, value in changed.items()}
    join(line, host, replace(cut_off, **paths))
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    assert (sent.delivered, sent.held) == (0, 1)
    assert file_of(line).failure == "ambiguous-delivery"
    assert cut_off.directory in (file_of(line).failure_detail or "")


def test_a_person_has_it_sent_to_the_new_place(line: Line, host: Host, cut_off: Endpoint) -> None:
    join(line, host, replace(cut_off, directory=host.path("new-folder")))
    send_files.send_files(line, run_id=None, on=NIGHT)
    (hold,) = settle_holds.list_holds(line, state=HoldState.OPEN)
    settle_holds.settle_ambiguous(line, hold.id, as_=Fate.AGAIN, reason="nothing came")
    send_files.send_files(line, run_id=None, on=NIGHT)  # the line breaks there once too
    assert send_files.send_files(line, run_id=None, on=NIGHT).files == (FILE,)
    assert arrived(host, "new-folder") == [FILE]


def test_the_receipt_of_what_arrived_names_the_place_where_it_arrived(
    line: Line, host: Host, cut_off: Endpoint
) -> None:
    join(line, host, replace(cut_off, directory=host.path("new-folder")))
    send_files.send_files(line, run_id=None, on=NIGHT)
    (hold,) = settle_holds.list_holds(line, state=HoldState.OPEN)
    settle_holds.settle_ambiguous(line, hold.id, as_=Fate.ARRIVED, reason="they have it")
    with line.connect() as conn:
        assert states(conn) == {"delivered": 1}
        assert conn.execute("SELECT remote_name FROM ledger.receipt").fetchone() == (
            f"127.0.0.1:{host.port}{cut_off.directory}/{FILE}",
        )


@pytest.mark.parametrize("agreed", [{"look": "list"}, {"publish": "done-file"}], ids=["look", "done-file"])
def test_at_the_same_place_the_next_run_goes_on(
    line: Line, host: Host, cut_off: Endpoint, agreed: dict[str, str]
) -> None:
    join(line, host, replace(cut_off, **agreed))
    assert send_files.send_files(line, run_id=None, on=NIGHT).files == (FILE,)
    assert arrived(host, "4471") == [FILE]


class TakesTheDoneFileAlone(sftp_servers.Sound):
    """A robot loads the data when the done-file is closed, takes that alone, and the line breaks."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        done = sftp_servers._path_of_handle(file_obj)
        if done.name.startswith("CTL_") and done.exists() and done.stat().st_size:
            self.pick_up(done)
            self.cut()


def test_a_done_file_that_is_gone_alone_is_not_written_twice(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "robot", TakesTheDoneFileAlone) as host:
        join(line, host, endpoint(host, "4471", publish="done-file"))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        for _ in range(3):
            send_files.send_files(line, run_id=None, on=NIGHT)
        assert arrived(host, "4471") == [FILE]
        assert picked_up(host) == ["CTL_4471_20261123_000001.json"]
    assert file_of(line).failure == "ambiguous-delivery"


def test_a_done_file_that_may_not_be_begun_leaves_no_doubt(line: Line, tmp_path: Path) -> None:
    refuses = "-P open"
    with sftp_servers.openssh(tmp_path / "host", requests=refuses) as host:
        join(line, host, endpoint(host, "4471", publish="done-file", look="none"))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
    found = file_of(line)
    assert (found.failure, found.renaming_attempt, found.sidecar_renaming_attempt) == ("folder", None, None)
