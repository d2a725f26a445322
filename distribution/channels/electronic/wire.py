"""SFTP version 3 as the drop speaks it: every request is answered, and every answer is read.

paramiko's own client drops the answer to CLOSE and those to pipelined writes (its `SFTPFile._close` and
`SFTPClient._read_response`), so that a full disk looks like success; and it waits for ever where a host
answers out of order. Here requests that do not wait for each other travel together: a file of one flight
costs one round trip, not one for each 32 KiB.
"""

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import paramiko

from distribution.channels.electronic.remote import NotKept, Seen, Stood

_VERSION = 3
_CHUNK_BYTES = 32768  # the most that every SFTP server takes in one write (draft-ietf-secsh-filexfer-02, 3)
_FLIGHT = 32  # writes that travel before their answers are read
_LARGEST_ANSWER = 4 * 1024 * 1024
_READ, _WRITE, _CREATE, _TRUNCATE = 0x01, 0x02, 0x08, 0x10
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 0x1, 0x2, 0x4, 0x8, 0x80000000


class _Kind(IntEnum):
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
class _Answer:
    kind: int
    body: bytes


class Wire:
    """The SFTP side of a channel; one thread at a time."""

    def __init__(self, channel: paramiko.Channel):
        self._channel = channel
        self._number = 0
        self._unread = bytearray()
        self._waiting: dict[int, _Answer] = {}

    def greet(self) -> None:
        """Agree on version 3. Raises EOFError when the host speaks no SFTP."""
        self._send(struct.pack(">IBI", 5, _Kind.INIT, _VERSION))
        kind, _ = self._packet()
        if kind != _Kind.VERSION:
            raise EOFError("no SFTP")

    def close(self) -> None:
        self._channel.close()

    # requests and answers ------------------------------------------------------------------------
    def _ask(self, *requests: tuple[int, bytes]) -> list[_Answer]:
        """Send requests in one go; their answers in the order of the requests, however they come back."""
        first = self._number + 1
        flight = bytearray()
        for kind, body in requests:
            self._number += 1
            flight += struct.pack(">IBI", len(body) + 5, kind, self._number)
            flight += body
        self._send(flight)
        return [self._answer(number) for number in range(first, self._number + 1)]

    def _send(self, packets: bytes | bytearray) -> None:
        try:
            self._channel.sendall(packets)
        except TimeoutError:
            raise
        except OSError as exc:
            raise EOFError("the channel is closed") from exc  # no word of the host, so no refusal

    def _answer(self, number: int) -> _Answer:
        while number not in self._waiting:
            kind, body = self._packet()
            self._waiting[struct.unpack_from(">I", body)[0]] = _Answer(kind, body[4:])
        return self._waiting.pop(number)

    def _packet(self) -> tuple[int, bytes]:
        (length,) = struct.unpack(">I", self._take(4))
        if not 0 < length <= _LARGEST_ANSWER:
            raise EOFError("an answer that is no SFTP")
        packet = self._take(length)
        return packet[0], packet[1:]

    def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            more = self._channel.recv(65536)
            if not more:
                raise EOFError("the host closed the channel")
            self._unread += more
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    # files ------------------------------------------------------------------------
    def stat(self, *paths: str) -> list[Seen | None]:
        """What stands under each path; None = nothing."""
        answers = self._ask(*((_Kind.STAT, _text(path)) for path in paths))
        return [_seen(answer) for answer in answers]

    def write(self, path: str, content: bytes) -> "OpenFile":
        """Write a file anew and ask the open handle what it holds."""
        handle = self._open_anew(path)
        for start in range(0, len(content), _CHUNK_BYTES * _FLIGHT):
            stop = min(start + _CHUNK_BYTES * _FLIGHT, len(content))
            answers = self._ask(
                *(
                    (
                        _Kind.WRITE,
                        handle
                        + struct.pack(">QI", at, min(_CHUNK_BYTES, stop - at))
                        + content[at : min(at + _CHUNK_BYTES, stop)],
                    )
                    for at in range(start, stop, _CHUNK_BYTES)
                )
            )
            for answer in answers:
                _expect_kept(answer)
        return OpenFile(self, handle, self._stood(handle, content))

    def _open_anew(self, path: str) -> bytes:
        name, attributes = _text(path), struct.pack(">I", 0)
        anew = _WRITE | _CREATE | _TRUNCATE
        (answer,) = self._ask((_Kind.OPEN, name + struct.pack(">I", anew | _READ) + attributes))
        if answer.kind == _Kind.STATUS and _code(answer) != _NOT_THERE:
            # A box that is open for writing only.
            (answer,) = self._ask((_Kind.OPEN, name + struct.pack(">I", anew) + attributes))
        return _expect(answer, _Kind.HANDLE)

    def _stood(self, handle: bytes, content: bytes) -> Stood:
        """An open file's size, and whether its last bytes are ours: a host may keep less than it says."""
        tail = content[-_CHUNK_BYTES:]
        at = len(content) - len(tail)
        size, last = self._ask(
            (_Kind.FSTAT, handle), (_Kind.READ, handle + struct.pack(">QI", at, len(tail)))
        )
        ends_as_ours: bool | None = None
        if last.kind == _Kind.DATA:
            read = _first_text(last.body)
            ends_as_ours = tail.startswith(read) if read else False
        elif last.kind == _Kind.STATUS and _code(last) == _END and tail:
            ends_as_ours = False
        seen = _attributes(size.body, 0)[0] if size.kind == _Kind.ATTRS else Seen(None)
        return Stood(seen.size, ends_as_ours)

    def close_handle(self, handle: bytes) -> None:
        """Close a handle. Raises NotKept when the host refuses."""
        (answer,) = self._ask((_Kind.CLOSE, handle))
        _expect_kept(answer)

    def read(self, path: str) -> bytes:
        (answer,) = self._ask((_Kind.OPEN, _text(path) + struct.pack(">II", _READ, 0)))
        handle = _expect(answer, _Kind.HANDLE)
        content = bytearray()
        while block := self._block(handle, len(content)):
            content += block
        self._ask((_Kind.CLOSE, handle))
        return bytes(content)

    def _block(self, handle: bytes, at: int) -> bytes:
        (answer,) = self._ask((_Kind.READ, handle + struct.pack(">QI", at, _CHUNK_BYTES)))
        if answer.kind == _Kind.STATUS and _code(answer) == _END:
            return b""
        return _first_text(_expect(answer, _Kind.DATA))

    def listing(self, directory: str) -> dict[str, Seen]:
        """What stands in a folder, by name."""
        (answer,) = self._ask((_Kind.OPENDIR, _text(directory)))
        handle = _expect(answer, _Kind.HANDLE)
        found: dict[str, Seen] = {}
        while names := self._names(handle):
            found.update(names)
        self._ask((_Kind.CLOSE, handle))
        return found

    def _names(self, handle: bytes) -> dict[str, Seen]:
        (answer,) = self._ask((_Kind.READDIR, handle))
        if answer.kind == _Kind.STATUS and _code(answer) == _END:
            return {}
        return dict(_entries(_expect(answer, _Kind.NAME)))

    def rename(self, old: str, new: str) -> None:
        (answer,) = self._ask((_Kind.RENAME, _text(old) + _text(new)))
        _expect_done(answer)

    def remove(self, path: str) -> None:
        (answer,) = self._ask((_Kind.REMOVE, _text(path)))
        _expect_done(answer)

    def room_bytes(self, directory: str) -> int | None:
        """The bytes that an ordinary user can still write; None where the host does not say."""
        (answer,) = self._ask((_Kind.EXTENDED, _text("statvfs@openssh.com") + _text(directory)))
        if answer.kind != _Kind.EXTENDED_REPLY or len(answer.body) < 40:
            return None
        _, fragment_bytes, _, _, available = struct.unpack_from(">5Q", answer.body)
        return int(fragment_bytes * available)


