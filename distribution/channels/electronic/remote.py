"""What a session offers the drop, whichever client speaks to the host, and what the host's refusals mean."""

import errno
import re
import struct
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Protocol, TypeVar

import paramiko

from distribution.errors import DistributionError, PermanentError, TransientError
from distribution.model import FailureCode

Outcome = TypeVar("Outcome")
_NO_SPACE = re.compile(r"space|quota|disk full", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Account:
    """Where files go and how to sign in: `host_key` is a public key line, `key` a private key's text.

    With a key the password is the key's passphrase, if it has one.
    """

    host: str
    port: int
    username: str
    host_key: str
    key: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as the host shows it; None = the host does not say."""

    size: int | None


@dataclass(frozen=True, slots=True)
class Stood:
    """What an open handle said of a file before it was closed; None = the host does not say."""

    size: int | None
    ends_as_ours: bool | None


class NotKept(OSError):
    """The host refused a write, or to close what it took: it keeps less than it was given."""


class NotBegun(OSError):
    """The host refused to begin a file: nothing of it stands there; `why` = its answer."""

    def __init__(self, why: OSError):
        self.why = why
        super().__init__(why.errno, why.strerror)


class TooLarge(OSError):
    """The file holds more than anyone reads of it; `size` = what is known of its bytes."""

    def __init__(self, size: int):
        self.size = size
        super().__init__(None, f"at least {size} bytes")


def quietly() -> None:
    """Nobody wants to be told."""


class Remote(Protocol):
    """A signed-in session. Its calls raise OSError; where the host says why, one that says so too."""

    account: Account

    @property
    def is_alive(self) -> bool: ...

    def close(self) -> None: ...

    def within(self, seconds: float, work: Callable[[], Outcome]) -> Outcome:
        """Work with a hard end: then the line is cut and TransientError `timed-out` raised; see `limit`."""

    def stat(self, *paths: str) -> list[Seen | None]:
        """What stands under each path; None = nothing."""

    def listing(self, directory: str) -> dict[str, Seen]:
        """What stands in a folder, by name."""

    def write(self, path: str, content: bytes, *, announce: Callable[[], None] = quietly) -> "Written":
        """Write a file anew; every byte was taken when this returns. Raises NotBegun, NotKept.

        The file stands there, empty or begun, when `announce` is called; after it, it may be whole.
        """

    def read(self, path: str, *, at_most: int) -> bytes:
        """A file's bytes. Raises TooLarge when it has more than `at_most`."""

    def rename(self, old: str, new: str) -> None:
        """The plain rename, which never overwrites where the host keeps to the protocol."""

    def remove(self, path: str) -> None: ...

    def room_bytes(self, directory: str) -> int | None:
        """How much still fits; None = the host does not say."""


class Written(Protocol):
    """A file that was written and is still open."""

    stood: Stood

    def close(self) -> None:
        """Close it, and take the host's word for it. Raises NotKept when the host refuses."""


def lost(account: Account) -> TransientError:
    """The error for a line that broke."""
    return TransientError(
        f"The connection to {account.place} was lost. Nothing is published twice; the next run looks first.",
        code=FailureCode.CONNECTION_LOST,
    )


class HostKeyMismatch(PermanentError):
    """The host showed another key than the pinned one."""

    def __init__(self, host: str, *, seen: str, expected: str):
        self.host, self.seen, self.expected = host, seen, expected
        super().__init__(
            f"{host} showed host key {seen}, on file is {expected}. Ask the institution by telephone before "
            "changing the key on file; nothing was sent.",
            code=FailureCode.HOST_KEY,
        )


def sign_in_refused(account: Account) -> PermanentError:
    """The error for an account that the host does not let in."""
    how = "key" if account.key is not None else "password"
    return PermanentError(
        f"{account.place} refused the {how} of {account.username}. Ask the institution whether the "
        "account or its credential changed, put the new one into the secrets, then `delivery retry`.",
        code=FailureCode.SIGN_IN,
    )


def unreachable(account: Account, why: str) -> TransientError:
    """The error for a host that nobody answers at."""
    return TransientError(
        f"{account.place} cannot be reached ({why}). It is tried again in the next run; if it stays so, ask "
        "the institution's technical contact.",
        code=FailureCode.UNREACHABLE,
    )


def too_slow(place: str, seconds: float) -> TransientError:
    """The error for work that was cut off by the clock."""
    return TransientError(
        f"{place} took longer than the {seconds:g} seconds that it has for one file. It is tried again in "
        "the next run; raise DISTRIBUTION_SFTP_SECONDS if the host is always this slow.",
        code=FailureCode.TIMED_OUT,
    )


def unforeseen(place: str, exc: Exception) -> TransientError:
    """The error for what no rule foresees, by its kind and line alone: its words may quote a record."""
    at = traceback.extract_tb(exc.__traceback__)[-1]
    return TransientError(
        f"Something unforeseen happened on the way to {place} ({type(exc).__name__} at "
        f"{PurePath(at.filename).name}:{at.lineno}); the fault may be ours. It is tried again in the next "
        "run; tell those who look after this code.",
        code=FailureCode.REFUSED_BY_HOST,
    )


def no_answer(account: Account, *, doing: str) -> TransientError:
    """The error for a host that keeps a request waiting."""
    return TransientError(
        f"{account.place} did not answer in time ({doing}). It is tried again in the next run.",
        code=FailureCode.TIMED_OUT,
    )


@contextmanager
def explained(account: Account, *, doing: str) -> Iterator[None]:
    """Turn what a session raises inside the block into our errors; `doing` says what was tried."""
    try:
        yield
    except TimeoutError as exc:
        raise no_answer(account, doing=doing) from exc
    except (EOFError, ConnectionError, paramiko.SSHException, struct.error) as exc:
        raise lost(account) from exc  # an answer that is too short is a line that cannot be used
    except OSError as exc:
        raise _answer(account, exc.why if isinstance(exc, NotBegun) else exc, doing=doing) from exc


def says_no_space(exc: OSError) -> bool:
    """True when the host itself says that its disk or quota is full; many only say `Failure`."""
    return exc.errno in (errno.ENOSPC, errno.EDQUOT) or bool(_NO_SPACE.search(str(exc)))


def no_space(account: Account, *, doing: str) -> PermanentError:
    return PermanentError(
        f"{account.place} has no space left ({doing}). Nothing was published. Ask the institution to make "
        "room, then `delivery retry`.",
        code=FailureCode.SPACE,
    )


def _answer(account: Account, exc: OSError, *, doing: str) -> DistributionError:
    said = str(exc.strerror or exc)
    if isinstance(exc, FileNotFoundError | PermissionError):
        why = "is not there" if isinstance(exc, FileNotFoundError) else "may not be used so"
        return PermanentError(
            f"The folder on {account.place} {why} ({doing}). Ask the institution, then load its endpoint "
            "anew or `delivery retry`.",
            code=FailureCode.FOLDER,
        )
    if says_no_space(exc):
        return no_space(account, doing=doing)
    if "closed" in said.lower():
        return lost(account)
    return TransientError(
        f"{account.place} refused ({doing}): {said or 'no reason given'}. It is tried again in the next run.",
        code=FailureCode.REFUSED_BY_HOST,
    )


def look_refused(account: Account, look: str) -> PermanentError:
    """The error for a host that does not let us look as its endpoint says."""
    others = " or ".join(f"`look: {other}`" for other in ("stat", "list", "none") if other != look)
    return PermanentError(
        f"{account.place} does not let {account.username} look by `{look}`. Load its endpoint anew with "
        f"{others}.",
        code=FailureCode.FOLDER,
    )


def name_of(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def found_in(listing: dict[str, Seen], names: Sequence[str]) -> list[Seen | None]:
    """Each name's file in a folder's listing; a host that folds case shows the name as it keeps it."""
    folded = {name.casefold(): seen for name, seen in listing.items()}
    return [listing.get(name, folded.get(name.casefold())) for name in names]
