"""A session through OpenSSH's own `sftp`, for hosts that know SHA-1 only: paramiko cannot speak to them."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from distribution.channels.electronic import limit, openssh_folder, openssh_sign_in
from distribution.channels.electronic.openssh_folder import Folder
from distribution.channels.electronic.remote import (
    Account,
    NotBegun,
    NotKept,
    Outcome,
    Seen,
    Stood,
    TooLarge,
    name_of,
    quietly,
)
from distribution.errors import TransientError
from distribution.model import FailureCode

_LONG_LINE = re.compile(r"^-\S{9}\S*\s+\S+\s+\S+\s+\S+\s+(\d+)\s+\w{3}\s+\d+\s+[\d:]+\s(.*)$")
_LISTED = re.compile(r"^[-bcdlpsD?][-rwxsStT]{9}")  # a line of `ls` about a file; any other is a fault
_NOT_THERE = ("No such file or directory", "No such file")  # our words, and those of hosts
_UNREAD_FOLDER = ("remote readdir(", "Couldn't read directory")


class Session:
    """A session that is signed in: one `sftp` process that takes its batch line by line."""

    def __init__(self, account: Account, process: subprocess.Popen[str], folder: Folder):
        self.account, self._process, self._folder = account, process, folder
        self._marks = 0

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        kill(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._folder.remove()

    def within(self, seconds: float, work: Callable[[], Outcome]) -> Outcome:
        # ssh keeps a line alive whose SFTP side is dead: the process is killed, whatever it hears.
        cord = limit.Cord(partial(kill, self._process))
        return limit.within(seconds, work, place=self.account.place, cord=cord)

    # what the drop asks for ------------------------------------------------------------------------
    def stat(self, *paths: str) -> list[Seen | None]:
        return [self._stat(path) for path in paths]

    def _stat(self, path: str) -> Seen | None:
        try:
            said = self._look(path)
        except FileNotFoundError:
            return None
        for line in said:
            if (found := _LONG_LINE.match(line)) and found[2] == path:
                return Seen(int(found[1]))
        # A folder: it is listed, whether or not we may read it.
        if faults := [line for line in _faults(said) if not line.startswith(_UNREAD_FOLDER)]:
            raise _refusal(faults)
        return Seen(None)

    def listing(self, directory: str) -> dict[str, Seen]:
        said = self._look(directory.rstrip("/") + "/")
        if faults := _faults(said):
            raise _refusal(faults)
        return {name_of(found[2]): Seen(int(found[1])) for line in said if (found := _LONG_LINE.match(line))}

    def _look(self, path: str) -> list[str]:
        """What `ls` says of a path. Raises FileNotFoundError only where the host itself says so."""
        try:
            return self._ask(f"ls -lan {_quoted(path)}")
        except FileNotFoundError:
            # `ls` says "not found" of a refused look too; `cd` tells what the host answered.
            said = self._ask(f"cd {_quoted(path)}")
        self._ask("cd")  # back to where the session began
        refused = [line for line in said if not line.endswith("is not a directory")]
        if said and not refused and path.endswith("/"):
            raise FileNotFoundError(2, "no folder")
        raise _refusal(refused or ["Permission denied"])

    def write(self, path: str, content: bytes, *, announce: Callable[[], None] = quietly) -> "_Closed":
        try:
            self._put(path, b"")
        except NotKept:
            raise
        except OSError as exc:
            raise NotBegun(exc) from exc
        announce()
        try:
            self._put(path, content)
        except NotKept:
            raise
        except OSError as exc:
            raise NotKept(None, str(exc.strerror or exc)) from exc
        return _Closed()

    def _put(self, path: str, content: bytes) -> None:
        local = self._folder.path / "parcel"
        local.write_bytes(content)
        try:
            said = self._say(f"put {_quoted(str(local))} {_quoted(path)}")
        finally:
            local.unlink()
        faults = [line for line in said if not line.startswith("Uploading ")]
        if faults:
            refusal = _refusal(faults)
            began = any(line.startswith(("write remote", "close remote")) for line in faults)
            raise NotKept(None, str(refusal.strerror or refusal)) if began else refusal

    def read(self, path: str, *, at_most: int) -> bytes:
        seen = self._stat(path)
        if seen is not None and (seen.size or 0) > at_most:
            raise TooLarge(seen.size or 0)
        local = self._folder.path / "read-back"
        said = self._ask(f"get {_quoted(path)} {_quoted(str(local))}")
        try:
            if local.stat().st_size > at_most:
                raise TooLarge(local.stat().st_size)
            return local.read_bytes()
        except FileNotFoundError:
            raise _refusal(said) from None
        finally:
            local.unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> None:
        # -l: the plain rename; the other one overwrites.
        if said := self._ask(f"rename -l {_quoted(old)} {_quoted(new)}"):
            raise _refusal(said)

    def remove(self, path: str) -> None:
        said = [line for line in self._ask(f"rm {_quoted(path)}") if not line.startswith("Removing ")]
        if said:
            raise _refusal(said)

    def room_bytes(self, directory: str) -> int | None:
        for line in self._ask(f"df {_quoted(directory)}"):
            cells = line.split()
            if len(cells) >= 4 and cells[0].isdigit():
                return int(cells[2]) * 1024
        return None

    # the batch ------------------------------------------------------------------------
    def _ask(self, command: str) -> list[str]:
        """Give one line of the batch; what `sftp` says to it. Raises FileNotFoundError, EOFError."""
        said = self._say(command)
        if any("not found" in line or line.endswith(_NOT_THERE) for line in _faults(said)):
            raise FileNotFoundError(2, _NOT_THERE[0])
        return said

    def _say(self, command: str) -> list[str]:
        self._marks += 1
        mark = f"answered-{self._marks}"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"-{command}\n-!echo {mark}\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as exc:
            raise EOFError("sftp has ended") from exc
        said = list(self._until(mark))
        if any(line.startswith(("Connection closed", "Connection reset")) for line in said):
            raise EOFError("the line broke")
        return said

    def _until(self, mark: str) -> Iterator[str]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            text = line.rstrip("\r\n")
            if text == mark:
                return
            if text and not text.startswith("sftp> "):
                yield text
        raise EOFError("sftp has ended")

    def expect_signed_in(self) -> None:
        """Wait until `sftp` takes its first line. Raises EOFError with what it said when it ends instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it has ended: what it said tells why
            self._process.stdin.write("-!echo signed-in\n")
            self._process.stdin.flush()
        said = []
        while line := self._process.stdout.readline():
            if line.rstrip() == "signed-in":
                return
            said.append(line)
        raise EOFError("".join(said))


