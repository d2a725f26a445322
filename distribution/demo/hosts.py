"""Start and stop the demo partners: three SFTP hosts and a mailbox."""

import logging
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distribution.demo import processes
from distribution.demo.endpoints import LOOPBACK, Places, make_host_keys, ports_of
from distribution.demo.processes import Process
from distribution.errors import TransientError
from distribution.settings import PROJECT_ROOT, Settings

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class DemoHosts:
    """The demo partners that answer now; `started` is 0 when all were up before."""

    ports: tuple[int, ...]
    smtp_port: int
    started: int
    drops: Path
    mailbox: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the line's settings need to mail to the demo mailbox."""
        return {"DISTRIBUTION_SMTP_HOST": LOOPBACK, "DISTRIBUTION_SMTP_PORT": str(self.smtp_port)}


def up(settings: Settings) -> DemoHosts:
    """Start what does not answer yet and wait until all answer; they go on when the caller ends.

    Raises TransientError when one does not come up: the message names its log file and the port.
    """
    places = places_of(settings)
    places.demo.mkdir(parents=True, exist_ok=True, mode=0o700)
    ports = ports_of(places)
    make_host_keys(places)
    alive = [one for one in processes.remembered(_pid_file(places)) if one.is_ours]
    wanted = [*((f"host-{host + 1}", port) for host, port in enumerate(ports.sftp)), ("mailbox", ports.smtp)]
    known = {(one.name, one.port) for one in alive}
    started = []
    _refuse_strangers(places, [(name, port) for name, port in wanted if (name, port) not in known])
    for name, port in wanted:
        if (name, port) not in known:
            started.append(_start(places, name, port))
            processes.remember(_pid_file(places), [*alive, *started])
    try:
        _wait_for([*alive, *started], places)
    except TransientError:
        down(settings)
        raise
    log.info("Demo partners: %s started, %s were up", len(started), len(alive))
    return DemoHosts(ports.sftp, ports.smtp, len(started), places.drops, places.mailbox)


def down(settings: Settings) -> int:
    """Stop the demo partners; how many were stopped (0 when none was up)."""
    pid_file = _pid_file(places_of(settings))
    ended = processes.end(processes.remembered(pid_file))
    pid_file.unlink(missing_ok=True)
    return ended


def places_of(settings: Settings) -> Places:
    """Where the demo of this home keeps its things."""
    return Places(settings.home, settings.secrets)


def _pid_file(places: Places) -> Path:
    return places.demo / "processes.json"


def _log_file(places: Places, name: str) -> Path:
    return places.demo / "logs" / f"{name}.log"


def _start(places: Places, name: str, port: int) -> Process:
    options = {"--home": str(places.home)}
    module = "distribution.demo.mailbox"
    if name != "mailbox":
        module = "distribution.demo.sftp_host"
        host = int(name.removeprefix("host-")) - 1
        options |= {"--secrets": str(places.secrets), "--host": str(host)}
    options["--port"] = str(port)
    return processes.start(
        name,
        module=module,
        options=options,
        port=port,
        log_file=_log_file(places, name),
        folder=PROJECT_ROOT,
    )


def _wait_for(partners: Sequence[Process], places: Places) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for one in partners:
        while not _greets(one.port):
            if not one.is_ours or time.monotonic() > deadline:
                raise TransientError(
                    f"The demo's {one.name} did not come up on port {one.port}. "
                    f"Read {_log_file(places, one.name)}; when the port is taken, end what listens there, "
                    f"or remove {places.ports_file}, run `demo feed` again and load the new endpoints."
                )
            time.sleep(_LOOK_AGAIN_SECONDS)
        if not one.is_ours:  # someone else greeted us
            raise _taken(places, one.name, one.port)


def _refuse_strangers(places: Places, wanted: Sequence[tuple[str, int]]) -> None:
    """The partners of another home greet as ours do: they would be taken for them until ours had given up."""
    for name, port in wanted:
        if _greets(port):
            raise _taken(places, name, port)


def _taken(places: Places, name: str, port: int) -> TransientError:
    return TransientError(
        f"Another program listens on port {port}, which the demo's {name} needs. End it, or "
        f"remove {places.ports_file}, run `demo feed` again and load the new endpoints."
    )


def _greets(port: int) -> bool:
    """Whether something speaks first on the port, as SSH and SMTP servers do."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as line:
            return bool(line.recv(1))
    except OSError:
        return False


def described(there: DemoHosts) -> Iterator[str]:
    """What is up and how to use it, in lines for a person."""
    ports = ", ".join(str(port) for port in there.ports)
    yield f"Demo SFTP hosts {'answer' if there.started else 'are up already'} on {LOOPBACK}, ports {ports}."
    yield f"Files arrive in {there.drops}/<DI>/inbox, mails in {there.mailbox}."
    yield "To send mails to the demo mailbox:"
    for name, value in there.environment.items():
        yield f"  export {name}={value}"
    yield "Stop them with: python -m distribution demo down"
