"""Background processes of a demo: started apart, remembered, and only ever ended when they are ours."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PATIENCE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A process that a demo started. `arguments` tell it from another that got its number later."""

    name: str
    pid: int
    port: int
    arguments: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether a process of this number runs, and is the one that was started."""
        _bury(self.pid)
        return _command_of(self.pid)[-len(self.arguments) :] == list(self.arguments)


def remembered(path: Path) -> list[Process]:
    """The processes that stand in a pid file; none when there is no file, or only half of one."""
    try:
        entries = json.loads(path.read_text("utf-8"))["processes"]
        return [
            Process(one["name"], int(one["pid"]), int(one["port"]), tuple(one["arguments"]))
            for one in entries
        ]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def remember(path: Path, processes: Sequence[Process]) -> None:
    """Write the pid file, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps({"processes": [asdict(one) for one in processes]}, indent=1) + "\n", "utf-8")
    os.replace(part, path)


def start(
    name: str, *, module: str, options: Mapping[str, str], port: int, log_file: Path, folder: Path
) -> Process:
    """Start `python -m module` in a process group of its own, its words into `log_file`."""
    arguments = ["-m", module, *(word for option in options.items() for word in option)]
    log_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with log_file.open("ab") as words:
        started = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
            cwd=folder,
        )
    # From here on it is known by its number; a Popen object would warn that its child still runs.
    started.returncode = 0
    return Process(name, started.pid, port, tuple(arguments))


def end(processes: Sequence[Process]) -> int:
    """End those that are still ours, first kindly; how many were ended."""
    ours = [one for one in processes if one.is_ours]
    for kind in (signal.SIGTERM, signal.SIGKILL):
        for one in ours:
            if one.is_ours:
                _signal(one.pid, kind)
        if _gone(ours, by=time.monotonic() + _PATIENCE_SECONDS):
            break
    return len(ours)


def _gone(processes: Sequence[Process], *, by: float) -> bool:
    while not all(_has_ended(one.pid) for one in processes):
        if time.monotonic() > by:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True


def _signal(pid: int, kind: signal.Signals) -> None:
    try:
        os.kill(pid, kind)
    except ProcessLookupError:
        pass  # it ended by itself in the meantime


def _bury(pid: int) -> None:
    """Take note of the end of our own child, or it would stay in the table of processes."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # an earlier command started it


def _has_ended(pid: int) -> bool:
    """Whether nothing of the process is left: its command line goes first, its ports only later."""
    _bury(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return Path("/proc/self").exists()
    return state in "ZX"  # dead, and only waits for its parent to take note


def _command_of(pid: int) -> list[str]:
    """The command line of a process; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1]
    except OSError:
        if Path("/proc/self").exists():
            return []
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.split()
