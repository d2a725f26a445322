"""The feeds of a day, written as the board would send them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from distribution import filenames
from distribution.demo import endpoints, feed_files
from distribution.demo.contacts import CONTACT_COLUMNS, contacts_of
from distribution.demo.day_results import DayResults, compose
from distribution.demo.faults import Planted
from distribution.demo.invented import invented_directory
from distribution.demo.orders import ORDER_COLUMNS
from distribution.demo.organizations import INSTITUTION_COLUMNS, Directory
from distribution.demo.real_directory import read_directory
from distribution.demo.results import World
from distribution.demo.transcripts import TRANSCRIPT_COLUMNS, requests_of
from distribution.model import FeedKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DemoFeed:
    """What was written: the five feeds, the endpoints, and what a reader will find in the results."""

    day: date
    paths: tuple[Path, ...]
    endpoints_file: Path | None
    organizations: int
    electronic: int
    planted: tuple[Planted, ...]
    corrected_earlier: tuple[str, ...]

    def path(self, kind: FeedKind) -> Path:
        """The feed of one kind."""
        return next(path for path in self.paths if path.name.startswith(f"{kind}-"))


def write_demo_feed(
    folder: Path,
    *,
    rows: int,
    seed: int,
    day: date,
    institutions: Path | None = None,
    home: Path | None = None,
    secrets: Path | None = None,
) -> DemoFeed:
    """Write the five feeds of a day with control files into `folder`; `results` has exactly `rows` rows.

    The same seed, rows, day and directory give the same bytes. Where an earlier day's feed of the same
    seed lies in `folder` (or the home's inbox, processed ones too), some rows correct its results.
    With `home` also the endpoints of all electronic DIs and their keys (into `secrets`, default
    `<home>/secrets`). Raises UsageError when `institutions` is no directory file.
    """
    directory = read_directory(institutions) if institutions else invented_directory()
    world = World(seed, directory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    taken_in, refused = _folders(folder, home)
    earlier = feed_files.fed_before(
        day, taken_in, is_ours=lambda result_id, then: result_id.startswith(world.result_prefix(then))
    )
    results = compose(world, day, rows, earlier=earlier)
    paths = _write(folder, [*taken_in, *refused], world, day, results)
    endpoints_file = endpoints.write_endpoints(directory, home=home, secrets=secrets) if home else None
    log.info("Wrote %s result rows and four more feeds of %s into %s", rows, day, folder)
    return DemoFeed(
        day=day,
        paths=paths,
        endpoints_file=endpoints_file,
        organizations=len(directory.organizations),
        electronic=len(directory.electronic),
        planted=results.planted,
        corrected_earlier=results.corrected_earlier,
    )


def _folders(folder: Path, home: Path | None) -> tuple[list[Path], list[Path]]:
    """Where feeds can lie that took a number already: those to be recorded, and those refused."""
    inboxes = {folder.resolve()}
    if home:
        inboxes.add((home / "inbox").resolve())
    return sorted(inboxes), sorted(inbox.parent / "refused" for inbox in inboxes)


def _write(
    folder: Path, folders: Sequence[Path], world: World, day: date, results: DayResults
) -> tuple[Path, ...]:
    tables = _tables(world, day, results)
    paths = []
    for kind in FeedKind:
        name = filenames.FeedName(kind, day, feed_files.next_number(kind, day, folders))
        if kind is FeedKind.RESULTS:
            found = results.rows
            path = feed_files.write_feed(
                folder, name, records=len(found), score_total=found.score_total(), write=found.write
            )
        else:
            path = feed_files.write_table(folder, name, *tables[kind])
        paths.append(path)
    return tuple(paths)


Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def _tables(world: World, day: date, results: DayResults) -> dict[FeedKind, Table]:
    requests = requests_of(world, day, results.fresh, rows=len(results.rows))
    return {
        FeedKind.INSTITUTIONS: (INSTITUTION_COLUMNS, [one.cells for one in world.directory.organizations]),
        FeedKind.CONTACTS: (CONTACT_COLUMNS, [one.cells for one in contacts_of(world.directory)]),
        FeedKind.VOUCHER_ORDERS: (ORDER_COLUMNS, [one.cells for one in world.orders(day)]),
        FeedKind.TRANSCRIPT_REQUESTS: (TRANSCRIPT_COLUMNS, [one.cells for one in requests]),
    }


def directory_of(institutions: Path | None) -> Directory:
    """The organisations that a demo with this directory file has; without one the invented ones."""
    return read_directory(institutions) if institutions else invented_directory()
