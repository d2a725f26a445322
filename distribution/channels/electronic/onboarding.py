"""The connection test of an institution: one step after the other, each with its time and a sentence."""

import posixpath
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from distribution.channels.electronic import host_keys, limit
from distribution.channels.electronic.encryption import PgpKey
from distribution.channels.electronic.remote import Remote, explained
from distribution.errors import DistributionError, PermanentError, TransientError
from distribution.filenames import PART_SUFFIX
from distribution.model import Endpoint, FailureCode, Look, Publish, Transport

HOST_KEY_STEP = "Host key matches"
_SECONDS = 15.0
_CONTENT = b"Connection test of Score Distribution: no student's record, please ignore.\r\n"


class StepState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found; `seconds` None = it was not tried.

    `is_temporary`: it failed, and may pass another time although nothing is changed.
    """

    step: str
    state: StepState
    seconds: float | None
    says: str = ""
    is_temporary: bool = False


@dataclass(slots=True)
class _Walk:
    """The steps so far; after one that failed, or took longer than `seconds`, no other is tried."""

    place: str
    seconds: float
    steps: list[Step] = field(default_factory=list)
    stopped: bool = False
    cord: limit.Cord = field(default_factory=limit.Cord)

    def take(self, step: str, act: Callable[[], str]) -> None:
        """One step: `act` gives its sentence, or raises what is wrong."""
        if self.stopped:
            self.steps.append(Step(step, StepState.NOT_TRIED, None))
            return
        began = time.monotonic()
        state, says, is_temporary = StepState.PASSED, "", False
        try:
            says = limit.within(self.seconds, act, place=self.place, cord=self.cord)
        except DistributionError as exc:
            state, says, self.stopped = StepState.FAILED, str(exc), True
            is_temporary = isinstance(exc, TransientError)
        self.steps.append(Step(step, state, round(time.monotonic() - began, 3), says, is_temporary))


@dataclass(frozen=True, slots=True)
class Probe:
    """What is written into the folder for the test; `wait_seconds`: how long a robot has to take it."""

    name: str
    wait_seconds: float = 3.0


def walk(endpoint: Endpoint, *, sign_in: Callable[[], Remote], probe: Probe, seconds: float) -> list[Step]:
    """Try everything that a delivery does, but with a probe; nothing is left behind.

    `sign_in` opens a session with the institution's account; `seconds`: how long one step may take.
    """
    walked = _to_the_door(endpoint, seconds=seconds + probe.wait_seconds)
    opened: list[Remote] = []

    def open_session() -> str:
        opened.append(sign_in())
        walked.cord.tie(opened[0].close)
        return ""

    walked.take(f"Sign in as {endpoint.username}", open_session)
    try:
        for step, act in _in_the_folder(endpoint, opened, probe):
            walked.take(step, act)
    finally:
        for session in opened:
            session.close()
    return walked.steps


def look_at_door(endpoint: Endpoint, *, seconds: float) -> list[Step]:
    """Try the name, the port and the host key, and sign in nowhere: no credential leaves.

    `seconds`: how long one step may take.
    """
    return _to_the_door(endpoint, seconds=seconds).steps


def _to_the_door(endpoint: Endpoint, *, seconds: float) -> _Walk:
    walked = _Walk(f"{endpoint.host}:{endpoint.port}", seconds)
    walked.take(f"Name {endpoint.host} resolves", lambda: _resolve(endpoint))
    walked.take(f"Port {endpoint.port} answers", lambda: _knock(endpoint))
    walked.take(HOST_KEY_STEP, lambda: _compare(endpoint))
    return walked


def _resolve(endpoint: Endpoint) -> str:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        kind = TransientError if getattr(exc, "errno", None) == socket.EAI_AGAIN else PermanentError
        raise kind(
            f"No address is known for {endpoint.host}. Check the spelling with the institution, and whether "
            "the name is public.",
            code=FailureCode.UNREACHABLE,
        ) from exc
    return ", ".join(sorted({str(each[4][0]) for each in found}))


def _knock(endpoint: Endpoint) -> str:
    try:
        socket.create_connection((endpoint.host, endpoint.port), timeout=_SECONDS).close()
    except OSError as exc:
        raise TransientError(
            f"Nothing answers at {endpoint.host}:{endpoint.port} ({exc.strerror or type(exc).__name__}). Ask "
            "the institution whether its firewall lets our address in, and for the port.",
            code=FailureCode.UNREACHABLE,
        ) from exc
    return ""


def _compare(endpoint: Endpoint) -> str:
    kind = endpoint.host_key.split()[0]
    shown = host_keys.offered(endpoint.host, endpoint.port, kind=kind)
    if host_keys.same(shown.line, endpoint.host_key):
        return host_keys.fingerprint(shown.line) + _way_in(endpoint, shown)
    raise PermanentError(
        f"On file is {host_keys.fingerprint(endpoint.host_key)}, the host shows "
        f"{host_keys.fingerprint(shown.line)}. Call the institution on a known number; if the new key is "
        f"theirs: institution trust-key {endpoint.code}{_way_in(endpoint, shown) or '.'}",
        code=FailureCode.HOST_KEY,
    )


def _way_in(endpoint: Endpoint, shown: host_keys.Shown) -> str:
    if not shown.by_old_ways or endpoint.transport == Transport.OPENSSH:
        return ""
    return (
        ". The host knows SHA-1 only, which the built-in client refuses: until it is updated, "
        "`transport: openssh` in its endpoint reaches it."
    )


def _in_the_folder(
    endpoint: Endpoint, opened: list[Remote], probe: Probe
) -> Iterator[tuple[str, Callable[[], str]]]:
    folder = endpoint.directory
    final = posixpath.join(folder, probe.name)
    temporary = endpoint.temp_directory if endpoint.publish == Publish.TEMP_FOLDER else folder
    in_place = endpoint.publish == Publish.DONE_FILE
    part = final if in_place else posixpath.join(temporary or folder, probe.name + PART_SUFFIX)
    yield f"Folder {folder} exists", lambda: _see(opened[0], endpoint)
    yield "Write a probe file", lambda: _write(opened[0], part)
    yield "No robot takes it before it is whole", lambda: _watch(opened[0], endpoint, part, probe)
    if not in_place:
        yield "Rename it", lambda: _rename(opened[0], part, final)
    yield "Delete it", lambda: _remove(opened[0], final)


def _see(session: Remote, endpoint: Endpoint) -> str:
    if endpoint.look == Look.NONE:
        return "Not asked: `look: none`."
    with explained(session.account, doing=f"looking for {endpoint.directory}"):
        if endpoint.look == Look.LIST:
            return f"{len(session.listing(endpoint.directory))} files stand in it."
        if session.stat(endpoint.directory)[0] is None:
            raise FileNotFoundError(endpoint.directory)
    return ""


def _write(session: Remote, path: str) -> str:
    with explained(session.account, doing=f"writing a probe file into {posixpath.dirname(path)}"):
        session.write(path, _CONTENT).close()
    return ""


def _watch(session: Remote, endpoint: Endpoint, path: str, probe: Probe) -> str:
    if endpoint.look == Look.NONE:
        return "Not asked: `look: none`. Make sure of it with the institution."
    time.sleep(probe.wait_seconds)
    folder, name = posixpath.split(path)
    with explained(session.account, doing="looking for the probe file"):
        is_there = (
            name.casefold() in {each.casefold() for each in session.listing(folder)}
            if endpoint.look == Look.LIST
            else session.stat(path)[0] is not None
        )
    if is_there:
        return f"It still stood there after {probe.wait_seconds:g} seconds."
    raise PermanentError(
        f"The probe was gone within {probe.wait_seconds:g} seconds: something takes files that are still "
        "being written. Agree on `publish: temp-folder` with a folder that it leaves alone, or on "
        "`done-file`.",
        code=FailureCode.REFUSED_BY_HOST,
    )


def _rename(session: Remote, part: str, final: str) -> str:
    with explained(session.account, doing="renaming the probe file; `publish: done-file` needs no rename"):
        session.rename(part, final)
    return ""


def _remove(session: Remote, path: str) -> str:
    try:
        with explained(session.account, doing="removing the probe file"):
            session.remove(path)
    except DistributionError:
        # Deliveries never delete, so this is no reason to fail.
        return "The host lets nobody delete, or a robot took it: the probe may still stand there."
    return ""


def of_key(key: PgpKey | None, *, usable: bool) -> Step:
    """The step that looks at the PGP key; no connection is needed for it."""
    if key is None:
        return Step(
            "PGP key", StepState.PASSED, 0.0, "None on file: files are sent in clear, through SFTP only."
        )
    until = f"until {key.usable_until:%Y-%m-%d}" if key.usable_until else "without an end"
    what = f"{key.algorithm} {key.fingerprint[-16:]}"
    if usable:
        return Step(f"PGP key usable {until}", StepState.PASSED, 0.0, what)
    why = key.fault or f"it ended on {key.usable_until:%Y-%m-%d}"
    return Step(
        "PGP key usable",
        StepState.FAILED,
        0.0,
        f"{what}: {why}. Ask for a key in force; load it with `institution load-endpoints`.",
    )
