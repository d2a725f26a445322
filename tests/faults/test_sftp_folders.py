"""OpenSSH's `sftp` works below the home: no key lies there in a session, nothing outlives the next run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from distribution.channels.electronic import openssh, openssh_folder
from distribution.channels.electronic.remote import Account
from distribution.jobs import send_files
from distribution.jobs.wiring import Line
from tests.support import killed_senders, sftp_servers
from tests.support.electronic import NIGHT
from tests.support.killed_senders import Outcome, Setting
from tests.support.sftp_servers import Host


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


def left_behind(line: Line) -> set[str]:
    folders = line.settings.sftp_folders
    return {path.name for path in folders.rglob("*") if path.is_file() and not path.name.endswith("lock")}


def test_a_key_lies_there_only_while_signing_in(sshd: Host, tmp_path: Path) -> None:
    account = Account("127.0.0.1", sshd.port, sshd.username, sshd.host_key, sshd.key)
    opened = openssh.connect(account, seconds=30, below=tmp_path / "sftp")
    try:
        assert opened.stat(sshd.path("in")) != [None]
        kept = [path for path in (tmp_path / "sftp").rglob("*") if path.is_file()]
        assert kept
        assert not any(b"PRIVATE KEY" in path.read_bytes() for path in kept)
    finally:
        opened.close()
    assert [path.name for path in (tmp_path / "sftp").iterdir() if path.is_dir()] == []


def test_what_a_killed_sender_leaves_is_swept_by_the_next_run(line: Line, sshd: Host) -> None:
    before = set(Path(tempfile.gettempdir()).glob("sftp-*"))
    setting = Setting("by sftp", sftp_servers.openssh, {"transport": "openssh"})
    line = killed_senders.prepare(line, setting)
    (cell,) = killed_senders.new_cells(line, sshd, setting, 1)
    assert killed_senders.killed_at(cell, 12)
    assert set(Path(tempfile.gettempdir()).glob("sftp-*")) == before
    assert left_behind(line)
    assert "key" not in left_behind(line)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=[])
    assert left_behind(line) == set()
    assert killed_senders.settle(cell) is Outcome.DELIVERED


def test_the_folder_of_a_sender_at_work_is_left_alone(tmp_path: Path) -> None:
    at_work = openssh_folder.new(tmp_path)
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "key").write_text("PRIVATE KEY")
    openssh_folder.sweep(tmp_path)
    assert at_work.path.is_dir()
    assert not (tmp_path / "dead").exists()
    at_work.remove()
    assert not at_work.path.exists()
