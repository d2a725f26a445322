"""`portal`: the coordinators' pages."""

from typing import Annotated

import typer

from distribution.cli.output import say

app = typer.Typer(no_args_is_help=True, help="The coordinators' portal.")

PORT = 8081


@app.callback()
def _noun() -> None:
    """Keeps `serve` a verb while it is the only one."""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.", min=0, max=65535)] = PORT,
) -> None:
    """Serve the portal until Ctrl-C; `/health` answers 200 when it is ready."""
    from distribution.jobs import wiring
    from distribution.web import server
    from distribution.web.portal.app import make_app

    line = wiring.open_line()
    server.serve(make_app(line), host=host, port=port, ready=lambda url: say(f"Portal: {url}"))
