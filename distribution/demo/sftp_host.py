"""One demo SFTP host: an ordinary process on loopback with an account for each electronic DI.

Run as `python -m distribution.demo.sftp_host --home HOME --secrets SECRETS --host N --port PORT`.
"""

import argparse
import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import asyncssh

from distribution.demo.endpoints import LOOPBACK, Places

log = logging.getLogger(__name__)

# Quick to agree on and to compute: a night opens a thousand sessions.
KEX = ("curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256")
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
BACKLOG = 512


class Accounts:
    """Who may sign in; read again when the file has changed, so that new feeds bring new accounts."""

    def __init__(self, places: Places):
        self._places = places
        self._read_at = -1
        self._known: dict[str, dict[str, str]] = {}

    def accepts(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether this is the account's key."""
        account = self._account(username)
        shown = key.export_public_key("openssh").decode("ascii").split()[:2]
        return account is not None and account["key"].split()[:2] == shown

    def drop(self, username: str) -> Path:
        """The folder that the account sees as `/`."""
        return self._places.drops / self._known[username]["code"]

    def _account(self, username: str) -> dict[str, str] | None:
        try:
            changed_at = self._places.accounts_file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if changed_at != self._read_at:
            self._known = json.loads(self._places.accounts_file.read_text("utf-8"))
            self._read_at = changed_at
        return self._known.get(username)


class Door(asyncssh.SSHServer):
    """Lets an account in by its key alone."""

    def __init__(self, accounts: Accounts):
        self._accounts = accounts

    def begin_auth(self, username: str) -> bool:
        """Everyone must show a key."""
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._accounts.accepts(username, key)


async def serve(places: Places, *, host: int, port: int, address: str = LOOPBACK) -> None:
    """Serve the drops, on loopback where nothing else is said, until the process is told to end."""
    accounts = Accounts(places)

    def open_drop(channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:
        drop = accounts.drop(channel.get_extra_info("username"))
        (drop / "inbox").mkdir(parents=True, exist_ok=True, mode=0o700)
        return asyncssh.SFTPServer(channel, chroot=str(drop).encode())

    server = await asyncssh.listen(
        address,
        port,
        server_factory=lambda: Door(accounts),
        server_host_keys=[str(places.host_key(host))],
        sftp_factory=open_drop,
        kex_algs=KEX,
        encryption_algs=CIPHERS,
        compression_algs=None,
        password_auth=False,
        kbdint_auth=False,
        gss_host=None,
        rdns_lookup=False,
        login_timeout=60,
        backlog=BACKLOG,
        allow_scp=False,
    )
    log.info("Demo SFTP host %s answers on %s:%s", host + 1, address, port)
    await server.wait_closed()


def main(argv: Sequence[str] | None = None) -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="A demo SFTP host on loopback.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--host", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    asyncio.run(serve(Places(wanted.home, wanted.secrets), host=wanted.host, port=wanted.port))


if __name__ == "__main__":
    main()
