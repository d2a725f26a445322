"""The drop: a file is put into a partner's folder so that it is there once, whole, and never in part.

Write under a temporary name with every write answered, ask the open handle for the size, note the intent,
rename plainly; on any later attempt look before acting.
"""

import errno
import hashlib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import paramiko

from distribution.channels.electronic.session import Session, explained
from distribution.errors import PermanentError, TransientError
from distribution.filenames import PART_SUFFIX
from distribution.model import DeliveryHoldReason, FailureCode

_CHUNK_BYTES = 32768  # the most that every SFTP server takes in one write
_LEFTOVERS = 5


class AmbiguousDelivery(PermanentError):
    """Nobody can tell from here whether the file arrived: a person must ask the institution."""

    code = DeliveryHoldReason.AMBIGUOUS_DELIVERY


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file to put down; `renamed_in` = the attempt whose rename may have happened, if any."""

    name: str
    content: bytes
    renamed_in: int | None = None


class Notes(Protocol):
    """What the drop has written down before it goes on; handed in by the job. Each call is committed."""

    def begin(self) -> int:
        """Nothing was written yet, from here on something may be. Returns the number of this attempt."""

    def renaming(self, name: str, upload: int) -> None:
        """The whole content stands under the temporary name of attempt `upload`; its rename comes next."""


def part_name(name: str, attempt: int) -> str:
    """The temporary name of an attempt's upload: two senders never write into one file."""
    return f"{name}.{attempt}{PART_SUFFIX}"


def publish(
    session: Session, directory: str, parcels: Sequence[Parcel], *, notes: Notes, seconds: float
) -> None:
    """Put parcels into `directory`, one after the other; all stand under their final names on return.

    Raises AmbiguousDelivery, PermanentError (`folder`, `space`) or TransientError (`connection-lost`,
    `timed-out`, `refused-by-host`, `not-written`), and whatever `notes` raises.
    """
    with session.limited(seconds):
        _see_folder(session, directory)
        attempt = notes.begin()
        for parcel in parcels:
            _Drop(session, directory, parcel, attempt, notes).put()


def _see_folder(session: Session, directory: str) -> None:
    with explained(session.account, doing=f"looking for the folder {directory}"):
        try:
            session.sftp.stat(directory)
        except PermissionError:
            pass  # it may be open for writing all the same


class _Drop:
    """One parcel on its way."""

    def __init__(self, session: Session, directory: str, parcel: Parcel, attempt: int, notes: Notes):
        self._session, self._parcel, self._attempt, self._notes = session, parcel, attempt, notes
        self._sftp = session.sftp
        self._directory = directory
        self._final = posixpath.join(directory, parcel.name)

    def put(self) -> None:
        if self._arrived_before():
            return
        self._remove_leftovers()
        self._upload(self._part(self._attempt))
        self._rename(self._attempt)

    def _arrived_before(self) -> bool:
        """Look before acting: True when the parcel stands there, was picked up, or is renamed now."""
        if self._stands_under_final_name():
            return True
        upload = self._parcel.renamed_in
        if upload is None:
            return False
        seen = self._look(self._part(upload))
        if seen is None:
            return True  # renamed, and picked up since
        if self._is_whole(self._part(upload), seen):
            self._rename(upload)
            return True
        return False

    def _stands_under_final_name(self) -> bool:
        seen = self._look(self._final)
        if seen is None:
            return False
        # Where we have never renamed, a file of our size may still be a stranger: then its bytes decide.
        is_ours = (
            self._has_our_bytes(self._final)
            if self._parcel.renamed_in is None
            else self._is_whole(self._final, seen)
        )
        if not is_ours:
            raise AmbiguousDelivery(
                f"{self._session.account.place} holds another file named {self._parcel.name}. Ask the "
                "institution what it is; nothing was overwritten."
            )
        return True

    def _upload(self, part: str) -> None:
        content = memoryview(self._parcel.content)
        with explained(self._session.account, doing=f"writing {self._parcel.name}"):
            with self._sftp.open(part, "wb") as handle:
                handle.set_pipelined(False)  # pipelined writes lose their errors
                for start in range(0, len(content), _CHUNK_BYTES):
                    handle.write(bytes(content[start : start + _CHUNK_BYTES]))
                self._expect_size(handle.stat().st_size)
            # A host may find out only on closing that there was no room, and paramiko drops that answer.
            seen = self._look(part)
            if seen is None or not self._is_whole(part, seen):
                self._expect_size(-1 if seen is None else seen.st_size)
                raise self._not_written("other bytes")

    def _expect_size(self, size: int | None) -> None:
        if size is not None and size != len(self._parcel.content):
            raise self._not_written("nothing" if size < 0 else f"{size} bytes")

    def _not_written(self, held: str) -> TransientError:
        return TransientError(
            f"{self._session.account.place} took {len(self._parcel.content)} bytes of {self._parcel.name} "
            f"and holds {held}: its disk or quota may be full. Nothing was published; it is tried again in "
            "the next run.",
            code=FailureCode.NOT_WRITTEN,
        )

    def _rename(self, upload: int) -> None:
        """Give the upload of that attempt its final name; a plain rename, which never overwrites."""
        self._notes.renaming(self._parcel.name, upload)
        with explained(self._session.account, doing=f"renaming {self._parcel.name}"):
            try:
                self._sftp.rename(self._part(upload), self._final)
            except TimeoutError:
                raise
            except OSError as exc:
                if not self._was_renamed_all_the_same(upload, is_gone=exc.errno == errno.ENOENT):
                    raise

    def _was_renamed_all_the_same(self, upload: int, *, is_gone: bool) -> bool:
        seen = self._look(self._final)
        if seen is not None and self._is_whole(self._final, seen) and self._look(self._part(upload)) is None:
            return True
        if is_gone:
            raise AmbiguousDelivery(
                f"{self._parcel.name} was written to {self._session.account.place}, then vanished under its "
                "temporary name. Ask the institution whether it arrived."
            )
        return False

    def _remove_leftovers(self) -> None:
        for attempt in range(max(1, self._attempt - _LEFTOVERS), self._attempt):
            try:
                self._sftp.remove(self._part(attempt))
            except (OSError, EOFError, paramiko.SSHException):
                pass  # best effort: it is not there, or the host lets nobody remove

    def _part(self, attempt: int) -> str:
        return posixpath.join(self._directory, part_name(self._parcel.name, attempt))

    def _look(self, path: str) -> paramiko.SFTPAttributes | None:
        with explained(self._session.account, doing=f"looking for {self._parcel.name}"):
            try:
                return self._sftp.stat(path)
            except FileNotFoundError:
                return None

    def _is_whole(self, path: str, seen: paramiko.SFTPAttributes) -> bool:
        if seen.st_size is None:
            return self._has_our_bytes(path)
        return seen.st_size == len(self._parcel.content)

    def _has_our_bytes(self, path: str) -> bool:
        """Read the file back; False where the host lets nobody read."""
        digest = hashlib.sha256()
        try:
            with self._sftp.open(path, "rb") as handle:
                while block := handle.read(_CHUNK_BYTES):
                    digest.update(block)
        except PermissionError:
            return False
        return digest.digest() == hashlib.sha256(self._parcel.content).digest()
