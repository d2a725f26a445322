"""Partners' hosts for tests: a real OpenSSH sshd, and asyncssh servers each of which has one named fault."""

import asyncio
import contextlib
import getpass
import itertools
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import asyncssh

ROOM_FOR_BYTES = 40_000
PASSWORD = "correct horse"
ON_THE_WAY = "-on-the-way"  # how temporary folders end


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is up: where it listens, its key line, and the account's private key or password.

    `seen_as`: how the account sees `root`; empty = under its own name.
    """

    port: int
    host_key: str
    key: str
    username: str
    root: Path
    password: str = ""
    seen_as: str = ""

    def path(self, name: str) -> str:
        """A folder of the account as the account names it; made when missing."""
        folder = self.folder(name)
        return f"{self.seen_as.rstrip('/')}/{name}" if self.seen_as else str(folder)

    def folder(self, name: str) -> Path:
        """A folder of the account; made when missing."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path


def at_port(host: Host, port: int) -> Host:
    """The host as it is reached through a relay."""
    return replace(host, port=port)


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
def openssh(
    folder: Path,
    *,
    port: int | None = None,
    key: asyncssh.SSHKey | None = None,
    requests: str = "",
    more: str = "",
    root: Path | None = None,
    seen_as: str = "",
) -> Iterator[Host]:
    """A real sshd on loopback that lets the caller in by key, for SFTP only.

    `requests`: arguments of its SFTP server such as `-P stat,rename`, which forbid requests. `more`: lines of
    its configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = root or folder / "root"
    root.mkdir(exist_ok=True)
    port = port or free_port()
    host_key, account_key = key or new_key(), new_key()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's privilege separation asks for it
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    config = _sshd_config(folder, port, host_key, account_key, requests=requests, more=more)
    with _running([program, "-D", "-e", "-f", config], port, folder / "sshd.log"):
        key_text = account_key.export_private_key().decode()
        yield Host(port, public_line(host_key), key_text, getpass.getuser(), root, seen_as=seen_as)


@contextmanager
def _running(
    command: list[str], port: int, log: Path, *, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """A server that is ended with the block."""
    with log.open("wb") as told:
        process = subprocess.Popen(
            command, stdout=told, stderr=told, stdin=subprocess.DEVNULL, env=environment or dict(os.environ)
        )
        try:
            _wait_for(port)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _sshd_config(
    folder: Path,
    port: int,
    host_key: asyncssh.SSHKey,
    account_key: asyncssh.SSHKey,
    *,
    requests: str,
    more: str,
) -> str:
    host_file, allowed = folder / "host_key", folder / "authorized_keys"
    host_file.write_bytes(host_key.export_private_key())
    host_file.chmod(0o600)
    allowed.write_text(public_line(account_key) + "\n")
    config = folder / "sshd_config"
    lines = f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {host_file}
        PidFile {folder / "sshd.pid"}
        AuthorizedKeysFile {allowed}
        StrictModes no
        UsePAM no
        UseDNS no
        PasswordAuthentication no
        PermitRootLogin prohibit-password
        MaxStartups 200
        Subsystem sftp internal-sftp
        ForceCommand internal-sftp {requests}
        {more}
        """
    config.write_text("\n".join(each.strip() for each in lines.splitlines()))
    return str(config)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


# hosts with a fault ----------------------------------------------------------------------------
class Sound(asyncssh.SFTPServer):
    """A host without a fault; the base of the others. A fault that comes once comes once a folder."""

    chroot_folder: Path
    had: set[str]

    def __init__(self, chan: asyncssh.SSHServerChannel):
        super().__init__(chan, chroot=os.fsencode(self.chroot_folder))

    def cut(self) -> None:
        """Drop the connection as a cable would."""
        self.connection.abort()
        raise asyncssh.SFTPConnectionLost("cut")

    def path_of(self, name: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(name)))

    def comes_first(self, path: Path) -> bool:
        """True for the first call about a folder."""
        folder = str(path.parent)
        if folder in self.had:
            return False
        self.had.add(folder)
        return True

    def pick_up(self, taken: Path) -> None:
        """A robot takes a file away."""
        store = self.chroot_folder / "picked-up"
        store.mkdir(exist_ok=True)
        taken.rename(store / f"{next(_PICKED_UP):06d}-{taken.name}")


