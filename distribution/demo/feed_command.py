"""`demo feed` for a person: today's date, the inbox, a copy of the endpoints beside the feeds."""

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from distribution.demo.feed import DemoFeed, write_demo_feed
from distribution.jobs import wiring
from distribution.settings import load, make_home


def write(
    *,
    rows: int,
    seed: int,
    institutions: Path | None = None,
    day: date | None = None,
    out: Path | None = None,
) -> DemoFeed:
    """Write a day's feeds into `out` (default: the inbox of the home); without `day` those of today.

    Raises UsageError for a wrong setting or a file that is no directory of institutions.
    """
    settings = load()
    make_home(settings)
    written = write_demo_feed(
        out or settings.inbox,
        rows=rows,
        seed=seed,
        day=day or wiring.utc_now().astimezone(settings.zone).date(),
        institutions=institutions,
        home=settings.home,
        secrets=settings.secrets,
    )
    if out and written.endpoints_file:
        shutil.copyfile(written.endpoints_file, out / written.endpoints_file.name)
    return written


def described(written: DemoFeed, *, rows: int) -> Iterator[str]:
    """What was written and what comes next, in lines for a person."""
    yield f"Wrote the feeds of {written.day} into {written.paths[0].parent}:"
    for path in written.paths:
        yield f"  {path.name}"
    yield (
        f"{rows:,} rows of results, {len(written.planted):,} of them wrong on purpose, "
        f"{len(written.corrected_earlier):,} correct an earlier day."
    )
    yield (
        f"{written.organizations:,} organisations; accounts for {written.electronic:,} electronic ones "
        f"in {written.endpoints_file}."
    )
    yield f"Next: python -m distribution institution load-endpoints {written.endpoints_file}"
