"""A file that may stand at one place is not looked for, nor taken for delivered, at another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import asyncssh
import pytest

from distribution.jobs import send_files, settle_holds
from distribution.jobs.settle_holds import Fate
from distribution.jobs.wiring import Line
from distribution.ledger import files, upgrade
from distribution.model import Endpoint, HoldState
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, picked_up, states
from tests.support.sftp_servers import Host

FILE, CONTROL = "CLEP_4471_20261123_000001.txt", "CTL_4471_20261123_000001.json"


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
        assert picked_up(host) == [CONTROL]
    assert file_of(line).failure == "ambiguous-delivery"


class RefusesToBegin(sftp_servers.Sound):
    """Refuses to open the done-file the first so many times, in the words of each host."""

    refusals: ClassVar[list[asyncssh.SFTPError]] = []

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if b"CTL_" in path and pflags & asyncssh.FXF_WRITE and self.refusals:
            raise self.refusals.pop()
        return super().open(path, pflags, attrs)


@pytest.mark.parametrize(
    ("refusal", "failure"),
    [(asyncssh.SFTPPermissionDenied("no"), "folder"), (asyncssh.SFTPFailure("busy"), "refused-by-host")],
    ids=["denied", "busy"],
)
@pytest.mark.parametrize("look", ["stat", "none"])
def test_a_done_file_that_may_not_be_begun_leaves_no_doubt(
    line: Line, tmp_path: Path, refusal: asyncssh.SFTPError, failure: str, look: str
) -> None:
    # Asked for reading and writing, then for writing alone.
    RefusesToBegin.refusals = [refusal, refusal]
    with sftp_servers.faulty(tmp_path / "host", RefusesToBegin) as host:
        join(line, host, endpoint(host, "4471", publish="done-file", look=look))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
        found = file_of(line)
        assert (found.failure, found.sidecar_renaming_attempt) == (failure, None)
        assert send_files.retry(line, on=NIGHT).files == (FILE,)
        assert arrived(host, "4471") == [FILE, CONTROL]


class LeavesAnEmptyDoneFile(RefusesToBegin):
    """The line breaks once the done-file is begun; then it may not be overwritten, and a robot takes all."""

    had_cut: ClassVar[bool] = False

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        opened = await super().open(path, pflags, attrs)
        if b"CTL_" in path and pflags & asyncssh.FXF_WRITE and not type(self).had_cut:
            type(self).had_cut = True
            self.cut()
        return opened


def test_a_refusal_forgets_no_earlier_attempt(line: Line, tmp_path: Path) -> None:
    LeavesAnEmptyDoneFile.had_cut, LeavesAnEmptyDoneFile.refusals = False, []
    with sftp_servers.faulty(tmp_path / "host", LeavesAnEmptyDoneFile) as host:
        join(line, host, endpoint(host, "4471", publish="done-file"))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        send_files.send_files(line, run_id=None, on=NIGHT)
        LeavesAnEmptyDoneFile.refusals = [asyncssh.SFTPPermissionDenied("no")] * 2
        send_files.retry(line, on=NIGHT)
        assert file_of(line).sidecar_renaming_attempt is not None
        for taken in host.folder("4471").iterdir():
            taken.unlink()  # the robot goes by the name alone
        assert send_files.retry(line, on=NIGHT).files == (FILE,)
        assert arrived(host, "4471") == []


def test_what_a_cut_left_of_ours_is_no_strangers(line: Line, tmp_path: Path) -> None:
    with sftp_servers.openssh(tmp_path / "host") as host:
        join(line, host, endpoint(host, "4471", publish="done-file"))
        owe(line, "4471", "R-1")
        send_files.build_files(line, run_id=None, on=NIGHT)
        whole = (line.settings.electronic_outbox / "4471" / FILE).read_bytes()
        (host.folder("4471") / FILE).write_bytes(whole[:40])
        (host.folder("4471") / CONTROL).write_bytes(b"")
        assert send_files.send_files(line, run_id=None, on=NIGHT).files == (FILE,)
        assert (host.folder("4471") / FILE).read_bytes() == whole


# before places were kept ---------------------------------------------------------------------------
def test_an_upgrade_finds_the_places_of_files_in_doubt(line: Line, host: Host, cut_off: Endpoint) -> None:
    noted = file_of(line).place
    assert noted
    script = Path(upgrade.__file__).parent / "migrations" / "versions" / "0006_places.sql"
    finds = script.read_text("utf-8").partition("UPDATE ")
    with line.connect() as conn:
        conn.execute("UPDATE ledger.score_file SET place = NULL")
        conn.execute("".join(finds[1:]))
    assert file_of(line).place == noted