_PICKED_UP = itertools.count()


def _path_of_handle(file_obj: object) -> Path:
    return Path(os.fsdecode(file_obj.name))  # type: ignore[attr-defined]


class DropsAtClose(Sound):
    """The line breaks when the first file is closed."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        if self.comes_first(_path_of_handle(file_obj)):
            self.cut()


class DropsAtRename(Sound):
    """The line breaks before the first rename is done."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self.comes_first(self.path_of(newpath)):
            self.cut()
        super().rename(oldpath, newpath)


class DropsAfterRename(Sound):
    """The first rename is done, and the line breaks before its answer."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        if self.comes_first(self.path_of(newpath)):
            self.cut()


class RefusesAfterRename(Sound):
    """The rename is done, and the answer says that it failed."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        raise asyncssh.SFTPFailure("Failure")


class RefusesWithControlCharacters(Sound):
    """Refuses every rename, in words that no database keeps."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPFailure("Failure\0\x1b[31m" + "!" * 5000)


class DropsAtRemove(Sound):
    """The line breaks when a file is taken away."""

    def remove(self, path: bytes) -> None:
        self.cut()


class PicksUpAtOnce(Sound):
    """A robot takes every file away as soon as it bears its final name."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        self.pick_up(self.path_of(newpath))


class PicksUpAndDrops(PicksUpAtOnce):
    """The robot takes the first file, and the line breaks before the answer to its rename."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await super().rename(oldpath, newpath)
        if self.comes_first(self.path_of(newpath)):
            self.cut()


class PicksUpWithDoneFile(Sound):
    """A robot takes the data and its done-file as soon as the done-file is closed."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        done = _path_of_handle(file_obj)
        if done.name.startswith("CTL_") and done.exists() and done.stat().st_size:
            for path in sorted(done.parent.iterdir(), reverse=True):
                self.pick_up(path)


class RobotTakesParts(Sound):
    """A robot takes every file when it is closed, also one under its temporary name."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        path = _path_of_handle(file_obj)
        if path.name.endswith(".part") and path.exists():
            self.pick_up(path)


class LocksOpenFiles(Sound):
    """Has no room, and lets nobody take a file away that is still open."""

    open_files: ClassVar[set[str]] = set()

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        self.open_files.add(str(_path_of_handle(file_obj)))
        if offset + len(data) > ROOM_FOR_BYTES:
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        self.open_files.discard(str(_path_of_handle(file_obj)))

    def remove(self, path: bytes) -> None:
        if str(self.path_of(path)) in self.open_files:
            raise asyncssh.SFTPFailure("in use")
        super().remove(path)


class RobotOfTheLiveFolder(PicksUpAtOnce):
    """A robot takes every file from the live folder, also one under a temporary name; from no other."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        path = _path_of_handle(file_obj)
        if not path.parent.name.endswith(ON_THE_WAY) and path.exists():
            self.pick_up(path)


