"""Serves an application until it is told to stop."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from distribution.errors import UsageError

_STOP_SECONDS = 10


def serve(app: FastAPI, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Listen at an address and serve; `ready` is told the URL once it is open.

    Behind a proxy on this machine (or one in FORWARDED_ALLOW_IPS) the visitor's address and HTTPS are taken
    from its headers. Raises
    UsageError where the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as exc:
            raise UsageError(
                f"{host}:{port} cannot be opened: {exc.strerror}. Choose another --port."
            ) from exc
        shown = f"[{host}]" if family is socket.AF_INET6 else host
        ready(f"http://{shown}:{listener.getsockname()[1]}")
        # No access log: what somebody types into an address may be a student's name.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        uvicorn.Server(config).run(sockets=[listener])
