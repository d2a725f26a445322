"""SFTP version 3 as the drop speaks it: every request is answered, and every answer is read.

paramiko's own client drops the answer to CLOSE and those to pipelined writes (its `SFTPFile._close` and
`SFTPClient._read_response`), so that a full disk looks like success; and it waits for ever where a host
answers out of order. Here requests that do not wait for each other travel together: a file of one flight
costs one round trip, not one for each 32 KiB.
"""

import struct
from collections.abc import Callable

import paramiko

from distribution.channels.electronic.packets import (
    END,
    NOT_THERE,
    Answer,
    Kind,
    attributes,
    code_of,
    entries,
    expect,
    expect_done,
    expect_kept,
    first_text,
    seen_in,
    text_of,
)
from distribution.channels.electronic.remote import NotBegun, Seen, Stood, TooLarge, quietly
from distribution.errors import DistributionError

_VERSION = 3
_CHUNK_BYTES = 32768  # the most that every SFTP server takes in one write (draft-ietf-secsh-filexfer-02, 3)
_TAIL_BYTES = 512  # so few that no host parts them into two answers
_FLIGHT = 32  # writes that travel before their answers are read
_LARGEST_ANSWER = 4 * 1024 * 1024
_READ, _WRITE, _CREATE, _TRUNCATE = 0x01, 0x02, 0x08, 0x10


