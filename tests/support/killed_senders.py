"""Senders that are killed at a counted step, and what the receiver's folder and the ledger say afterwards."""

import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from distribution.channels.electronic import openssh, session, wire
from distribution.jobs import send_files
from distribution.jobs.wiring import Line
from distribution.ledger import files, transfers
from distribution.model import Endpoint
from tests.support import records
from tests.support.electronic import NIGHT, endpoint, join
from tests.support.sftp_servers import ON_THE_WAY, Host

RECORDS = 80  # more bytes than a host with a fault keeps, and than one write carries
_CODES = itertools.count(1)
_RUNS = 5

# Each has a step before and a step after it: all that goes to the host, all that is written down.
_STEPS = (
    (session, "connect"),
    (wire.Wire, "_send"),
    (openssh, "connect"),
    (openssh.Session, "_say"),
    (transfers, "lease"),
    (transfers, "begin"),
    (transfers, "note_closing"),
    (transfers, "note_renaming"),
    (transfers, "note_undone"),
    (transfers, "deliver"),
    (transfers, "fail"),
    (transfers, "hold_ambiguous"),
)


class Outcome(StrEnum):
    """How a delivery ended, by the receiver's folder and the ledger together."""

    DELIVERED = "delivered"
    HELD = "held"
    WAITS = "waits"
    LOST = "lost"
    DUPLICATE = "duplicate"
    TRUNCATED = "truncated"


GOOD = frozenset({Outcome.DELIVERED, Outcome.HELD, Outcome.WAITS})


@dataclass(frozen=True, slots=True)
class Pause:
    """The sender stands still before the `nth` time that it takes this step of `transfers`."""

    before: str
    nth: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A host, what was agreed with the institution, and how a delivery may end there.

    `reason`: why it waits where it may. `every`: at which steps a sender is killed; 1 = at each. `two_files`:
    another institution's file goes before, through the same session.
    """

    name: str
    serve: Callable[[Path], AbstractContextManager[Host]]
    agreed: dict[str, str] = field(default_factory=dict)
    may_end: frozenset[Outcome] = frozenset({Outcome.DELIVERED})
    reason: str = ""
    seconds: float = 30.0
    every: int = 1
    two_files: bool = False
    pause: Pause | None = None

    @property
    def unkilled(self) -> frozenset[Outcome]:
        """How it ends where nobody kills the sender: delivered, wherever the host takes files."""
        return self.may_end & {Outcome.DELIVERED} or self.may_end


@dataclass(frozen=True, slots=True)
class Cell:
    """One delivery of a setting: its institution, and where the host keeps its files.

    `before`: the institution whose file goes before, where there is one.
    """

    setting: Setting
    host: Host
    line: Line
    code: str
    before: str | None = None

    @property
    def parts(self) -> list["Cell"]:
        """The delivery, and the one that goes before."""
        return [replace(self, code=self.before, before=None), self] if self.before else [self]


def prepare(line: Line, setting: Setting) -> Line:
    """The line with the records that every institution of the setting is owed."""
    settings = line.settings.model_copy(update={"sftp_seconds": setting.seconds})
    with line.connect() as conn:
        for number in range(RECORDS):
            records.result(conn, f"R-{number:03d}", candidate_id=f"C-{number:03d}")
    return replace(line, settings=settings)


def new_cells(line: Line, host: Host, setting: Setting, count: int) -> list[Cell]:
    """Institutions of their own, each with a file built for it."""
    codes = [f"{next(_CODES):04d}" for _ in range(count * (1 + setting.two_files))]
    join(line, host, *(_endpoint(host, code, setting) for code in codes))
    with line.connect() as conn:
        conn.execute(
            """
            INSERT INTO ledger.delivery (result_id, revision, academic_year, recipient, designated, action,
                                         reasons, channel, state, owed_on)
            SELECT result_id, revision, academic_year, code, code, 'N', ARRAY['recipient'], 'electronic',
                   'pending', '2026-11-23'
            FROM ledger.result_version CROSS JOIN unnest(%s::text[]) AS code
            """,
            [codes],
        )
    send_files.build_files(line, run_id=None, on=NIGHT)
    if setting.two_files:
        pairs = zip(codes[::2], codes[1::2], strict=True)
        return [Cell(setting, host, line, code, before) for before, code in pairs]
    return [Cell(setting, host, line, code) for code in codes]


def _endpoint(host: Host, code: str, setting: Setting) -> Endpoint:
    agreed = dict(setting.agreed)
    if agreed.get("publish") == "temp-folder":
        agreed["temp_directory"] = host.path(f"{code}{ON_THE_WAY}")
    return endpoint(host, code, **agreed)


def send(cell: Cell) -> None:
    with _pausing(cell):
        send_files.send_files(cell.line, run_id=None, on=NIGHT, dis=[part.code for part in cell.parts])


_steps_taken: Counter[str] = Counter()


@contextmanager
def _pausing(cell: Cell) -> Iterator[None]:
    """Let the sender stand still once, where its setting says so."""
    pause = cell.setting.pause
    if pause is None:
        yield
        return
    step = getattr(transfers, pause.before)

    def paused(*given: object, **named: object) -> object:
        _steps_taken[cell.code] += 1
        if _steps_taken[cell.code] == pause.nth:
            time.sleep(pause.seconds)
        return step(*given, **named)

    setattr(transfers, pause.before, paused)
    try:
        yield
    finally:
        setattr(transfers, pause.before, step)


def killed_at(cell: Cell, step: int) -> bool:
    """Send in a process of its own that is killed at its step-th step; False when it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            _arm(step)
            send(cell)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _arm(step: int) -> None:
    left = itertools.count(step - 1, -1)

    def tick() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in _STEPS:
        setattr(owner, name, _counted(getattr(owner, name), tick))


