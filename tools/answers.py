"""A health check: exit 0 when the address given answers 200, or when host:port takes a connection."""

import socket
import sys
from urllib.request import urlopen

SECONDS = 10


def answers(address: str) -> bool:
    """True when the address answers. Raises OSError when nobody is there."""
    if "://" in address:
        with urlopen(address, timeout=SECONDS) as response:  # noqa: S310  # the address stands in our compose file
            return response.status == 200
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=SECONDS):
        return True


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
