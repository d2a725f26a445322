"""Endpoints are recorded from a YAML file, whole or not at all, and written out again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import yaml

from distribution.channels.electronic import schedule
from distribution.errors import UsageError
from distribution.jobs import endpoint_yaml, sealing
from distribution.jobs.wiring import Line, actor
from distribution.ledger import endpoints
from distribution.model import Endpoint

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to: versions added; institutions that it left paused, and whose pause it ended."""

    changed: int
    still_paused: tuple[str, ...]
    resumed: tuple[str, ...]


def load_endpoints(line: Line, file: Path) -> int:
    """Record the endpoints of a YAML file (`load`). Returns the versions added."""
    return load(line, file).changed


def load(line: Line, file: Path) -> Loaded:
    """Record the endpoints of a YAML file; what is unchanged gets no new version.

    An endpoint that says nothing of `paused_until` keeps its pause; one that says null ends it. Raises
    UsageError naming the place and the right form; then nothing of the file is recorded.
    """
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {exc}.") from exc
    wanted = endpoint_yaml.parse(text, folder=Path(file).parent)
    _tell_of_unusable_keys(line, wanted)
    with line.connect() as conn:
        before = _paused(conn, line, wanted)
        changed = endpoints.load(
            conn,
            wanted,
            loaded_by=actor(),
            four_eyes=line.settings.four_eyes,
            keeping_pause_of=_silent_on_pauses(text),
        )
        after = _paused(conn, line, wanted)
    return Loaded(changed, still_paused=tuple(sorted(after)), resumed=tuple(sorted(before - after)))


def _paused(conn: psycopg.Connection, line: Line, wanted: Sequence[Endpoint]) -> set[str]:
    """Those of the institutions whose newest endpoint is paused today."""
    newest = {version.endpoint.code: version.endpoint for version in endpoints.newest_versions(conn)}
    return {
        each.code
        for each in wanted
        if each.code in newest and schedule.is_paused(newest[each.code], on=line.today())
    }


def _silent_on_pauses(text: str) -> frozenset[str]:
    """The codes whose endpoint does not say whether it is paused, in a text that `parse` took."""
    rows = yaml.safe_load(text)["endpoints"]
    return frozenset(row["code"] for row in rows if "paused_until" not in row)


def _tell_of_unusable_keys(line: Line, wanted: Sequence[Endpoint]) -> None:
    """An endpoint may come with a key that has ended: its files then fail until it brings another."""
    for endpoint in wanted:
        key = sealing.key_of(endpoint.pgp_key) if endpoint.pgp_key else None
        if key is not None and not key.is_usable(line.now()):
            log.warning(
                "Nothing can be encrypted to the PGP key of %s: ask for a key in force", endpoint.code
            )


def export_endpoints(line: Line) -> str:
    """The endpoints as the YAML that `load_endpoints` takes: those in force, or newest where none is."""
    with line.connect() as conn:
        newest = {version.endpoint.code: version.endpoint for version in endpoints.newest_versions(conn)}
        known = newest | endpoints.in_force(conn)
    return yaml.safe_dump(
        {"endpoints": [endpoint_yaml.as_written(known[code]) for code in sorted(known)]},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )
