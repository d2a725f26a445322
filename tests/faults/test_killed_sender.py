"""A sender that is killed at any step, and again while it recovers: nothing is lost, nothing comes twice."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distribution.channels.electronic import eyes, session
from distribution.jobs import file_outbox, send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files, transfers
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.sftp_servers import Host

FILE, SIDECAR = "CLEP_4471_20261123_000001.txt", "CTL_4471_20261123_000001.json"

# Where the sender dies: the function, and whether before or after its work; `1` = at its second call.
POINTS = {
    "before the plan is recorded": (files, "record", "before", 0),
    "after the plan, before the outbox": (file_outbox, "keep", "before", 0),
    "before publishing is noted": (transfers, "begin", "before", 0),
    "after publishing is noted": (transfers, "begin", "after", 0),
    "after the upload": (eyes.Eyes, "write", "after", 0),
    "before the upload is closed": (transfers, "note_closing", "after", 0),
    "after the intent to rename": (transfers, "note_renaming", "after", 0),
    "after the rename": (session.Session, "rename", "after", 0),
    "after the sidecar's upload": (eyes.Eyes, "write", "after", 1),
    "after the intent to rename the sidecar": (transfers, "note_renaming", "after", 1),
    "after the sidecar's rename": (session.Session, "rename", "after", 1),
    "before the receipt": (transfers, "deliver", "before", 0),
    "after the receipt": (transfers, "deliver", "after", 0),
}


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path, line: Line) -> Host:
    host = replace(sshd, root=tmp_path / "drops")
    join(line, host, endpoint(host, "4471", control="both"))
    owe(line, "4471", "R-1", "R-2", "R-3")
    return host


def send(line: Line) -> None:
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis)


def killed_at(line: Line, point: str) -> bool:
    """Send in a process of its own that is killed at the point; False when it never came there."""
    child = os.fork()
    if child == 0:
        owner, function, when, calls = POINTS[point]
        setattr(owner, function, _deadly(getattr(owner, function), when=when, calls=calls))
        try:
            send(line)
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


def expect_one_whole_file(line: Line, host: Host) -> None:
    assert arrived(host, "4471") == [FILE, SIDECAR]
    there = (host.folder("4471") / FILE).read_bytes()
    assert there == (line.settings.electronic_outbox / "4471" / FILE).read_bytes()
    assert there.count(b"C-R-") == 3
    with line.connect() as conn:
        assert states(conn) == {"delivered": 3}
        counted = conn.execute(
            "SELECT (SELECT count(*) FROM ledger.receipt), (SELECT count(*) FROM ledger.disclosure), "
            "(SELECT last_sequence FROM ledger.di_sequence)"
        ).fetchone()
    assert counted == (1, 3, 1)


@pytest.mark.parametrize("point", POINTS)
def test_killed_once(line: Line, host: Host, point: str) -> None:
    assert killed_at(line, point)
    send(line)
    expect_one_whole_file(line, host)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("after the intent to rename", "after publishing is noted"),
        ("after the intent to rename", "after the intent to rename"),
        ("after the upload", "after the rename"),
        ("after the rename", "after the sidecar's upload"),
        ("after the sidecar's rename", "before the receipt"),
    ],
)
def test_killed_again_while_it_recovers(line: Line, host: Host, first: str, second: str) -> None:
    assert killed_at(line, first)
    killed_at(line, second)
    send(line)
    expect_one_whole_file(line, host)


def test_picked_up_between_two_runs_is_not_sent_again(line: Line, host: Host) -> None:
    assert killed_at(line, "after the sidecar's rename")
    for name in (FILE, SIDECAR):
        (host.folder("4471") / name).unlink()
    send(line)
    assert arrived(host, "4471") == []
    with line.connect() as conn:
        assert states(conn) == {"delivered": 3}


def test_the_data_file_picked_up_while_the_sidecar_is_missing(line: Line, host: Host) -> None:
    assert killed_at(line, "after the rename")
    (host.folder("4471") / FILE).unlink()
    send(line)
    assert arrived(host, "4471") == [SIDECAR]
