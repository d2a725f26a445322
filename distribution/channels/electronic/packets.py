"""The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): kinds, texts, attributes, refusals."""

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from distribution.channels.electronic.remote import NotKept, Seen

_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 0x1, 0x2, 0x4, 0x8, 0x80000000


class Kind(IntEnum):
    """The packets of the protocol that we send or read (section 3 of the draft)."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


@dataclass(frozen=True, slots=True)
class Answer:
    kind: int
    body: bytes


_LONGEST_WORDS = 200
_DONE, END, NOT_THERE, _NOT_ALLOWED, _NO_CONNECTION, _LOST = 0, 1, 2, 3, 6, 7


def text_of(text: str) -> bytes:
    encoded = os.fsencode(text)
    return struct.pack(">I", len(encoded)) + encoded


def first_text(body: bytes) -> bytes:
    (length,) = struct.unpack_from(">I", body)
    return body[4 : 4 + length]


def code_of(answer: Answer) -> int:
    return int(struct.unpack_from(">I", answer.body)[0])


def expect_done(answer: Answer) -> None:
    if answer.kind != Kind.STATUS or code_of(answer) != _DONE:
        raise _refusal(answer)


def expect_kept(answer: Answer) -> None:
    try:
        expect_done(answer)
    except OSError as exc:
        raise NotKept(exc.errno, exc.strerror) from exc


def expect(answer: Answer, kind: int) -> bytes:
    """The answer's body, with handles as they go back to the host. Raises OSError for a refusal."""
    if answer.kind != kind:
        raise _refusal(answer)
    return answer.body


def _refusal(answer: Answer) -> OSError | EOFError:
    if answer.kind != Kind.STATUS:
        return EOFError("an answer that fits no request")
    code = code_of(answer)
    said = readable(first_text(answer.body[4:])) if len(answer.body) > 8 else ""
    if code in (_NO_CONNECTION, _LOST):
        return EOFError(said)
    known = {NOT_THERE: errno.ENOENT, _NOT_ALLOWED: errno.EACCES}
    return OSError(known.get(code, errno.EIO), said or f"status {code}")


def readable(said: bytes) -> str:
    """A host's own words as one short line: they go into the ledger and the log."""
    text = said[:_LONGEST_WORDS].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text).strip()


def seen_in(answer: Answer) -> Seen | None:
    if answer.kind == Kind.STATUS and code_of(answer) == NOT_THERE:
        return None
    return attributes(expect(answer, Kind.ATTRS), 0)[0]


def attributes(body: bytes, at: int) -> tuple[Seen, int]:
    """A file's size from its attributes, and where they end (section 5 of the draft)."""
    (flags,) = struct.unpack_from(">I", body, at)
    at += 4
    size = None
    if flags & _HAS_SIZE:
        (size,) = struct.unpack_from(">Q", body, at)
        at += 8
    at += 8 * bool(flags & _HAS_OWNER) + 4 * bool(flags & _HAS_MODE) + 8 * bool(flags & _HAS_TIMES)
    if flags & _HAS_MORE:
        (count,) = struct.unpack_from(">I", body, at)
        at += 4
        for _ in range(2 * count):
            at += 4 + int(struct.unpack_from(">I", body, at)[0])
    return Seen(size), at


def entries(body: bytes) -> Iterator[tuple[str, Seen]]:
    (count,) = struct.unpack_from(">I", body)
    at = 4
    for _ in range(count):
        name = first_text(body[at:])
        at += 4 + len(name)
        at += 4 + int(struct.unpack_from(">I", body, at)[0])  # the line that `ls -l` would print
        seen, at = attributes(body, at)
        yield os.fsdecode(name), seen
