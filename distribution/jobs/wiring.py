"""The one place where settings become connections: every job gets its line from here."""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg

from distribution.ledger import connection, embedded, upgrade
from distribution.ledger.connection import Role
from distribution.ledger.pools import Pools
from distribution.settings import Settings, load, make_home


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is ready to walk: settings, the ledger's URL, and the clock."""

    settings: Settings
    url: str
    now: Callable[[], datetime]
    pools: Pools | None = None

    def connect(
        self, *, role: Role = Role.APP, autocommit: bool = False
    ) -> AbstractContextManager[psycopg.Connection]:
        """A connection to the ledger in `role`, from the pool where there is one; see `ledger.connection`."""
        if self.pools is not None and not autocommit:
            return self.pools.connection(role)
        return connection.connect(self.url, role=role, autocommit=autocommit)

    def today(self) -> date:
        """The business date: today in the set zone."""
        return self.now().astimezone(self.settings.zone).date()


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_line(settings: Settings | None = None, *, now: Callable[[], datetime] = utc_now) -> Line:
    """Make the home, start or join the database, bring it to the newest schema.

    Raises UsageError for a wrong setting, TransientError when the database cannot be reached.
    """
    settings = settings or load()
    make_home(settings)
    url = settings.database_url
    if url is None:
        url = embedded.start(settings.cluster)
        upgrade.make_database(url)
    upgrade.upgrade(url)
    return Line(settings=settings, url=url, now=now)


@contextmanager
def line_of(settings: Settings | None = None) -> Iterator[Line]:
    """`open_line` as a block."""
    yield open_line(settings)


def actor() -> str:
    """The system user in whose name a command acts, for the records."""
    try:
        return os.environ.get("DISTRIBUTION_ACTOR") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
