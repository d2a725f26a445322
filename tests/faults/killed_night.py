"""Runs a night in a process of its own and kills it, SIGKILL, before or after the n-th call of a function.

    python -m tests.faults.killed_night HOME URL DATE MODULE FUNCTION before|after N

Without a point (`-`) the night runs to its end. Prints `reached` when the kill is about to happen.
"""

import importlib
import itertools
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from distribution.jobs import distribute_scores
from distribution.jobs.wiring import Line
from distribution.settings import load

NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def deadly(function: Callable[..., Any], *, after: bool, call: int) -> Callable[..., Any]:
    """The function, but its `call`-th call is the process's last deed."""
    numbers = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        number = next(numbers)  # this call's own: senders call at the same time
        if number == call and not after:
            die()
        result = function(*args, **kwargs)
        if number == call:
            die()
        return result

    return wrapped


def die() -> None:
    sys.stdout.write("reached\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def main(home: str, url: str, day: str, module: str = "-", *point: str) -> None:
    settings = load(home=Path(home), database_url=url)
    line = Line(settings=settings, url=url, now=lambda: NIGHT)
    if module != "-":
        function, when, call = point
        room = importlib.import_module(module)
        setattr(room, function, deadly(getattr(room, function), after=when == "after", call=int(call)))
    distribute_scores.run_nightly(line, on=date.fromisoformat(day))


if __name__ == "__main__":
    main(*sys.argv[1:])
