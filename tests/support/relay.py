"""Relays between a client and a server on loopback: late, slow, cut off, or silent after so many bytes."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable


class Relay:
    """Passes bytes on, each way in a thread; a context manager that gives its port."""

    def __init__(self, to_port: int):
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return self.port

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for sock in self._open:
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to_port))
            except OSError:
                return
            self._open += [near, far]
            self.opened()
            for source, sink, carry in ((near, far, self.upward), (far, near, self.downward)):
                threading.Thread(target=self._pump, args=(source, sink, carry), daemon=True).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, carry: Callable[[socket.socket, bytes], None]
    ) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                carry(sink, block)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def opened(self) -> None:
        """A client has come."""

    def upward(self, sink: socket.socket, block: bytes) -> None:
        """From the client to the server."""
        sink.sendall(block)

    def downward(self, sink: socket.socket, block: bytes) -> None:
        """From the server to the client."""
        sink.sendall(block)


class CutsIdle(Relay):
    """Cuts every line when nobody has said anything for so long, as firewalls do."""

    def __init__(self, to_port: int, *, seconds: float):
        super().__init__(to_port)
        self._seconds = seconds
        self._heard_at = time.monotonic()
        self.cuts = 0

    def __enter__(self) -> int:
        threading.Thread(target=self._watch, daemon=True).start()
        return super().__enter__()

    def opened(self) -> None:
        self._heard_at = time.monotonic()

    def upward(self, sink: socket.socket, block: bytes) -> None:
        self._heard_at = time.monotonic()
        sink.sendall(block)

    def downward(self, sink: socket.socket, block: bytes) -> None:
        self._heard_at = time.monotonic()
        sink.sendall(block)

    def _watch(self) -> None:
        while self._listener.fileno() != -1:
            time.sleep(0.02)
            if self._open and time.monotonic() - self._heard_at > self._seconds:
                self._cut()

    def _cut(self) -> None:
        lines, self._open = self._open, []
        is_in_use = False
        for sock in lines:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
                is_in_use = True
        self.cuts += is_in_use


class SlowBanner(Relay):
    """The server says nothing for a while."""

    def __init__(self, to_port: int, *, seconds: float):
        super().__init__(to_port)
        self._seconds = seconds

    def downward(self, sink: socket.socket, block: bytes) -> None:
        if block.startswith(b"SSH-"):
            time.sleep(self._seconds)
        sink.sendall(block)


class BlackHole(Relay):
    """After so many bytes the server is never heard of again, and the line stays open."""

    def __init__(self, to_port: int, *, after_bytes: int):
        super().__init__(to_port)
        self._left = after_bytes

    def downward(self, sink: socket.socket, block: bytes) -> None:
        passed = block[: max(0, self._left)]
        self._left -= len(block)
        if passed:
            sink.sendall(passed)


class Tripwire(Relay):
    """Calls `trip` when so many bytes have gone up, or come down, and passes nothing on from there."""

    def __init__(self, to_port: int, *, trip: Callable[[], None], up: int | None, down: int | None):
        super().__init__(to_port)
        self._trip = trip
        self._allowed = {"up": up, "down": down}
        self.passed = {"up": 0, "down": 0}
        self._lock = threading.Lock()

    def upward(self, sink: socket.socket, block: bytes) -> None:
        self._carry("up", sink, block)

    def downward(self, sink: socket.socket, block: bytes) -> None:
        self._carry("down", sink, block)

    def _carry(self, way: str, sink: socket.socket, block: bytes) -> None:
        with self._lock:
            allowed = self._allowed[way]
            room = len(block) if allowed is None else max(0, allowed - self.passed[way])
            self.passed[way] += len(block)
            sink.sendall(block[:room])
            if room < len(block):
                self._allowed[way] = None
                self._trip()
                raise OSError("cut")
