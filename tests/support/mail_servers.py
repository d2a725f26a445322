"""Real mail servers on loopback; each fault is a server with a name."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class TakesAll:
    """Takes every mail and keeps it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer(server)

    def answer(self, server: Any) -> str:
        return "250 OK"


class DropsAfterData(TakesAll):
    """Keeps the mail, then drops the line before it has said so, the first `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def answer(self, server: Any) -> str:
        if len(self.mails) <= self.times:
            server.transport.abort()
        return "250 OK"


class KillsTheSender(TakesAll):
    """Keeps the mail, then kills the process that brings it, before it has an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.pid: int | None = None

    def answer(self, server: Any) -> str:
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
        return "250 OK"


class Answers(TakesAll):
    """Gives an answer of its own to the address or, with `after_data`, to the mail."""

    def __init__(self, to: str, reply: str, *, after_data: bool = False) -> None:
        super().__init__()
        self.to, self.reply, self.after_data = to, reply, after_data

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address == self.to and not self.after_data:
            return self.reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.after_data and self.to in envelope.rcpt_tos:
            return self.reply
        return await super().handle_DATA(server, session, envelope)


@contextmanager
def serving(handler: TakesAll, **options: Any) -> Iterator[int]:
    """Serve on a free port of loopback; the port."""
    controller = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Troubled(TakesAll):
    """Takes mails in the end, each address in its own way: drops the line, greylists, is slow, refuses.

    `troubles`: by address one of `drop` (keeps the mail, then drops the line), `grey` and `later` (one or
    three times "later" to the address), `slow` (answers after the sender has given up), `never` (550); each
    but `never` ends. `kill_at`: at these counts of mails the process `pid` is killed before its answer.
    """

    def __init__(self, troubles: dict[str, str], kill_at: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.troubles, self.kill_at = dict(troubles), set(kill_at)
        self.put_off = {to: 1 if trouble == "grey" else 3 for to, trouble in troubles.items()}
        self.pid: int | None = None
        self.met: dict[str, int] = {}

    def _meets(self, trouble: str) -> None:
        self.met[trouble] = self.met.get(trouble, 0) + 1

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        trouble = self.troubles.get(address)
        if trouble == "never":
            self._meets("never")
            return "550 no such user"
        if trouble in ("grey", "later") and self.put_off[address]:
            self.put_off[address] -= 1
            self._meets(trouble)
            return "451 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        trouble = self.troubles.pop(envelope.rcpt_tos[0], None)
        if len(self.mails) in self.kill_at and self.pid is not None:
            self._meets("kill")
            os.kill(self.pid, signal.SIGKILL)
            self.pid = None
        if trouble == "drop":
            self._meets("drop")
            server.transport.abort()
        if trouble == "slow":
            self._meets("slow")
            await asyncio.sleep(1.3)
        return answer
