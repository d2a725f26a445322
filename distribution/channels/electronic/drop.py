"""The drop: a file is put into a partner's folder so that it is there once, whole, and never in part.

Write under a temporary name with every write answered, ask the open handle what it holds, close, note the
intent, rename plainly; on any later attempt look before acting. Where the host lets nobody rename, the file
is written in place and counts once its done-file stands.
"""

from collections.abc import Sequence

from distribution.channels.electronic.eyes import (
    AmbiguousDelivery,
    AnotherFile,
    Eyes,
    Notes,
    Parcel,
    Terms,
    part_name,
)
from distribution.channels.electronic.remote import Remote, Seen, explained
from distribution.model import Publish

__all__ = ["AmbiguousDelivery", "AnotherFile", "Notes", "Parcel", "Terms", "part_name", "publish"]

_LEFTOVERS = 5


def publish(
    session: Remote, terms: Terms, parcels: Sequence[Parcel], *, notes: Notes, seconds: float
) -> None:
    """Put parcels into the folder, one after the other; all stand under their final names on return.

    With `publish: done-file` the last parcel is the done-file; a single parcel has none, so it is renamed:
    nothing stands in part under a final name without one. Raises AmbiguousDelivery, PermanentError
    (`folder`, `space`) or TransientError (`connection-lost`, `timed-out`, `refused-by-host`, `not-written`),
    and whatever `notes` raises.
    """
    session.within(seconds, lambda: _publish(session, terms, parcels, notes))


def _publish(session: Remote, terms: Terms, parcels: Sequence[Parcel], notes: Notes) -> None:
    eyes = Eyes(session, terms)
    eyes.see_folder(parcels)
    attempt = notes.begin()
    if terms.publish is Publish.DONE_FILE and len(parcels) > 1:
        _InPlace(eyes, parcels, attempt, notes).put()
        return
    for parcel in parcels:
        _Renamed(eyes, parcel, attempt, notes).put()


class _Renamed:
    """One parcel on its way: written under a temporary name, then renamed."""

    def __init__(self, eyes: Eyes, parcel: Parcel, attempt: int, notes: Notes):
        self._eyes, self._parcel, self._attempt, self._notes = eyes, parcel, attempt, notes
        self._session = eyes.session
        self._final = eyes.final(parcel)

    def put(self) -> None:
        if self._arrived_before():
            return
        self._remove_leftovers()
        part = self._part(self._attempt)
        self._eyes.write(part, self._parcel, notes=self._notes, closing=self._attempt)
        self._eyes.expect_still_whole(part, self._parcel, notes=self._notes)
        self._rename(self._attempt)
        if self._parcel.closed_in is not None:
            self._eyes.remove(self._part(self._parcel.closed_in))

    def _part(self, attempt: int) -> str:
        return self._eyes.part(self._parcel, attempt)

    def _arrived_before(self) -> bool:
        """Look before acting: True when the parcel stands there, was picked up, or is renamed now."""
        if not self._eyes.can_look:
            if self._parcel.renamed_in is not None:
                raise self._eyes.cannot_tell(self._parcel)
            return False
        if self._stands_under_final_name():
            return True
        upload = self._parcel.renamed_in or self._parcel.closed_in
        if upload is None:
            return False
        (seen,) = self._eyes.look(self._part(upload))
        if seen is None:
            if self._parcel.renamed_in is None:
                raise self._eyes.vanished(self._parcel)
            return True  # renamed, and picked up since
        if self._eyes.is_whole(self._part(upload), seen, self._parcel.content):
            self._rename(upload)
            return True
        return False

    def _stands_under_final_name(self) -> bool:
        seen = self._eyes.first_look(self._final)
        if seen is None:
            return False
        # Where we have never renamed, a file of our size may still be a stranger: then its bytes decide.
        is_ours = (
            self._eyes.has_our_bytes(self._final, self._parcel.content)
            if self._parcel.renamed_in is None
            else self._eyes.is_whole(self._final, seen, self._parcel.content)
        )
        if not is_ours:
            raise self._eyes.stranger(self._parcel)
        return True

    def _remove_leftovers(self) -> None:
        # The upload that may be whole stays until the file stands: its absence would be taken for an arrival.
        for attempt in range(max(1, self._attempt - _LEFTOVERS), self._attempt):
            if attempt != self._parcel.closed_in:
                self._eyes.remove(self._part(attempt))

    def _rename(self, upload: int) -> None:
        """Give the upload of that attempt its final name; a plain rename, which never overwrites."""
        self._notes.renaming(self._parcel.name, upload)
        with explained(
            self._session.account, doing=f"renaming {self._parcel.name} into {self._eyes.terms.directory}"
        ):
            try:
                self._session.rename(self._part(upload), self._final)
            except (TimeoutError, ConnectionError):
                raise
            except OSError as exc:
                if not self._was_renamed_all_the_same(upload, exc):
                    self._notes.undone(self._parcel.name)
                    raise

    def _was_renamed_all_the_same(self, upload: int, exc: OSError) -> bool:
        """Whether the host renamed although it refuses; False only where it certainly did not."""
        if not self._eyes.can_look:
            return self._second_refusal_tells(upload, exc)
        final, part = self._eyes.look(self._final, self._part(upload))
        if part is not None:
            return False
        if final is not None and self._eyes.is_whole(self._final, final, self._parcel.content):
            return True
        raise self._eyes.vanished(self._parcel)

    def _second_refusal_tells(self, upload: int, exc: OSError) -> bool:
        """Without looking, a second rename tells: it finds nothing where the first one was done."""
        if isinstance(exc, PermissionError):
            return False
        if isinstance(exc, FileNotFoundError):
            raise self._eyes.vanished(self._parcel)
        try:
            self._session.rename(self._part(upload), self._final)
        except FileNotFoundError as gone:
            raise self._eyes.vanished(self._parcel) from gone
        except PermissionError:
            return False
        return True