def _counted(work: Callable, tick: Callable[[], None]) -> Callable:
    def counted(*given: object, **named: object) -> object:
        tick()
        outcome = work(*given, **named)
        tick()
        return outcome

    return counted


def settle(cell: Cell) -> Outcome:
    """Send until nothing moves any more, once more for good measure, and look how it ended."""
    for _ in range(_RUNS):
        send(cell)
        if all(_is_settled(_file(part)) for part in cell.parts):
            break
        time.sleep(0.05)  # the database takes a moment to see that a sender is dead
    send(cell)
    worst_last = list(Outcome)
    return max((judge(part) for part in cell.parts), key=worst_last.index)


def _is_settled(file: files.ScoreFile) -> bool:
    return file.state == "delivered" or file.failure == transfers.AMBIGUOUS


def judge(cell: Cell) -> Outcome:
    """What the receiver has and the ledger says, together."""
    file = _file(cell)
    kept = cell.line.settings.electronic_outbox / cell.code
    whole = (kept / file.name).read_bytes()
    data = _copies(cell, file.name)
    beside = _copies(cell, file.sidecar_name) if file.sidecar_name else []
    if any(copy != whole for copy in data):
        return Outcome.TRUNCATED
    data += [copy for copy in _taken_parts(cell, file.name) if copy == whole]
    # A done-file is written in place, and where we may not look, a person finds the one that was cut off.
    is_found_by_a_person = file.failure == transfers.AMBIGUOUS and cell.setting.agreed.get("look") == "none"
    if beside and not is_found_by_a_person and set(beside) != {(kept / file.sidecar_name).read_bytes()}:
        return Outcome.TRUNCATED
    if len(data) > 1 or len(beside) > 1:
        return Outcome.DUPLICATE
    if file.state == "delivered":
        is_all = len(data) == 1 and len(beside) == bool(file.sidecar_name)
        return Outcome.DELIVERED if is_all and _deliveries(cell) == {"delivered"} else Outcome.LOST
    if file.failure == transfers.AMBIGUOUS:
        return Outcome.HELD if _deliveries(cell) == {"held"} else Outcome.LOST
    is_open = file.failure == cell.setting.reason and _deliveries(cell) == {"failed"}
    return Outcome.WAITS if is_open and not data else Outcome.LOST


def _file(cell: Cell) -> files.ScoreFile:
    with cell.line.connect() as conn:
        found = conn.execute("SELECT file_id FROM ledger.score_file WHERE di = %s", [cell.code]).fetchone()
        assert found is not None
        return files.read(conn, found[0])


def _deliveries(cell: Cell) -> set[str]:
    with cell.line.connect() as conn:
        rows = conn.execute("SELECT DISTINCT state FROM ledger.delivery WHERE recipient = %s", [cell.code])
        return {row[0] for row in rows}


def _copies(cell: Cell, name: str) -> list[bytes]:
    """Every copy that the receiver has of a file: in its folder, or where its robot took it."""
    return [path.read_bytes() for path in _received(cell) if _bare(path.name).casefold() == name.casefold()]


def _received(cell: Cell) -> Iterator[Path]:
    yield from cell.host.folder(cell.code).iterdir()
    store = cell.host.root / "picked-up"
    if store.exists():
        yield from store.iterdir()


def _bare(name: str) -> str:
    number, _, rest = name.partition("-")
    return rest if number.isdigit() else name


def _taken_parts(cell: Cell, name: str) -> list[bytes]:
    """What a robot took under a temporary name."""
    store = cell.host.root / "picked-up"
    taken = store.iterdir() if store.exists() else ()
    return [path.read_bytes() for path in taken if _bare(path.name).startswith(f"{name}.")]
