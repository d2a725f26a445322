"""Ports of a test's own for the demo partners."""

import json
import socket
from contextlib import ExitStack

from distribution.settings import Settings


def keep_free_ports(settings: Settings) -> None:
    """Choose ports of our own before the feed names them, or two tests at once would wish for the same."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = [probe.getsockname()[1] for probe in probes]
    settings.demo.mkdir(parents=True, exist_ok=True)
    chosen = {"ports": ports[:3], "smtp_port": ports[3]}
    (settings.demo / "hosts.json").write_text(json.dumps(chosen), "utf-8")
