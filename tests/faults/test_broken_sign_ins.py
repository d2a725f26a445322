"""A sign-in that breaks off is tried again; only one that the host refuses waits for a person."""

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from distribution.channels.electronic import session
from distribution.jobs import send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files
from tests.support import sftp_servers
from tests.support.electronic import NIGHT, endpoint, join, owe
from tests.support.sftp_servers import Door, Host

FILE = "CLEP_4471_20261123_000001.txt"
TRANSPORTS = ["paramiko", "openssh"]


class BreaksOff(Door):
    """The line breaks while the key is looked at."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._conn.abort()
        return False


class TakesItsTime(Door):
    """Looks at the key for an hour."""

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        await asyncio.sleep(3600)
        return True


def failure(line: Line, host: Host, transport: str) -> str | None:
    """What a night comes to at the host."""
    owe(line, "4471", "R-1")
    join(line, host, endpoint(host, "4471", transport=transport))
    send_files.build_files(line, run_id=None, on=NIGHT)
    send_files.send_files(line, run_id=None, on=NIGHT)
    with line.connect() as conn:
        found = files.named(conn, FILE)
    assert found is not None
    return found.failure


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_line_that_breaks_in_the_sign_in_is_tried_again_by_the_next_run(
    line: Line, tmp_path: Path, transport: str
) -> None:
    with sftp_servers.faulty(tmp_path / "host", door=BreaksOff) as host:
        assert failure(line, host, transport) == "connection-lost"
    with sftp_servers.faulty(tmp_path / "sound") as sound:
        join(line, sound, endpoint(sound, "4471", transport=transport))
        assert send_files.send_files(line, run_id=None, on=NIGHT).delivered == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_that_is_slow_to_let_us_in_is_tried_again(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr(session, "_SIGN_IN_SECONDS", 1.0)
    line = replace(line, settings=line.settings.model_copy(update={"sftp_seconds": 6.0}))
    with sftp_servers.faulty(tmp_path / "host", door=TakesItsTime) as host:
        assert failure(line, host, transport) == "timed-out"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_that_breaks_off_because_of_the_key_has_refused_it(
    line: Line, tmp_path: Path, transport: str
) -> None:
    with sftp_servers.openssh(tmp_path / "host", more="MaxAuthTries 1") as host:
        other = sftp_servers.new_key().export_private_key().decode()
        assert failure(line, replace(host, key=other), transport) == "sign-in"
