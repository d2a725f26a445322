"""What may be seen of a partner's folder: looking before acting, writing so that every answer counts."""

import hashlib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from distribution.channels.electronic.remote import (
    NotBegun,
    NotKept,
    Remote,
    Seen,
    Stood,
    TooLarge,
    explained,
    found_in,
    look_refused,
    no_space,
    says_no_space,
)
from distribution.errors import DistributionError, PermanentError, TransientError
from distribution.filenames import PART_SUFFIX
from distribution.model import DeliveryHoldReason, FailureCode, Look, Publish


class AmbiguousDelivery(PermanentError):
    """Nobody can tell from here whether the file arrived: a person must ask the institution."""

    code = DeliveryHoldReason.AMBIGUOUS_DELIVERY


class AnotherFile(AmbiguousDelivery):
    """A file of our name stands there that is not ours."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file to put down, and how far earlier attempts came.

    `closed_in`: the attempt whose upload may stand whole under its temporary name. `renamed_in`: the attempt
    after which it may stand under its final name.
    """

    name: str
    content: bytes
    renamed_in: int | None = None
    closed_in: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed with the institution: its folder, how a file is published, how we may look."""

    directory: str
    publish: Publish = Publish.RENAME
    look: Look = Look.STAT
    temp_directory: str | None = None


class Notes(Protocol):
    """What the drop has written down before it goes on; handed in by the job. Each call is committed."""

    def begin(self) -> int:
        """Nothing was written yet, from here on something may be. Returns the number of this attempt."""

    def closing(self, name: str, upload: int) -> None:
        """Attempt `upload` has begun its temporary file, and from here on that may be whole."""

    def renaming(self, name: str, upload: int) -> None:
        """From here on the file may stand under its final name, by the work of attempt `upload`."""

    def undone(self, name: str) -> None:
        """The host refused, so what `closing` and `renaming` announced did not happen."""


def part_name(name: str, attempt: int) -> str:
    """The temporary name of an attempt's upload: two senders never write into one file."""
    return f"{name}.{attempt}{PART_SUFFIX}"


