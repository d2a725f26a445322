"""What no rule foresees at one host stops that institution's files and nobody else's."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from asyncssh.sftp import SFTPAttrs

from distribution.channels.electronic import drop
from distribution.jobs import send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe
from tests.support.sftp_servers import Host

ODD, SOUND = "4471", "5500"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    """An asyncssh host, whose answers a test can spoil, and a real sshd."""
    with ExitStack() as stack:
        odd = stack.enter_context(sftp_servers.faulty(tmp_path / "odd", sftp_servers.Sound))
        yield odd, stack.enter_context(sftp_servers.openssh(tmp_path / "sound"))


def night(line: Line, hosts: tuple[Host, Host]) -> tuple[send_files.SendOutcome, files.ScoreFile]:
    """Both are owed a file; what came of it, and the odd one's file."""
    odd, sound = hosts
    join(line, odd, endpoint(odd, ODD))
    join(line, sound, endpoint(sound, SOUND))
    owe(line, ODD, "R-1")
    owe(line, SOUND, "R-2")
    send_files.build_files(line, run_id=None, on=NIGHT)
    sent = send_files.send_files(line, run_id=None, on=NIGHT)
    with line.connect() as conn:
        (file,) = files.open_files(conn)
    return sent, file


def test_an_answer_that_is_too_short(
    line: Line, hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SFTPAttrs, "encode", lambda *_: b"\0")
    sent, file = night(line, hosts)
    assert (sent.delivered, sent.failed, file.di) == (1, 1, ODD)
    assert arrived(hosts[1], SOUND) == [f"CLEP_{SOUND}_20261123_000001.txt"]
    assert file.failure == "connection-lost"
    monkeypatch.undo()
    assert send_files.send_files(line, run_id=None, on=NIGHT).files == (file.name,)


def test_a_fault_of_ours_is_told_by_its_kind_and_line_alone(
    line: Line,
    hosts: tuple[Host, Host],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    publish = drop.publish

    def stumbles(session: object, terms: drop.Terms, *given: object, **named: object) -> None:
        if terms.directory.endswith(ODD):
            raise LookupError("Smith, Jane")
        publish(session, terms, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(drop, "publish", stumbles)
    with caplog.at_level(logging.INFO):
        sent, file = night(line, hosts)
    assert (sent.delivered, sent.failed, file.di, file.failure) == (1, 1, ODD, "refused-by-host")
    assert "LookupError at test_odd_answers.py" in (file.failure_detail or "")
    assert "Smith" not in (file.failure_detail or "") + caplog.text


def test_a_host_name_that_cannot_be_looked_up(line: Line, hosts: tuple[Host, Host]) -> None:
    odd, _ = hosts
    join(line, odd, replace(endpoint(odd, ODD), host="sftp..example.edu"))
    owe(line, ODD, "R-1")
    send_files.build_files(line, run_id=None, on=NIGHT)
    assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
    with line.connect() as conn:
        (file,) = files.open_files(conn)
    assert file.failure == "unreachable"
