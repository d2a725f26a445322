"""Runs the yearly mailing in a process of its own, which a mail server or a named point may kill (SIGKILL).

    python -m tests.faults.killed_mailing HOME URL PORT [MODULE FUNCTION before|after N]

Prints its process id and waits for a line on stdin before it begins.
"""

import importlib
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from distribution.jobs import issue_access_codes
from distribution.jobs.wiring import Line
from distribution.settings import load
from tests.faults.killed_night import deadly

YEAR, DAY = 2027, date(2027, 6, 15)
NOON = datetime(2027, 6, 15, 16, 0, tzinfo=UTC)


def line_to(home: str, url: str, port: int) -> Line:
    """The line of the mailing: a mail server that gets a second for each answer."""
    settings = load(home=Path(home), database_url=url, smtp_host="127.0.0.1", smtp_port=port, smtp_seconds=1)
    return Line(settings=settings, url=url, now=lambda: NOON)


def main(home: str, url: str, port: str, module: str = "-", *point: str) -> None:
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if module != "-":
        function, when, call = point
        room = importlib.import_module(module)
        setattr(room, function, deadly(getattr(room, function), after=when == "after", call=int(call)))
    issue_access_codes.issue(line_to(home, url, int(port)), year=YEAR, on=DAY, approved_by="Kim")


if __name__ == "__main__":
    main(*sys.argv[1:])
