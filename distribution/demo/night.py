"""A demo night, whole: tonight's feeds, partners on this machine, Airflow that walks the line, and its end.

`python -m distribution.demo.night` runs it and leaves nothing running; `--serve` shows Airflow's pages.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from types import FrameType
from typing import NoReturn

from distribution import filenames, settings
from distribution.demo import airflow_stack, ending
from distribution.errors import AnotherRunHoldsTheLock, DistributionError, PermanentError
from distribution.jobs import wiring
from distribution.jobs.wiring import Line
from distribution.ledger import embedded, runs
from distribution.model import FeedKind

DONE, UNEXPECTED, FILES_WAIT, LOCKED, INTERRUPTED = 0, 1, 3, 6, 130
DAGS = ("ingest_feeds", "distribute_scores")


@dataclass(frozen=True, slots=True)
class Night:
    """What was asked for."""

    on: date
    rows: int
    seed: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the night or serve its pages; the exit code."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        line = wiring.open_line(settings.load())
        night = Night(on=options.date or line.today(), rows=options.rows, seed=options.seed)
        return serve(line, night) if options.serve else walk(line, night)
    except KeyboardInterrupt:
        say("Interrupted. Nothing was left running; the next night goes on where this one stood.")
        return INTERRUPTED
    except AnotherRunHoldsTheLock as exc:
        say(f"error: {exc}")
        return LOCKED
    except DistributionError as exc:
        say(f"error: {exc}")
        return UNEXPECTED


def walk(line: Line, night: Night) -> int:
    """The night through Airflow, then what came of it; 0 when it finished, whatever waits for a retry."""
    began = time.monotonic()
    say(f"The night of {night.on:%A %d %B %Y}, in {line.settings.home}")
    with _airflow(line, night, schedules=False) as stack:
        for dag_id in DAGS:
            _run(stack, dag_id, night)
    say(f"  {'all stopped':<40}{time.monotonic() - began:6.1f} s in all")
    with line.connect() as conn:
        run = runs.newest(conn, 1, kind=runs.NIGHTLY)[0]
    sys.stdout.write(ending.of_night(line.settings, run.summary))
    return DONE if run.exit_code in (DONE, FILES_WAIT) else run.exit_code or UNEXPECTED


def serve(line: Line, night: Night) -> int:
    """Airflow's pages until Ctrl-C, with its schedules on."""
    with _airflow(line, night, schedules=True) as stack:
        sys.stdout.write(
            f"\nAirflow: {stack.url}\n  user      {airflow_stack.USER}\n  password  {stack.password}\n"
            f"  overview  {stack.url}/plugin/scores\n\nCtrl-C stops everything.\n"
        )
        sys.stdout.flush()
        while True:
            stack.assert_alive()
            time.sleep(1)


@contextmanager
def _airflow(line: Line, night: Night, *, schedules: bool) -> Iterator[airflow_stack.Stack]:
    """Feeds, partners and a running Airflow; at the end of the block all of it has stopped."""
    with ExitStack() as running:
        running.enter_context(airflow_stack.alone(line.settings))
        # Airflow's own records lie on the embedded server, also where the ledger lies on another.
        cluster_url = line.url if not line.settings.database_url else embedded.start(line.settings.cluster)
        told = airflow_stack.environment(
            line.settings, ledger_url=line.url, cluster_url=cluster_url, schedules=schedules
        )
        # It takes seconds, so the feeds are written meanwhile.
        migration = airflow_stack.begin_migration(told, cluster_url)
        running.callback(airflow_stack.stop, [migration])
        with _step("feeds of the day"):
            _write_feeds(line, night)
        with _step("partners' hosts and endpoints"):
            told |= _bring_up_partners(line, running)
        with _step("Airflow"):
            stack = running.enter_context(airflow_stack.running(told, migration))
        yield stack


def _write_feeds(line: Line, night: Night) -> None:
    from distribution.demo import feed, feed_files

    folders = [line.settings.inbox, line.settings.refused]
    names = (filenames.parse_feed_name(path.name) for path in feed_files.feeds_seen(folders))
    if any(name and name.kind is FeedKind.RESULTS and name.day == night.on for name in names):
        say("  tonight's feeds were made before")
        return
    feed.write_demo_feed(
        line.settings.inbox,
        rows=night.rows,
        seed=night.seed,
        day=night.on,
        home=line.settings.home,
        secrets=line.settings.secrets,
    )


def _bring_up_partners(line: Line, running: ExitStack) -> dict[str, str]:
    """Start the SFTP hosts and the mailbox, load the endpoints; what the line must know of the mailbox.

    Partners that were up before stay up; those started here stop with `running`.
    """
    from distribution.demo import hosts
    from distribution.jobs import load_endpoints

    with ExitStack() as partners:
        partners.callback(hosts.down, line.settings)
        there = hosts.up(line.settings)
        kept = partners.pop_all()
    if there.started:
        running.push(kept)
    load_endpoints.load_endpoints(line, line.settings.demo / "endpoints.yaml")
    return there.environment


def _run(stack: airflow_stack.Stack, dag_id: str, night: Night) -> None:
    """One Dag run, task by task. Raises PermanentError when it failed, with the logs of what failed."""
    say(f"  {dag_id}")
    conf = {"date": night.on.isoformat()} if dag_id == "distribute_scores" else {}
    failed = []
    try:
        for task in airflow_stack.run_dag(stack, dag_id, conf):
            say(f"    {task.task:<30}{task.state:<10}{task.seconds:4.1f} s")
            if task.state == "failed":
                failed.append(str(task.log_file))
    except PermanentError as exc:
        raise PermanentError(" ".join([str(exc), *failed])) from exc


@contextmanager
def _step(name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"  {name:<40}{time.monotonic() - began:6.1f} s")


def say(text: str) -> None:
    """Progress, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m distribution.demo.night", description=__doc__)
    parser.add_argument("--date", type=date.fromisoformat, help="business date; default: today in New York")
    parser.add_argument("--rows", type=int, default=5000, help="rows of tonight's results feed")
    parser.add_argument("--seed", type=int, default=1, help="chooses the invented people")
    parser.add_argument("--serve", action="store_true", help="show Airflow's pages until Ctrl-C")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
