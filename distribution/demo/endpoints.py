"""The demo partners on disk: host keys, ports, an account and a key per electronic DI, endpoints.yaml."""

import json
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import yaml

from distribution.demo.organizations import Directory

HOSTS = 3
FIRST_PORT = 2201
SMTP_PORT = 2525
LOOPBACK = "127.0.0.1"
KEY_KIND = "ssh-ed25519"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo partners answer on loopback."""

    sftp: tuple[int, ...]
    smtp: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where a demo keeps what its partners need."""

    home: Path
    secrets: Path

    @property
    def demo(self) -> Path:
        return self.home / "demo"

    @property
    def ports_file(self) -> Path:
        return self.demo / "hosts.json"

    @property
    def accounts_file(self) -> Path:
        return self.demo / "accounts.json"

    @property
    def drops(self) -> Path:
        return self.demo / "drops"

    @property
    def mailbox(self) -> Path:
        return self.demo / "mailbox"

    @property
    def endpoints_file(self) -> Path:
        return self.demo / "endpoints.yaml"

    def host_key(self, host: int) -> Path:
        """The private key of the host with this number, from 0."""
        return self.demo / "hosts" / f"host-{host + 1}.key"

    def credential(self, code: str) -> Path:
        """The private key with which the line signs in at a DI."""
        return self.secrets / f"di-{code}.key"


def write_endpoints(directory: Directory, *, home: Path, secrets: Path | None = None) -> Path:
    """Make an account for every active electronic DI and write `<home>/demo/endpoints.yaml`.

    Keys and ports that are there already stay, so that an endpoints file stays valid.
    """
    places = Places(home, secrets or home / "secrets")
    ports = ports_of(places)
    host_keys = make_host_keys(places)
    accounts = _known_accounts(places)
    entries = []
    for number, code in enumerate(directory.electronic):
        accounts[username(code)] = {"code": code, "key": _public(_key(places.credential(code)))}
        inbox = places.drops / code / "inbox"
        inbox.mkdir(parents=True, exist_ok=True, mode=0o700)
        host = number % HOSTS
        entries.append(_endpoint(number, code, ports.sftp[host], host_keys[host]))
    _write_whole(places.accounts_file, json.dumps(accounts, indent=1) + "\n")
    _write_whole(places.endpoints_file, yaml.safe_dump({"endpoints": entries}, sort_keys=False))
    return places.endpoints_file


def username(code: str) -> str:
    """The account of a DI at its demo host."""
    return f"clep-{code}"


def _endpoint(number: int, code: str, port: int, host_key: str) -> dict[str, Any]:
    return {
        "code": code,
        # In containers the demo hosts have a name of their own (docker-compose.yaml).
        "host": os.environ.get("DISTRIBUTION_DEMO_HOST") or LOOPBACK,
        "port": port,
        "username": username(code),
        "directory": "/inbox",
        "host_key": host_key,
        "credential": f"di-{code}",
        # Hosts go by thirds: halves of the rest let every host see both layouts.
        "layout": "fixed-1" if number % 2 == 0 else "csv-1",
        "encoding": "latin-1" if number % 10 == 7 else "utf-8",
        "newline": "lf" if number % 5 == 3 else "crlf",
        "pgp_key": None,
        "publish": "rename",
        "look": "stat",
        "schedule": "business-daily",
        "paused_until": None,
    }


def make_host_keys(places: Places) -> list[str]:
    """The public keys of the demo hosts; the private ones are made when they are not there yet."""
    return [_public(_key(places.host_key(host))) for host in range(HOSTS)]


def ports_of(places: Places) -> Ports:
    """The ports of the demo hosts and mailbox: chosen once, then the same for ever."""
    if places.ports_file.exists():
        kept = json.loads(places.ports_file.read_text("utf-8"))
        return Ports(tuple(kept["ports"]), kept["smtp_port"])
    with ExitStack() as held:
        ports = Ports(
            tuple(_free_port(FIRST_PORT + host, held) for host in range(HOSTS)), _free_port(SMTP_PORT, held)
        )
    _write_whole(places.ports_file, json.dumps({"ports": ports.sftp, "smtp_port": ports.smtp}) + "\n")
    return ports


def _free_port(wish: int, held: ExitStack) -> int:
    """The wished port when it is free, else one that the system gives; `held` until all are chosen."""
    probe = held.enter_context(socket.socket())
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((LOOPBACK, wish))
    except OSError:
        probe.bind((LOOPBACK, 0))
    return int(probe.getsockname()[1])


def _known_accounts(places: Places) -> dict[str, dict[str, str]]:
    if not places.accounts_file.exists():
        return {}
    known: dict[str, dict[str, str]] = json.loads(places.accounts_file.read_text("utf-8"))
    return known


def _key(path: Path) -> asyncssh.SSHKey:
    """The private key in a file, made when it is not there yet (0600)."""
    if path.exists():
        return asyncssh.read_private_key(path)
    key = asyncssh.generate_private_key(KEY_KIND)
    _write_whole(path, key.export_private_key("openssh").decode("ascii"))
    return key


def _public(key: asyncssh.SSHKey) -> str:
    """`ssh-ed25519 AAAA…` without a comment."""
    return " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])


def _write_whole(path: Path, text: str) -> None:
    """Write a file that only its owner may read, never half."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(
        os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    os.replace(part, path)
