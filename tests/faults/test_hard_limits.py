"""When a file's time is over it is given up, also by a client that nothing can stop; the others go on."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from distribution.channels.electronic import limit, wire
from distribution.jobs import partners, send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files
from distribution.ledger.files import ScoreFile
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe
from tests.support.sftp_servers import Host

FILE = "CLEP_4471_20261123_000001.txt"


class SaysNothing(sftp_servers.Sound):
    """Answers no question about a file, while its SSH side lives."""

    async def lstat(self, path: bytes) -> object:
        await asyncio.sleep(3600)
        return super().lstat(path)

    async def stat(self, path: bytes) -> object:
        await asyncio.sleep(3600)
        return super().stat(path)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with sftp_servers.openssh(tmp_path_factory.mktemp("sshd")) as host:
        yield host


@pytest.fixture
def host(sshd: Host, tmp_path: Path) -> Host:
    return replace(sshd, root=tmp_path / "drops")


@pytest.fixture
def hurried(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line on which a file has four seconds, and little grace."""
    monkeypatch.setattr(limit, "GRACE_SECONDS", 0.5)
    return replace(line, settings=line.settings.model_copy(update={"sftp_seconds": 4.0}))


@pytest.fixture
def waits() -> Iterator[threading.Event]:
    """What a stuck client waits for; in the end it is let go."""
    event = threading.Event()
    yield event
    event.set()


def sent_file(line: Line) -> ScoreFile:
    with line.connect() as conn:
        found = files.named(conn, FILE)
    assert found is not None
    return found


def send(line: Line) -> send_files.SendOutcome:
    built = send_files.build_files(line, run_id=None, on=NIGHT)
    return send_files.send_files(line, run_id=None, on=NIGHT, dis=built.dis or None)


def stuck_once(work: Callable, waits: threading.Event) -> Callable:
    """The first call waits, whatever becomes of its line."""
    calls: list[int] = []

    def stuck(*given: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            waits.wait(60)
        return work(*given, **named)

    return stuck


def test_a_name_look_up_that_never_ends_costs_one_institution_its_night(
    hurried: Line, host: Host, monkeypatch: pytest.MonkeyPatch, waits: threading.Event
) -> None:
    look_up = socket.getaddrinfo

    def never_for_one(name: str, *given: object, **named: object) -> object:
        if name == "stuck.example":
            waits.wait(60)
        return look_up(name, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", never_for_one)
    stuck = replace(endpoint(host, "4471"), host="stuck.example")
    join(hurried, host, stuck, endpoint(host, "4472"))
    owe(hurried, "4471", "R-1")
    owe(hurried, "4472", "R-2")
    began = time.monotonic()
    sent = send(hurried)
    assert (sent.delivered, sent.failed, sent.unsent) == (1, 1, (FILE,))
    assert sent_file(hurried).failure == "timed-out"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("request_", ["stat", "write", "rename"])
def test_a_client_that_does_not_come_back_is_left_behind_and_fenced_off(
    hurried: Line, host: Host, monkeypatch: pytest.MonkeyPatch, waits: threading.Event, request_: str
) -> None:
    monkeypatch.setattr(wire.Wire, request_, stuck_once(getattr(wire.Wire, request_), waits))
    join(hurried, host, endpoint(host, "4471"), endpoint(host, "4472"))
    owe(hurried, "4471", "R-1")
    owe(hurried, "4472", "R-2")
    sent = send(hurried)  # 4472 has the same account: a new session serves it
    assert (sent.delivered, sent.failed, sent.unsent) == (1, 1, (FILE,))
    given_up = sent_file(hurried)
    assert given_up.failure == "timed-out"
    late = [thread for thread in threading.enumerate() if thread.name == "host"]
    assert late
    waits.set()
    for thread in late:
        thread.join(10)
        assert not thread.is_alive()
    assert sent_file(hurried) == given_up
    assert FILE not in arrived(host, "4471")
    assert send(hurried).delivered == 1
    assert arrived(host, "4471") == [FILE]


def test_a_process_ends_although_a_client_does_not_come_back() -> None:
    program = """
import socket, threading
socket.getaddrinfo = lambda *given, **named: threading.Event().wait()
from distribution.channels.electronic import limit, session
from distribution.channels.electronic.remote import Account
from distribution.errors import TransientError
limit.GRACE_SECONDS = 0.1
key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINPgHhVKjGNZDcTkbFrQ6/rzzVSEBDVhNKO+VyPnrlf2"
try:
    session.connect(Account("stuck.example", 22, "clep", key, password="x"), seconds=0.1)
except TransientError as exc:
    print(exc.code)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "timed-out\n"


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_host_whose_sftp_is_dead_is_given_up_although_its_ssh_lives(
    hurried: Line, tmp_path: Path, transport: str
) -> None:
    with sftp_servers.faulty(tmp_path / "host", fault=SaysNothing) as silent:
        join(hurried, silent, endpoint(silent, "4471", transport=transport))
        owe(hurried, "4471", "R-1")
        assert send(hurried).failed == 1
        assert sent_file(hurried).failure == "timed-out"
        found = partners.try_connection(hurried, "4471", wait_seconds=0.1)
    states = {step["step"]: (step["state"], step["says"]) for step in found["steps"]}
    state, says = states["Folder /4471 exists"]
    assert state == "failed"
    assert "took longer than" in says
    assert states["Write a probe file"][0] == "not tried"
