"""Partners' hosts for tests: a real OpenSSH sshd, and asyncssh servers each of which has one named fault."""

import asyncio
import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

ROOM_FOR_BYTES = 40_000


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is up: where it listens, its key line, and the account's private key."""

    port: int
    host_key: str
    key: str
    username: str
    root: Path

    def folder(self, name: str) -> Path:
        """A folder of the account; made when missing."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def public_line(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


# OpenSSH ----------------------------------------------------------------------------
@contextmanager
def openssh(folder: Path, *, port: int | None = None, key: asyncssh.SSHKey | None = None) -> Iterator[Host]:
    """A real sshd on loopback that lets the caller in by key, for SFTP only."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    host_key, account_key = key or new_key(), new_key()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation asks for it
    process = subprocess.Popen(
        [
            shutil.which("sshd") or "/usr/sbin/sshd",
            "-D",
            "-e",
            "-f",
            _sshd_config(folder, port, host_key, account_key),
        ],
        stderr=(folder / "sshd.log").open("wb"),
    )
    try:
        _wait_for(port)
        yield Host(
            port,
            public_line(host_key),
            account_key.export_private_key().decode(),
            getpass.getuser(),
            folder / "root",
        )
    finally:
        process.terminate()
        process.wait(10)


def _sshd_config(folder: Path, port: int, host_key: asyncssh.SSHKey, account_key: asyncssh.SSHKey) -> str:
    (folder / "root").mkdir(exist_ok=True)
    host_file, allowed = folder / "host_key", folder / "authorized_keys"
    host_file.write_bytes(host_key.export_private_key())
    host_file.chmod(0o600)
    allowed.write_text(public_line(account_key) + "\n")
    config = folder / "sshd_config"
    config.write_text(
        f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {host_file}
        PidFile {folder / "sshd.pid"}
        AuthorizedKeysFile {allowed}
        StrictModes no
        UsePAM no
        PasswordAuthentication no
        PermitRootLogin prohibit-password
        Subsystem sftp internal-sftp
        ForceCommand internal-sftp
        """
    )
    return str(config)


def _wait_for(port: int) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


# hosts with a fault ----------------------------------------------------------------------------
class Sound(asyncssh.SFTPServer):
    """A host without a fault; the base of those that have one."""

    chroot_folder: Path
    fault_is_over = False

    def __init__(self, chan: asyncssh.SSHServerChannel):
        super().__init__(chan, chroot=os.fsencode(self.chroot_folder))

    def cut(self) -> None:
        """Drop the connection as a cable would."""
        self.connection.abort()
        raise asyncssh.SFTPConnectionLost("cut")

    def path_of(self, name: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(name)))


class DropsAtRename(Sound):
    """The line breaks before the first rename is done."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if not type(self).fault_is_over:
            type(self).fault_is_over = True
            self.cut()
        super().rename(oldpath, newpath)


class DropsAfterRename(Sound):
    """The first rename is done, and the line breaks before its answer."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        if not type(self).fault_is_over:
            type(self).fault_is_over = True
            self.cut()


class PicksUpAtOnce(Sound):
    """A robot takes every file away as soon as it bears its final name."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        taken = self.path_of(newpath)
        store = self.chroot_folder / "picked-up"
        store.mkdir(exist_ok=True)
        number = len(list(store.iterdir()))
        taken.rename(store / f"{number:03d}-{taken.name}")


class PicksUpAndDrops(PicksUpAtOnce):
    """The robot takes the first file, and the line breaks before the answer to its rename."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await super().rename(oldpath, newpath)
        if not type(self).fault_is_over:
            type(self).fault_is_over = True
            self.cut()


class DiskFull(Sound):
    """There is room for `ROOM_FOR_BYTES` bytes, then every write is refused."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if not type(self).fault_is_over and offset + len(data) > ROOM_FOR_BYTES:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class LiesAboutSize(Sound):
    """Says that it took every byte, and keeps only the first `ROOM_FOR_BYTES`."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        room = max(0, ROOM_FOR_BYTES - offset)
        if room:
            super().write(file_obj, offset, data[:room])  # type: ignore[arg-type]
        return len(data)


class TakesTemporaryNames(Sound):
    """A robot takes every file, also one under its temporary name."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.path_of(oldpath).unlink()
        super().rename(oldpath, newpath)


class NeverAnswers(Sound):
    """Stops answering in the middle of a write."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if not type(self).fault_is_over:
            await asyncio.sleep(3600)
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class _Door(asyncssh.SSHServer):
    """Lets anybody in who shows a key."""

    lets_in = True

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self.lets_in


class RefusesSignIn(_Door):
    """Lets nobody in."""

    lets_in = False


@contextmanager
def faulty(
    folder: Path,
    fault: type[Sound] = Sound,
    *,
    door: type[_Door] = _Door,
    port: int = 0,
    key: asyncssh.SSHKey | None = None,
) -> Iterator[Host]:
    """An asyncssh server whose SFTP side is `fault` and whose sign-in is `door`, in a thread of its own."""
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    host_key, account_key = key or new_key(), new_key()
    served = type(fault.__name__, (fault,), {"chroot_folder": root, "fault_is_over": False})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[host_key],
            server_factory=door,
            sftp_factory=served,
            allow_scp=False,
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        yield Host(
            server.get_port(),
            public_line(host_key),
            account_key.export_private_key().decode(),
            "clep",
            root,
        )
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _close(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