class _InPlace:
    """A file that is written under its final name and counts once its done-file, the last parcel, stands."""

    def __init__(self, eyes: Eyes, parcels: Sequence[Parcel], attempt: int, notes: Notes):
        self._eyes, self._attempt, self._notes = eyes, attempt, notes
        *self._data, self._done = parcels

    def put(self) -> None:
        if self._done.renamed_in is not None:
            if self._was_taken():
                return
        else:
            for parcel in self._data:
                self._write_unless_whole(parcel)
            self._refuse_stranger(self._done)
        self._write(self._done)

    def _was_taken(self) -> bool:
        """An earlier attempt may have written the done-file: True when it stands, or the data is gone."""
        if not self._eyes.can_look:
            raise self._eyes.cannot_tell(self._done)
        seen = self._eyes.first_look(self._eyes.final(self._done))
        if seen is not None and self._is_whole(self._done, seen):
            return True
        data = [self._eyes.first_look(self._eyes.final(parcel)) for parcel in self._data]
        if all(each is None for each in data):
            return True
        if not all(
            each is not None and self._is_whole(parcel, each)
            for parcel, each in zip(self._data, data, strict=True)
        ):
            raise self._eyes.stranger(self._done)
        if seen is None:
            raise self._eyes.taken_alone(self._done)  # some robots leave the data and take what announces it
        return False  # it stands there in part, so nobody has taken it: it is written once more

    def _is_whole(self, parcel: Parcel, seen: Seen) -> bool:
        return self._eyes.is_whole(self._eyes.final(parcel), seen, parcel.content)

    def _write_unless_whole(self, parcel: Parcel) -> None:
        if parcel.renamed_in is None:
            if self._refuse_stranger(parcel):
                return
        elif self._eyes.can_look:
            seen = self._eyes.first_look(self._eyes.final(parcel))
            if seen is not None and self._is_whole(parcel, seen):
                return
        self._write(parcel)

    def _refuse_stranger(self, parcel: Parcel) -> bool:
        """True when our bytes stand there; False when nothing does, or what a cut left of them.

        Raises AmbiguousDelivery when others stand under a name of ours.
        """
        if not self._eyes.can_look:
            return False
        final = self._eyes.final(parcel)
        if self._eyes.first_look(final) is None:
            return False
        if self._eyes.has_our_bytes(final, parcel.content):
            return True
        if not self._eyes.has_our_beginning(final, parcel.content):
            raise self._eyes.stranger(parcel)
        return False

    def _write(self, parcel: Parcel) -> None:
        self._notes.renaming(parcel.name, self._attempt)
        self._eyes.write(self._eyes.final(parcel), parcel, notes=self._notes, closing=None)
