"""The portal's demo: three academic years of schools' scores, this year's codes, accounts to sign in with.

`python -m distribution.demo.portal` makes what is missing and prints the accounts; with `--serve` it shows
the portal until Ctrl-C. Nothing is left running.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from distribution import academic_year, settings
from distribution.demo import accounts, feed, hosts
from distribution.demo.endpoints import LOOPBACK
from distribution.errors import DistributionError
from distribution.jobs import distribute_scores, export_school, ingest_feeds, issue_access_codes, wiring
from distribution.jobs.wiring import Line
from distribution.model import FeedKind
from distribution.settings import Settings, make_home

_ROWS, _FORMER_ROWS, _SEED = 3_000, 1_500, 1
_FORMER_YEARS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the demo, and with `--serve` show it until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m distribution.demo.portal", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="serve the portal until Ctrl-C")
    options = parser.parse_args(arguments)
    try:
        return _walk(settings.load(), is_serving=options.serve)
    except KeyboardInterrupt:
        return 0
    except DistributionError as exc:
        say(f"error: {exc}")
        return 1


def _walk(given: Settings, *, is_serving: bool) -> int:
    make_home(given)
    there = hosts.up(given)  # the mailbox takes the mails with the codes
    try:
        mailing = given.model_copy(update={"smtp_host": LOOPBACK, "smtp_port": there.smtp_port})
        line = wiring.open_line(mailing)
        make(line)
        _tell(line, there.mailbox)
        if not is_serving:
            return 0
        command = [sys.executable, "-m", "distribution", "portal", "serve"]
        return subprocess.run(command, env=os.environ | there.environment, check=False).returncode
    finally:
        if there.started:
            hosts.down(given)


def _tell(line: Line, mailbox: Path) -> None:
    told = [
        "Sign in with one of these (e-mail address, password, role, organization):",
        *accounts.described(accounts.accounts(line)),
        f"The access codes are in the mails to the organizations' contacts: {mailbox}",
    ]
    sys.stdout.write("\n".join(told) + "\n")
    sys.stdout.flush()


def make(line: Line) -> None:
    """Feeds of today and of the two years before, staged for schools; a code for each that ordered."""
    on = line.today()
    seen = _years_seen(line, on)
    running = academic_year.academic_year_of(on)
    if running not in seen:
        say(f"  a feed of {on} with {_ROWS:,} results")
        feed.write_demo_feed(line.settings.inbox, rows=_ROWS, seed=_SEED, day=on, home=line.settings.home)
        ingest_feeds.ingest_inbox(line)
    for year in range(running - _FORMER_YEARS, running):
        if year not in seen:
            _take_in_history(line, _same_day(on, year + on.year - running))
    if not {running, *range(running - _FORMER_YEARS, running)} <= seen:
        say("  schools' scores are staged")
        distribute_scores.run_nightly(line, on=on, only="portal")
    say(f"  access codes of {academic_year.written(running)}")
    issue_access_codes.issue(line, year=running, on=on, approved_by="demo")


def _take_in_history(line: Line, day: date) -> None:
    say(f"  former results, as of {day}")
    with tempfile.TemporaryDirectory() as folder:
        written = feed.write_demo_feed(Path(folder), rows=_FORMER_ROWS, seed=_SEED, day=day)
        ingest_feeds.ingest_files(line, [written.path(FeedKind.RESULTS)], history=True)


def _years_seen(line: Line, on: date) -> set[int]:
    """The academic years of which several schools see scores."""
    counted: dict[int, int] = {}
    for school in export_school.schools(line, on=on):
        for year in school["academic_years"]:
            counted[academic_year.parsed(year)] = counted.get(academic_year.parsed(year), 0) + 1
    return {year for year, schools in counted.items() if schools > 3}


def _same_day(day: date, year: int) -> date:
    return day.replace(year=year, day=min(day.day, 28))


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
