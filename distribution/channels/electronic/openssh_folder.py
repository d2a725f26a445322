"""The folder that one `sftp` process works in: below the home, for the owner only, gone with its session.

A key and a score file lie there for moments. A kill may leave them behind, so whoever comes next sweeps: the
folder of a process that lives is locked, and the lock ends with it.
"""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_LOCK = "lock"


class Folder:
    """A folder that is ours until it is removed."""

    def __init__(self, path: Path, lock: IO[bytes]):
        self.path, self._lock = path, lock

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def new(below: Path) -> Folder:
    """A fresh folder below `below`; what dead processes left there is removed on the way."""
    below.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(below):
        _sweep(below)
        path = Path(tempfile.mkdtemp(dir=below))  # mode 0700
        lock = (path / _LOCK).open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
        return Folder(path, lock)


def sweep(below: Path) -> None:
    """Remove what dead processes left below `below`."""
    if below.is_dir():
        with _alone(below):
            _sweep(below)


@contextmanager
def _alone(below: Path) -> Iterator[None]:
    # A folder that was made but is not locked yet would look dead.
    with (below / f".{_LOCK}").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(below: Path) -> None:
    for path in below.iterdir():
        if path.is_dir() and not _is_in_use(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_in_use(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), (path / _LOCK).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
