"""A host that refuses gets nothing: deliveries wait, and the message says what to do and names no student."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
import pytest

from distribution.jobs import send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files
from distribution.model import Endpoint
from tests.support import delivery_settings, other_servers, sftp_servers
from tests.support.electronic import NIGHT, arrived, endpoint, join, owe, states
from tests.support.other_servers import NotHere
from tests.support.sftp_servers import Host

FILE = "CLEP_4471_20261123_000001.txt"


@contextmanager
def _full_disk(folder: Path) -> Iterator[Host]:
    """256 kB behind a real sshd, and next to nothing of it is left."""
    with other_servers.small_disk(folder, size="256k") as host:
        (host.folder("4471").parent / "ballast").write_bytes(b"x" * 235_000)
        yield host


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong, how it is told, and what mends it."""

    serve: Callable[[Path], AbstractContextManager[Host]]
    spoil: Callable[[Host, Endpoint], tuple[Host, Endpoint]]
    code: str
    says: tuple[str, ...]
    mend: Callable[[Host, Endpoint], None] = lambda host, good: None


def _other_key(host: Host, good: Endpoint) -> tuple[Host, Endpoint]:
    return host, replace(good, host_key=sftp_servers.public_line(sftp_servers.new_key()))


def _other_kind(host: Host, good: Endpoint) -> tuple[Host, Endpoint]:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    return host, replace(good, host_key=sftp_servers.public_line(key))


def _wrong_secret(host: Host, good: Endpoint) -> tuple[Host, Endpoint]:
    other = sftp_servers.new_key().export_private_key().decode()
    return replace(host, key=other, password=host.password and "battery staple"), good


def _missing_folder(host: Host, good: Endpoint) -> tuple[Host, Endpoint]:
    return host, replace(good, directory=good.directory + "-of-old")


def _make_room(host: Host, good: Endpoint) -> None:
    (host.root / "ballast").unlink()


def _as_it_is(host: Host, good: Endpoint) -> tuple[Host, Endpoint]:
    return host, good


def _by_password(folder: Path) -> AbstractContextManager[Host]:
    return sftp_servers.faulty(folder, door=sftp_servers.TakesPasswords)


REFUSALS = {
    "the host key changed": Refusal(
        sftp_servers.openssh, _other_key, "host-key", ("on file is", "telephone", "nothing was sent")
    ),
    "the host has no key of the pinned kind": Refusal(
        sftp_servers.openssh, _other_kind, "host-key", ("on file is", "telephone")
    ),
    "the key is not taken": Refusal(
        sftp_servers.openssh, _wrong_secret, "sign-in", ("refused the key", "Ask the institution")
    ),
    "the password is wrong": Refusal(
        _by_password, _wrong_secret, "sign-in", ("refused the password", "Ask the institution")
    ),
    "the folder is missing": Refusal(
        sftp_servers.openssh, _missing_folder, "folder", ("is not there", "Ask the institution")
    ),
    "the disk is full": Refusal(
        _full_disk, _as_it_is, "space", ("no space left", "Nothing was published", "make room"), _make_room
    ),
}


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
@pytest.mark.parametrize("what", REFUSALS)
def test_nothing_is_sent_until_it_is_mended(
    line: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str, transport: str
) -> None:
    caplog.set_level(logging.INFO)
    refusal = REFUSALS[what]
    try:
        with refusal.serve(tmp_path / "host") as host:
            good = endpoint(host, "4471", transport=transport)
            owe(line, "4471", *(f"R-{number}" for number in range(80)))
            spoiled_host, spoiled = refusal.spoil(host, good)
            join(line, spoiled_host, spoiled)
            _expect_refusal(line, host, refusal)
            assert FILE in caplog.text
            _expect_no_student(caplog.text)
            refusal.mend(host, good)
            join(line, host, good)
            assert send_files.retry(line, on=NIGHT).delivered == 80
            assert arrived(host, "4471") == [FILE]
    except NotHere as exc:
        pytest.skip(str(exc))


