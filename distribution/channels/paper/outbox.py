"""Files for the mailroom: whole under their final name, or not there."""

import os
from pathlib import Path

_PART = ".part"


def place(folder: Path, name: str, content: bytes) -> Path:
    """Write a file so that nobody ever sees half of it: aside, to the disk, then renamed.

    Bytes that already stand there are left alone: the mailroom may have the file open.
    """
    target = folder / name
    if target.is_file() and target.read_bytes() == content:
        return target
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_name(f".{name}{_PART}")
    with part.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    _sync(folder)
    return target


def _sync(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
