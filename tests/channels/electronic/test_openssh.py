"""Through OpenSSH's `sftp` a look that the host refuses is refused, never an empty folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from distribution.channels.electronic import openssh, session
from distribution.channels.electronic.remote import Account, Remote
from tests.support import sftp_servers
from tests.support.sftp_servers import Host

TRANSPORTS = ("paramiko", "openssh")


@contextmanager
def signed_in(transport: str, host: Host, below: Path) -> Iterator[Remote]:
    account = Account("127.0.0.1", host.port, host.username, host.host_key, host.key)
    opened: Remote = (
        openssh.connect(account, seconds=30, below=below)
        if transport == "openssh"
        else session.connect(account, seconds=30)
    )
    try:
        yield opened
    finally:
        opened.close()


def list_it(remote: Remote, host: Host) -> object:
    return remote.listing(host.path("4471"))


def list_nothing(remote: Remote, host: Host) -> object:
    return remote.listing(host.path("4471") + "/gone")


def see_file(remote: Remote, host: Host) -> object:
    return remote.stat(host.path("4471") + "/there.txt")


def see_nothing(remote: Remote, host: Host) -> object:
    return remote.stat(host.path("4471") + "/gone.txt")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("requests", "look", "error"),
    [
        ("-P opendir", list_it, PermissionError),
        ("-P readdir", list_it, PermissionError),
        ("", list_nothing, FileNotFoundError),
        ("-P stat,lstat", see_file, PermissionError),
        ("-P stat,lstat", see_nothing, PermissionError),
    ],
)
def test_a_refused_look_raises_the_same_on_both_transports(
    tmp_path: Path,
    transport: str,
    requests: str,
    look: Callable[[Remote, Host], object],
    error: type[OSError],
) -> None:
    with sftp_servers.openssh(tmp_path / "host", requests=requests) as host:
        (host.folder("4471") / "there.txt").write_text("here")
        with signed_in(transport, host, tmp_path / "sftp") as remote, pytest.raises(error):
            look(remote, host)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_folder_shows_what_stands_in_it_whatever_its_name(tmp_path: Path, transport: str) -> None:
    with sftp_servers.openssh(tmp_path / "host") as host:
        (host.folder("4471") / "report not found").write_text("here")
        with signed_in(transport, host, tmp_path / "sftp") as remote:
            assert remote.listing(host.path("4471"))["report not found"].size == 4
            assert see_nothing(remote, host) == [None]
            assert remote.stat(host.path("4471")) != [None]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_folder_that_nobody_may_list_still_stands_there(tmp_path: Path, transport: str) -> None:
    with (
        sftp_servers.openssh(tmp_path / "host", requests="-P opendir") as host,
        signed_in(transport, host, tmp_path / "sftp") as remote,
    ):
        assert remote.stat(host.path("4471")) != [None]