class _Closed:
    """A file that `sftp` wrote: it checks every answer itself, the one to CLOSE too."""

    stood = Stood(None, None)

    def close(self) -> None:
        pass


def kill(process: subprocess.Popen[str]) -> None:
    """End `sftp` and the `ssh` that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit.GRACE_SECONDS)


def connect(account: Account, *, seconds: float, below: Path) -> Session:
    """Start `sftp` in a folder below `below`, check the host's key, sign in, all within `seconds`.

    Raises what `session.connect` raises.
    """
    program = shutil.which("sftp")
    if program is None:
        raise TransientError(
            "OpenSSH's `sftp` is not installed here, and the endpoint asks for `transport: openssh`. Install "
            "the package openssh-client.",
            code=FailureCode.CREDENTIAL,
        )
    cord = limit.Cord()
    return limit.within(
        seconds, lambda: _signed_in(program, account, below, cord), place=account.place, cord=cord
    )


def _signed_in(program: str, account: Account, below: Path, cord: limit.Cord) -> Session:
    folder = openssh_folder.new(below)
    try:
        process = _start(program, account, folder.path)
    except BaseException:
        folder.remove()
        raise
    cord.tie(partial(kill, process))
    session = Session(account, process, folder)
    try:
        _expect_signed_in(session)
    except BaseException:
        session.close()
        raise
    openssh_sign_in.forget_key(folder.path)
    return session


def _start(program: str, account: Account, folder: Path) -> subprocess.Popen[str]:
    options = openssh_sign_in.options(account, folder)
    return subprocess.Popen(
        [program, *options, "-b", "-", openssh_sign_in.destination(account)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=openssh_sign_in.environment(account, folder),
        cwd=folder,
        start_new_session=True,
    )


def _expect_signed_in(session: Session) -> None:
    try:
        session.expect_signed_in()
    except (EOFError, OSError) as exc:
        raise openssh_sign_in.why(session.account, str(exc)) from exc


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _faults(said: Sequence[str]) -> list[str]:
    return [line for line in said if not _LISTED.match(line)]


def _refusal(said: Sequence[str]) -> OSError:
    text = said[-1] if said else "no reason given"
    if text.endswith("Permission denied"):
        return PermissionError(13, "Permission denied")
    if text.endswith(_NOT_THERE):
        return FileNotFoundError(2, _NOT_THERE[0])
    return OSError(5, text.rsplit(": ", 1)[-1])