class DiskFull(Sound):
    """There is room for `ROOM_FOR_BYTES` bytes, then every write is refused."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset + len(data) > ROOM_FOR_BYTES:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class QuotaExceeded(Sound):
    """Like a full disk, and the host says only `Failure`."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset + len(data) > ROOM_FOR_BYTES:
            raise asyncssh.SFTPFailure("Failure")
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class LiesAboutSize(Sound):
    """Says that it took every byte, and keeps only the first `ROOM_FOR_BYTES`."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        room = max(0, ROOM_FOR_BYTES - offset)
        if room:
            super().write(file_obj, offset, data[:room])  # type: ignore[arg-type]
        return len(data)


class FullAtClose(LiesAboutSize):
    """Takes every byte, and says only on closing that it did not keep them."""

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=0o100600)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        raise asyncssh.SFTPPermissionDenied("Permission denied")

    def close(self, file_obj: object) -> None:
        is_cut_off = os.fstat(file_obj.fileno()).st_size == ROOM_FOR_BYTES  # type: ignore[attr-defined]
        super().close(file_obj)
        if is_cut_off:
            raise asyncssh.SFTPFailure("Failure")


class ShowsTheSizeItWasTold(LiesAboutSize):
    """Keeps only the first bytes, and shows the size of all of them."""

    told: ClassVar[dict[str, int]] = {}

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        path = str(_path_of_handle(file_obj))
        self.told[path] = max(self.told.get(path, 0), offset + len(data))
        return await super().write(file_obj, offset, data)

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(size=self.told.get(str(_path_of_handle(file_obj)), 0), permissions=0o100600)


class SaysNoSize(Sound):
    """Shows files without their size."""

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=os.stat(self.map_path(path)).st_mode)

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=0o100600)


class WrongSize(Sound):
    """Keeps every byte, and shows a size that is one too small."""

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        there = os.stat(self.map_path(path))
        return asyncssh.SFTPAttrs(size=max(0, there.st_size - 1), permissions=there.st_mode)

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        file_obj.flush()  # type: ignore[attr-defined]
        there = os.fstat(file_obj.fileno())  # type: ignore[attr-defined]
        return asyncssh.SFTPAttrs(size=max(0, there.st_size - 1), permissions=there.st_mode)


class FoldsCase(Sound):
    """Keeps every name in small letters, as some hosts do that do not tell capitals apart."""

    def map_path(self, path: bytes) -> bytes:
        folder, _, name = path.rpartition(b"/")
        return super().map_path(folder + b"/" + name.lower())


class AnswersOutOfOrder(Sound):
    """Answers later requests first."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        await asyncio.sleep(0.02 if offset == 0 else 0)
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class WritesUnixLines(Sound):
    """Turns CRLF into LF, so that a file is never the one that was sent."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data.replace(b"\r\n", b"\n"))  # type: ignore[arg-type]
        return len(data)


class TakesTemporaryNames(Sound):
    """A robot takes every file, also one under its temporary name."""

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self.path_of(oldpath).unlink()
        super().rename(oldpath, newpath)


class NeverAnswers(Sound):
    """Stops answering in the middle of the first write."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if self.comes_first(_path_of_handle(file_obj)):
            await asyncio.sleep(3600)
        return super().write(file_obj, offset, data)  # type: ignore[return-value]


class Door(asyncssh.SSHServer):
    """Lets anybody in who shows a key."""

    lets_in = True

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self.lets_in


class RefusesSignIn(Door):
    """Lets nobody in."""

    lets_in = False


class TakesPasswords(Door):
    """Lets in by password."""

    def public_key_auth_supported(self) -> bool:
        return False

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


class AsksForPasswords(Door):
    """Lets in by password, but only as the answer to a question (keyboard-interactive)."""

    def public_key_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> object:
        return "", "", "", [("Password: ", False)]

    def validate_kbdint_response(self, username: str, responses: list[str]) -> bool:
        return list(responses) == [PASSWORD]


@contextmanager
def faulty(
    folder: Path,
    fault: type[Sound] = Sound,
    *,
    door: type[Door] = Door,
    port: int = 0,
    key: asyncssh.SSHKey | None = None,
    **more: object,
) -> Iterator[Host]:
    """An asyncssh server whose SFTP side is `fault` and whose sign-in is `door`, in a thread of its own."""
    root = folder / "root"
    root.mkdir(parents=True, exist_ok=True)
    host_key, account_key = key or new_key(), new_key()
    served = type(fault.__name__, (fault,), {"chroot_folder": root, "had": set()})
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
            **more,
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        yield Host(
            server.get_port(),
            public_line(host_key),
            account_key.export_private_key().decode(),
            "clep",
            root,
            password=PASSWORD if door in (TakesPasswords, AsksForPasswords) else "",
            seen_as="/",
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
