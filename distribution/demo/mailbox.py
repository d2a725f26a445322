"""The demo mailbox: an SMTP server on loopback that keeps each mail as one `.eml` file.

Run as `python -m distribution.demo.mailbox --home HOME --port PORT`.
"""

import argparse
import asyncio
import itertools
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from distribution.demo.endpoints import LOOPBACK

log = logging.getLogger(__name__)


class Mailbox:
    """Keeps what arrives: headers and text as they came, below who sent it to whom."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write one mail, whole or not at all."""
        name = f"{time.time_ns()}-{os.getpid()}-{next(self._numbers):06d}.eml"
        content = envelope.original_content or b""
        outside = (
            f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        )
        part = self._folder / f".{name}.part"
        part.write_bytes(outside.encode("utf-8") + content)
        part.rename(self._folder / name)
        log.info("Kept mail %s, %s bytes", name, len(content))
        return "250 Kept"


async def serve(folder: Path, *, port: int, address: str = LOOPBACK) -> None:
    """Take mails, on loopback where nothing else is said, until the process is told to end."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mailbox = Mailbox(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True), address, port
    )
    log.info("Demo mailbox answers on %s:%s", address, port)
    await server.serve_forever()


def main(argv: Sequence[str] | None = None) -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="A demo mailbox on loopback.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    wanted = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    log.setLevel(logging.INFO)
    asyncio.run(serve(wanted.home / "demo" / "mailbox", port=wanted.port))


if __name__ == "__main__":
    main()