def _expect_refusal(line: Line, host: Host, refusal: Refusal) -> None:
    send_files.build_files(line, run_id=None, on=NIGHT)
    assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 80
    again = send_files.send_files(line, run_id=None, on=NIGHT)  # it waits for a change
    assert (again.delivered, again.failed, again.unsent) == (0, 0, (FILE,))
    assert arrived(host, "4471") == []
    with line.connect() as conn:
        assert states(conn) == {"failed": 80}
        file = files.named(conn, FILE)
    assert file.failure == refusal.code
    for words in refusal.says:
        assert words in file.failure_detail
    _expect_no_student(file.failure_detail)


def _expect_no_student(text: str) -> None:
    for private in ("Nguyễn", "Ann", "C-R-", "R-1"):
        assert private not in text


def test_a_host_that_knows_only_sha1_is_refused_with_the_way_out(line: Line, tmp_path: Path) -> None:
    with delivery_settings.sha1_only(tmp_path / "host") as host:
        owe(line, "4471", "R-1")
        join(line, host, endpoint(host, "4471"))
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
        with line.connect() as conn:
            file = files.named(conn, FILE)
        assert file.failure == "refused-by-host"
        assert "`transport: openssh`" in file.failure_detail
        join(line, host, endpoint(host, "4471", transport="openssh"))
        assert send_files.send_files(line, run_id=None, on=NIGHT).delivered == 1


@pytest.mark.parametrize(
    ("transport", "look", "refused", "way_out"),
    [
        ("paramiko", "stat", "stat,lstat", "list"),
        ("openssh", "stat", "stat,lstat", "none"),  # its `ls` stats what it lists
        ("paramiko", "list", "opendir,readdir", "stat"),
        ("openssh", "list", "opendir,readdir", "stat"),
    ],
)
def test_a_host_that_does_not_let_us_look_as_agreed_is_told_so(
    line: Line, tmp_path: Path, transport: str, look: str, refused: str, way_out: str
) -> None:
    others = " or ".join(f"`look: {other}`" for other in ("stat", "list", "none") if other != look)
    with sftp_servers.openssh(tmp_path / "host", requests=f"-P {refused}") as host:
        owe(line, "4471", "R-1")
        join(line, host, endpoint(host, "4471", transport=transport, look=look))
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
        with line.connect() as conn:
            file = files.named(conn, FILE)
        assert (file.failure, file.may_have_left) == ("folder", False)
        assert others in file.failure_detail
        join(line, host, endpoint(host, "4471", transport=transport, look=way_out))
        assert send_files.send_files(line, run_id=None, on=NIGHT).delivered == 1


@pytest.mark.parametrize("fault", [sftp_servers.LocksOpenFiles, sftp_servers.LiesAboutSize])
def test_what_was_not_taken_whole_is_closed_and_taken_away(
    line: Line, tmp_path: Path, fault: type[sftp_servers.Sound]
) -> None:
    with sftp_servers.faulty(tmp_path / "host", fault=fault) as host:
        owe(line, "4471", *(f"R-{number}" for number in range(80)))
        join(line, host, endpoint(host, "4471"))
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 80
        assert arrived(host, "4471") == []


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_the_folder_that_is_missing_is_named(line: Line, tmp_path: Path, transport: str) -> None:
    with sftp_servers.openssh(tmp_path / "host") as host:
        owe(line, "4471", "R-1")
        gone = f"{host.path('4471')}-on-the-way"
        at = endpoint(host, "4471", publish="temp-folder", temp_directory=gone, transport=transport)
        join(line, host, at)
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
    with line.connect() as conn:
        file = files.named(conn, FILE)
    assert file.failure == "folder"
    assert gone in file.failure_detail


def test_what_a_host_says_is_kept_as_one_short_line(line: Line, tmp_path: Path) -> None:
    with sftp_servers.faulty(tmp_path / "host", fault=sftp_servers.RefusesWithControlCharacters) as host:
        owe(line, "4471", "R-1")
        join(line, host, endpoint(host, "4471"))
        send_files.build_files(line, run_id=None, on=NIGHT)
        assert send_files.send_files(line, run_id=None, on=NIGHT).failed == 1
    with line.connect() as conn:
        file = files.named(conn, FILE)
    assert file.failure == "refused-by-host"
    assert file.failure_detail.isprintable()
    assert "Failure" in file.failure_detail
    assert len(file.failure_detail) < 500