class Eyes:
    """A session as the terms let us look through it."""

    def __init__(self, session: Remote, terms: Terms):
        self.session, self.terms = session, terms
        self._fresh: dict[str, Seen | None] = {}
        self.can_look = terms.look is not Look.NONE
        self.place = session.account.place

    def final(self, parcel: Parcel) -> str:
        return posixpath.join(self.terms.directory, parcel.name)

    def part(self, parcel: Parcel, attempt: int) -> str:
        folder = self.terms.directory
        if self.terms.publish is Publish.TEMP_FOLDER and self.terms.temp_directory:
            folder = self.terms.temp_directory
        return posixpath.join(folder, part_name(parcel.name, attempt))

    def see_folder(self, parcels: Sequence[Parcel]) -> None:
        """Make sure of the folder before anything may leave, and look at the parcels on the way."""
        finals = [self.final(parcel) for parcel in parcels]
        if self.terms.look is Look.STAT:
            folder, *seen = self.look(self.terms.directory, *finals)
            if folder is None:
                with explained(self.session.account, doing=f"looking for {self.terms.directory}"):
                    raise FileNotFoundError(self.terms.directory)
            self._fresh = dict(zip(finals, seen, strict=True))
        elif self.terms.look is Look.LIST:
            self._fresh = dict(zip(finals, self.look(*finals), strict=True))

    def first_look(self, path: str) -> Seen | None:
        """What `see_folder` saw a moment ago; looked at again when it is asked a second time."""
        return self._fresh.pop(path) if path in self._fresh else self.look(path)[0]

    def look(self, *paths: str) -> list[Seen | None]:
        account = self.session.account
        with explained(account, doing=f"looking for {posixpath.basename(paths[-1])}"):
            try:
                if self.terms.look is Look.STAT:
                    return self.session.stat(*paths)
                return self._listed(paths)
            except PermissionError as exc:
                raise look_refused(account, self.terms.look) from exc

    def _listed(self, paths: Sequence[str]) -> list[Seen | None]:
        listings = {
            folder: self.session.listing(folder) for folder in {posixpath.dirname(path) for path in paths}
        }
        return [found_in(listings[posixpath.dirname(path)], [posixpath.basename(path)])[0] for path in paths]

    def is_whole(self, path: str, seen: Seen, content: bytes) -> bool:
        """True when a file is ours by its size; where host and file disagree on that, its bytes decide."""
        return seen.size == len(content) or self.has_our_bytes(path, content)

    def has_our_bytes(self, path: str, content: bytes) -> bool:
        """Read the file back; False where the host lets nobody read."""
        with explained(self.session.account, doing=f"reading {posixpath.basename(path)} back"):
            try:
                there = self.session.read(path, at_most=len(content))
            except (PermissionError, FileNotFoundError, TooLarge):
                return False
        return hashlib.sha256(there).digest() == hashlib.sha256(content).digest()

    def has_our_beginning(self, path: str, content: bytes) -> bool:
        """True for what a cut left of our file, empty included; False where the host lets nobody read."""
        with explained(self.session.account, doing=f"reading {posixpath.basename(path)} back"):
            try:
                return content.startswith(self.session.read(path, at_most=len(content)))
            except (PermissionError, FileNotFoundError, TooLarge):
                return False

    def remove(self, path: str) -> bool:
        """Take a file away, best effort; False when it is not there or cannot be taken away."""
        try:
            with explained(self.session.account, doing="removing"):
                self.session.remove(path)
        except DistributionError:
            return False
        return True

    def write(self, path: str, parcel: Parcel, *, notes: Notes, closing: int | None) -> None:
        """Write a parcel and close it; `closing` = the attempt to note before, None = in place."""
        account, doing = self.session.account, f"writing {parcel.name} into {posixpath.dirname(path)}"
        with explained(account, doing=doing):
            try:
                written = self.session.write(
                    path,
                    parcel.content,
                    announce=lambda: None if closing is None else notes.closing(parcel.name, closing),
                )
                try:
                    self._expect_whole(written.stood, path, parcel)
                finally:
                    written.close()  # some hosts let nobody take an open file away
            except (FileNotFoundError, PermissionError, ConnectionError, TimeoutError):
                raise
            except OSError as exc:
                is_full = self._is_full(exc, path, parcel)
                self._undo(exc, path, parcel, notes=notes, in_place=closing is None)
                if is_full:
                    raise no_space(account, doing=doing) from exc
                if isinstance(exc, NotKept):
                    raise self._not_written(parcel, exc) from exc
                raise

    def _is_full(self, exc: OSError, path: str, parcel: Parcel) -> bool:
        """Most hosts say only `Failure` when their disk is full; some tell on a second question."""
        why = exc.why if isinstance(exc, NotBegun) else exc
        if isinstance(why, FileNotFoundError | PermissionError):
            return False
        return says_no_space(why) or self._has_no_room(path, parcel)

    def _undo(self, exc: OSError, path: str, parcel: Parcel, *, notes: Notes, in_place: bool) -> None:
        """Take back what was announced, then the file: its absence is not to be taken for an arrival."""
        if isinstance(exc, NotBegun):
            # What an earlier attempt may have left is not undone by this one.
            if in_place and parcel.renamed_in is None:
                notes.undone(parcel.name)
        elif not in_place:
            notes.undone(parcel.name)
            self.remove(path)
        elif self.remove(path):  # a partial file in place may have been seen: only now nothing happened
            notes.undone(parcel.name)

    def _has_no_room(self, path: str, parcel: Parcel) -> bool:
        try:
            room = self.session.room_bytes(posixpath.dirname(path))
        except OSError:
            return False
        return room is not None and room < len(parcel.content)

    def _expect_whole(self, stood: Stood, path: str, parcel: Parcel) -> None:
        if stood.size is not None and stood.size != len(parcel.content):
            if not self.has_our_bytes(path, parcel.content):
                raise NotKept(None, f"{stood.size} bytes")
        elif stood.ends_as_ours is False:
            raise NotKept(None, "other bytes at its end")

    def expect_still_whole(self, path: str, parcel: Parcel, *, notes: Notes) -> None:
        """A host may find out on closing that there was no room; a robot may take temporary names."""
        if not self.can_look:
            return
        (seen,) = self.look(path)
        if seen is None:
            raise self.vanished(parcel)
        if seen.size is not None and not self.is_whole(path, seen, parcel.content):
            kept = NotKept(None, f"{seen.size} bytes")
            self._undo(kept, path, parcel, notes=notes, in_place=False)
            raise self._not_written(parcel, kept)

    def _not_written(self, parcel: Parcel, exc: NotKept) -> TransientError:
        return TransientError(
            f"{self.place} does not keep the {len(parcel.content)} bytes of {parcel.name} ({exc.strerror}): "
            "its disk or quota may be full. Nothing was published; it is tried again in the next run, and "
            "the institution's technical contact can make room.",
            code=FailureCode.NOT_WRITTEN,
        )

    def stranger(self, parcel: Parcel) -> AnotherFile:
        return AnotherFile(
            f"{self.place} holds another file named {parcel.name}. Ask the institution what it is; nothing "
            "was overwritten."
        )

    def cannot_tell(self, parcel: Parcel) -> AmbiguousDelivery:
        return AmbiguousDelivery(
            f"An earlier attempt may have brought {parcel.name} to {self.place}, which lets nobody look. Ask "
            "the institution whether it arrived."
        )

    def taken_alone(self, parcel: Parcel) -> AmbiguousDelivery:
        return AmbiguousDelivery(
            f"{parcel.name} may have stood on {self.place} and is gone, while the file that it announces "
            "stands there. Ask the institution whether that was loaded."
        )

    def vanished(self, parcel: Parcel) -> AmbiguousDelivery:
        return AmbiguousDelivery(
            f"{parcel.name} was written to {self.place}, then vanished under its temporary name. Ask the "
            "institution whether it arrived, and for a folder that its robot leaves alone."
        )