class Wire:
    """The SFTP side of a channel; one thread at a time."""

    def __init__(self, channel: paramiko.Channel):
        self._channel = channel
        self._number = 0
        self._unread = bytearray()
        self._waiting: dict[int, Answer] = {}

    def greet(self) -> None:
        """Agree on version 3. Raises EOFError when the host speaks no SFTP."""
        self._send(struct.pack(">IBI", 5, Kind.INIT, _VERSION))
        kind, _ = self._packet()
        if kind != Kind.VERSION:
            raise EOFError("no SFTP")

    def close(self) -> None:
        self._channel.close()

    # requests and answers ------------------------------------------------------------------------
    def _ask(self, *requests: tuple[int, bytes]) -> list[Answer]:
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

    def _answer(self, number: int) -> Answer:
        while number not in self._waiting:
            kind, body = self._packet()
            self._waiting[struct.unpack_from(">I", body)[0]] = Answer(kind, body[4:])
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
        answers = self._ask(*((Kind.STAT, text_of(path)) for path in paths))
        return [seen_in(answer) for answer in answers]

    def write(self, path: str, content: bytes, *, announce: Callable[[], None] = quietly) -> "OpenFile":
        """Write a file anew and ask the open handle what it holds; `announce` before the last flight."""
        handle = self._open_anew(path)
        try:
            self._fill(handle, content, announce)
            return OpenFile(self, handle, self._stood(handle, content))
        except TimeoutError:
            raise
        except (OSError, DistributionError):
            self._ask((Kind.CLOSE, handle))  # some hosts let nobody take an open file away
            raise

    def _fill(self, handle: bytes, content: bytes, announce: Callable[[], None]) -> None:
        for start in range(0, max(1, len(content)), _CHUNK_BYTES * _FLIGHT):
            stop = min(start + _CHUNK_BYTES * _FLIGHT, len(content))
            if stop == len(content):
                announce()
            answers = self._ask(
                *(
                    (
                        Kind.WRITE,
                        handle
                        + struct.pack(">QI", at, min(_CHUNK_BYTES, stop - at))
                        + content[at : min(at + _CHUNK_BYTES, stop)],
                    )
                    for at in range(start, stop, _CHUNK_BYTES)
                )
            )
            for answer in answers:
                expect_kept(answer)

    def _open_anew(self, path: str) -> bytes:
        name, no_attributes = text_of(path), struct.pack(">I", 0)
        anew = _WRITE | _CREATE | _TRUNCATE
        (answer,) = self._ask((Kind.OPEN, name + struct.pack(">I", anew | _READ) + no_attributes))
        if answer.kind == Kind.STATUS and code_of(answer) != NOT_THERE:
            # A box that is open for writing only.
            (answer,) = self._ask((Kind.OPEN, name + struct.pack(">I", anew) + no_attributes))
        try:
            return expect(answer, Kind.HANDLE)
        except OSError as exc:
            raise NotBegun(exc) from exc

    def _stood(self, handle: bytes, content: bytes) -> Stood:
        """An open file's size, and whether its last bytes are ours: a host may keep less than it says."""
        tail = content[-_TAIL_BYTES:]
        at = len(content) - len(tail)
        size, last = self._ask((Kind.FSTAT, handle), (Kind.READ, handle + struct.pack(">QI", at, len(tail))))
        ends_as_ours: bool | None = None
        if last.kind == Kind.DATA:
            ends_as_ours = first_text(last.body) == tail
        elif last.kind == Kind.STATUS and code_of(last) == END and tail:
            ends_as_ours = False
        seen = attributes(size.body, 0)[0] if size.kind == Kind.ATTRS else Seen(None)
        return Stood(seen.size, ends_as_ours)

    def close_handle(self, handle: bytes) -> None:
        """Close a handle. Raises NotKept when the host refuses."""
        (answer,) = self._ask((Kind.CLOSE, handle))
        expect_kept(answer)

    def read(self, path: str, *, at_most: int) -> bytes:
        """A file's bytes. Raises TooLarge as soon as there are more than `at_most`."""
        (answer,) = self._ask((Kind.OPEN, text_of(path) + struct.pack(">II", _READ, 0)))
        handle = expect(answer, Kind.HANDLE)
        content = bytearray()
        while len(content) <= at_most and (block := self._block(handle, len(content))):
            content += block
        self._ask((Kind.CLOSE, handle))
        if len(content) > at_most:
            raise TooLarge(len(content))
        return bytes(content)

    def _block(self, handle: bytes, at: int) -> bytes:
        (answer,) = self._ask((Kind.READ, handle + struct.pack(">QI", at, _CHUNK_BYTES)))
        if answer.kind == Kind.STATUS and code_of(answer) == END:
            return b""
        return first_text(expect(answer, Kind.DATA))

    def listing(self, directory: str) -> dict[str, Seen]:
        """What stands in a folder, by name."""
        (answer,) = self._ask((Kind.OPENDIR, text_of(directory)))
        handle = expect(answer, Kind.HANDLE)
        found: dict[str, Seen] = {}
        while names := self._names(handle):
            found.update(names)
        self._ask((Kind.CLOSE, handle))
        return found

    def _names(self, handle: bytes) -> dict[str, Seen]:
        (answer,) = self._ask((Kind.READDIR, handle))
        if answer.kind == Kind.STATUS and code_of(answer) == END:
            return {}
        return dict(entries(expect(answer, Kind.NAME)))

    def rename(self, old: str, new: str) -> None:
        (answer,) = self._ask((Kind.RENAME, text_of(old) + text_of(new)))
        expect_done(answer)

    def remove(self, path: str) -> None:
        (answer,) = self._ask((Kind.REMOVE, text_of(path)))
        expect_done(answer)

    def room_bytes(self, directory: str) -> int | None:
        """The bytes that an ordinary user can still write; None where the host does not say."""
        (answer,) = self._ask((Kind.EXTENDED, text_of("statvfs@openssh.com") + text_of(directory)))
        if answer.kind != Kind.EXTENDED_REPLY or len(answer.body) < 40:
            return None
        _, fragment_bytes, _, _, available = struct.unpack_from(">5Q", answer.body)
        return int(fragment_bytes * available)


class OpenFile:
    """A file that was written and is still open."""

    def __init__(self, wire: Wire, handle: bytes, stood: Stood):
        self._wire, self._handle, self.stood = wire, handle, stood

    def close(self) -> None:
        self._wire.close_handle(self._handle)
