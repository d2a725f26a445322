"""The settings of the delivery matrix do what they are named for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from distribution.channels.electronic import session
from distribution.channels.electronic.remote import Account
from distribution.jobs.wiring import Line
from tests.support import delivery_settings, killed_senders, sftp_servers
from tests.support.delivery_settings import ALL, GROUP_EXCHANGE, IDLE_SECONDS
from tests.support.killed_senders import Outcome, Setting
from tests.support.relay import CutsIdle, SlowBanner

SETTINGS = {setting.name: setting for setting in ALL}


def test_a_host_of_group_exchange_only_is_spoken_to_by_group_exchange(tmp_path: Path) -> None:
    with sftp_servers.openssh(tmp_path / "host", more=f"{GROUP_EXCHANGE}\nLogLevel DEBUG1") as host:
        account = Account("127.0.0.1", host.port, host.username, host.host_key, host.key)
        session.connect(account, seconds=60).close()
        assert "kex: algorithm: diffie-hellman-group-exchange-sha256" in (
            tmp_path / "host" / "sshd.log"
        ).read_text("utf-8")


@pytest.mark.parametrize(
    "name", ["OpenSSH, cuts who is idle between files", "OpenSSH, cuts who is idle before renaming"]
)
def test_a_session_that_is_cut_while_idle_is_opened_anew(line: Line, tmp_path: Path, name: str) -> None:
    setting = SETTINGS[name]
    line = killed_senders.prepare(line, setting)
    with sftp_servers.openssh(tmp_path / "host") as host:
        relay = CutsIdle(host.port, seconds=IDLE_SECONDS)
        with relay as port:
            near = sftp_servers.at_port(host, port)
            (cell,) = killed_senders.new_cells(line, near, setting, 1)
            assert killed_senders.settle(cell) is Outcome.DELIVERED
            assert relay.cuts


def _by_itself(account: Account) -> None:
    transport = paramiko.Transport((account.host, account.port))
    try:
        transport.start_client()
    finally:
        transport.close()


@pytest.mark.proof
def test_a_slow_banner_is_slower_than_paramikos_own_time_out(tmp_path: Path) -> None:
    with (
        sftp_servers.openssh(tmp_path / "host") as host,
        SlowBanner(host.port, seconds=delivery_settings.BANNER_SECONDS) as port,
        pytest.raises(paramiko.SSHException, match="banner"),
    ):
        _by_itself(Account("127.0.0.1", port, host.username, host.host_key, host.key))


@pytest.mark.proof
@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_slow_banner_is_waited_for(line: Line, tmp_path: Path, transport: str) -> None:
    slow = SETTINGS["OpenSSH, slow banner"]
    setting = replace(slow, agreed={"transport": transport})
    line = killed_senders.prepare(line, setting)
    with setting.serve(tmp_path / "host") as host:
        (cell,) = killed_senders.new_cells(line, host, setting, 1)
        killed_senders.send(cell)
        assert killed_senders.judge(cell) is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("may_end", "unkilled"),
    [
        ({Outcome.DELIVERED}, {Outcome.DELIVERED}),
        ({Outcome.DELIVERED, Outcome.HELD}, {Outcome.DELIVERED}),
        ({Outcome.HELD}, {Outcome.HELD}),
        ({Outcome.WAITS}, {Outcome.WAITS}),
    ],
)
def test_without_a_kill_a_host_that_takes_files_gets_them(
    may_end: set[Outcome], unkilled: set[Outcome]
) -> None:
    serve: Callable = sftp_servers.openssh
    assert Setting("any", serve, may_end=frozenset(may_end)).unkilled == unkilled
