"""The demo partners in the foreground, for a container: `python -m distribution.demo.container sftp|mail`."""

import argparse
import asyncio
import logging
from collections.abc import Sequence

from distribution import settings
from distribution.demo import hosts, mailbox, sftp_host
from distribution.demo.endpoints import make_host_keys, ports_of

# A container's own network: docker-compose.yaml opens none of these ports to the outside.
EVERYWHERE = "0.0.0.0"  # noqa: S104


async def serve_drops() -> None:
    """All demo SFTP hosts, each on its port."""
    places = hosts.places_of(settings.load())
    make_host_keys(places)
    await asyncio.gather(
        *(
            sftp_host.serve(places, host=host, port=port, address=EVERYWHERE)
            for host, port in enumerate(ports_of(places).sftp)
        )
    )


async def serve_mailbox() -> None:
    """The demo mailbox."""
    places = hosts.places_of(settings.load())
    await mailbox.serve(places.mailbox, port=ports_of(places).smtp, address=EVERYWHERE)


def main(argv: Sequence[str] | None = None) -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="The demo partners in the foreground.")
    parser.add_argument("which", choices=["sftp", "mail"])
    wanted = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(serve_drops() if wanted.which == "sftp" else serve_mailbox())


if __name__ == "__main__":
    main()