class OpenFile:
    """A file that was written and is still open."""

    def __init__(self, wire: Wire, handle: bytes, stood: Stood):
        self._wire, self._handle, self.stood = wire, handle, stood

    def close(self) -> None:
        self._wire.close_handle(self._handle)


_DONE, _END, _NOT_THERE, _NOT_ALLOWED, _NO_CONNECTION, _LOST = 0, 1, 2, 3, 6, 7


def _text(text: str) -> bytes:
    encoded = os.fsencode(text)
    return struct.pack(">I", len(encoded)) + encoded


def _first_text(body: bytes) -> bytes:
    (length,) = struct.unpack_from(">I", body)
    return body[4 : 4 + length]


def _code(answer: _Answer) -> int:
    return int(struct.unpack_from(">I", answer.body)[0])


def _expect_done(answer: _Answer) -> None:
    if answer.kind != _Kind.STATUS or _code(answer) != _DONE:
        raise _refusal(answer)


def _expect_kept(answer: _Answer) -> None:
    try:
        _expect_done(answer)
    except OSError as exc:
        raise NotKept(exc.errno, exc.strerror) from exc


def _expect(answer: _Answer, kind: int) -> bytes:
    """The answer's body, with handles as they go back to the host. Raises OSError for a refusal."""
    if answer.kind != kind:
        raise _refusal(answer)
    return answer.body


def _refusal(answer: _Answer) -> OSError | EOFError:
    if answer.kind != _Kind.STATUS:
        return EOFError("an answer that fits no request")
    code = _code(answer)
    said = _first_text(answer.body[4:]).decode("utf-8", "replace") if len(answer.body) > 8 else ""
    if code in (_NO_CONNECTION, _LOST):
        return EOFError(said)
    known = {_NOT_THERE: errno.ENOENT, _NOT_ALLOWED: errno.EACCES}
    return OSError(known.get(code, errno.EIO), said or f"status {code}")


def _seen(answer: _Answer) -> Seen | None:
    if answer.kind == _Kind.STATUS and _code(answer) == _NOT_THERE:
        return None
    return _attributes(_expect(answer, _Kind.ATTRS), 0)[0]


def _attributes(body: bytes, at: int) -> tuple[Seen, int]:
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


def _entries(body: bytes) -> Iterator[tuple[str, Seen]]:
    (count,) = struct.unpack_from(">I", body)
    at = 4
    for _ in range(count):
        name = _first_text(body[at:])
        at += 4 + len(name)
        at += 4 + int(struct.unpack_from(">I", body, at)[0])  # the line that `ls -l` would print
        seen, at = _attributes(body, at)
        yield os.fsdecode(name), seen
