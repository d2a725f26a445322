"""The demo partners as real processes: keys alone open a drop, and nothing is left running."""

import base64
import json
import os
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import paramiko
import pytest
import yaml

from distribution.demo import hosts
from distribution.demo.feed import write_demo_feed
from distribution.errors import TransientError
from distribution.settings import Settings, make_home
from tests.support.demo_ports import keep_free_ports

MONDAY = date(2026, 11, 23)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A home with a demo feed; whatever was started there is stopped."""
    settings = Settings(home=tmp_path / "home")
    make_home(settings)
    keep_free_ports(settings)
    write_demo_feed(settings.inbox, rows=50, seed=1, day=MONDAY, home=settings.home)
    yield settings
    hosts.down(settings)


def endpoints_of(settings: Settings) -> list[dict[str, Any]]:
    text = (settings.demo / "endpoints.yaml").read_text("utf-8")
    endpoints: list[dict[str, Any]] = yaml.safe_load(text)["endpoints"]
    return endpoints


@contextmanager
def signed_in(endpoint: dict[str, Any], key: paramiko.PKey) -> Iterator[paramiko.SFTPClient]:
    """A session at an endpoint, its host key pinned."""
    kind, text = endpoint["host_key"].split()
    pinned = paramiko.PKey.from_type_string(kind, base64.b64decode(text))
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(f"[{endpoint['host']}]:{endpoint['port']}", kind, pinned)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            endpoint["host"],
            port=endpoint["port"],
            username=endpoint["username"],
            pkey=key,
            allow_agent=False,
            look_for_keys=False,
        )
        with client.open_sftp() as sftp:
            yield sftp


def key_of(settings: Settings, endpoint: dict[str, Any]) -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key_file(settings.secrets / f"{endpoint['credential']}.key")


def test_every_host_takes_a_file_by_the_endpoints_key_and_host_key(settings):
    hosts.up(settings)
    for endpoint in endpoints_of(settings)[:6]:
        with signed_in(endpoint, key_of(settings, endpoint)) as sftp:
            with sftp.open(f"{endpoint['directory']}/a.part", "wb") as file:
                file.write(b"record\r\n")
            sftp.rename(f"{endpoint['directory']}/a.part", f"{endpoint['directory']}/a.txt")
        arrived = settings.demo / "drops" / endpoint["code"] / "inbox" / "a.txt"
        assert arrived.read_bytes() == b"record\r\n"


def test_an_account_sees_its_own_drop_only_and_no_other_key_opens_it(settings):
    hosts.up(settings)
    first, second = endpoints_of(settings)[:2]
    with signed_in(first, key_of(settings, first)) as sftp:
        assert sftp.listdir("/") == ["inbox"]
        assert sftp.listdir("/../..") == ["inbox"]
    with pytest.raises(paramiko.AuthenticationException), signed_in(first, key_of(settings, second)):
        pass


def test_accounts_of_a_feed_that_came_after_the_start_can_sign_in(tmp_path):
    settings = Settings(home=tmp_path / "home")
    make_home(settings)
    keep_free_ports(settings)
    try:
        hosts.up(settings)
        write_demo_feed(settings.inbox, rows=20, seed=1, day=MONDAY, home=settings.home)
        endpoint = endpoints_of(settings)[0]
        with signed_in(endpoint, key_of(settings, endpoint)) as sftp:
            assert sftp.listdir("/inbox") == []
    finally:
        hosts.down(settings)


def test_the_mailbox_keeps_a_mail_as_it_came(settings):
    up = hosts.up(settings)
    mail = EmailMessage()
    mail["From"], mail["To"] = "scores@example.org", "primary@example.org"
    mail["Subject"], mail["Message-ID"] = "Access code", "<a@example.org>"
    mail.set_content("Nguyễn\n")
    with smtplib.SMTP("127.0.0.1", up.smtp_port) as server:
        server.send_message(mail)
    (kept,) = up.mailbox.glob("*.eml")
    text = kept.read_bytes()
    assert b"Message-ID: <a@example.org>\r\n" in text
    assert b"X-Envelope-To: primary@example.org\r\n" in text


def test_up_twice_starts_nothing_more_and_down_stops_all(settings):
    first, second = hosts.up(settings), hosts.up(settings)
    assert (first.started, second.started) == (4, 0)
    assert second.ports == first.ports
    assert (hosts.down(settings), hosts.down(settings)) == (4, 0)
    for port in (*first.ports, first.smtp_port):
        with closing(socket.socket()) as line:
            assert line.connect_ex(("127.0.0.1", port)) != 0


def test_one_that_died_is_started_again(settings):
    hosts.up(settings)
    processes = json.loads((settings.demo / "processes.json").read_text("utf-8"))["processes"]
    os.kill(processes[0]["pid"], 9)
    os.waitpid(processes[0]["pid"], 0)
    assert hosts.up(settings).started == 1


def test_a_stale_pid_file_never_ends_a_process_that_is_not_ours(settings):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        stale = {
            "name": "host-1",
            "pid": stranger.pid,
            "port": 1,
            "arguments": ["-m", "distribution.demo.sftp_host"],
        }
        (settings.demo / "processes.json").write_text(json.dumps({"processes": [stale]}), "utf-8")
        assert hosts.down(settings) == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_partners_of_another_home_on_the_same_ports_are_not_taken_for_ours(settings, tmp_path):
    hosts.up(settings)
    other = Settings(home=tmp_path / "other")
    make_home(other)
    other.demo.mkdir()
    (other.demo / "hosts.json").write_bytes((settings.demo / "hosts.json").read_bytes())
    with pytest.raises(TransientError, match="Another program listens"):
        hosts.up(other)
    assert (hosts.down(other), hosts.down(settings)) == (0, 4)


def test_a_port_that_another_program_holds_is_named(settings):
    taken = json.loads((settings.demo / "hosts.json").read_text("utf-8"))["ports"][0]
    with (
        closing(socket.create_server(("127.0.0.1", taken))),
        pytest.raises(TransientError, match=str(taken)),
    ):
        hosts.up(settings)
    assert hosts.down(settings) == 0
