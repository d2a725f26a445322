"""A real PostgreSQL for every test that asks for one: one cluster a session, one database a test."""

import itertools
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import hypothesis
import psycopg
import pytest

from distribution.jobs.wiring import Line
from distribution.ledger import connection, embedded, upgrade
from distribution.settings import Settings, make_home

# A slow machine is no fault.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")

_NUMBERS = itertools.count(1)
_NEEDED = 2 << 30  # bytes, for the clusters of all workers
NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # 22:00 on Monday 23 November 2026 in New York


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """The URL of a migrated template database on an embedded server of this session and worker."""
    cluster = _room() / f"score-distribution-tests-{secrets.token_hex(6)}"
    url = embedded.start(cluster)
    _be_quick(url)
    upgrade.make_database(url)
    upgrade.upgrade(url)
    yield url
    embedded.stop(cluster)
    shutil.rmtree(cluster)


def _room() -> Path:
    """Where the cluster lies: in memory where there is room, as a database is a thousand files.

    As root the server runs as another user, so its folder may not lie below pytest's private one.
    """
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _NEEDED
    return memory if has_room else Path("/var/tmp")


def _be_quick(url: str) -> None:
    """Let the server forget all in a power cut: a database a test is then made in a fraction of the time."""
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as conn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.execute(f"ALTER SYSTEM SET {setting} = off")
        conn.execute("ALTER SYSTEM SET max_wal_size = '256MB'")
        conn.execute("SELECT pg_reload_conf()")


@pytest.fixture
def url(cluster_url: str) -> Iterator[str]:
    """A fresh, migrated database."""
    with _fresh_database(cluster_url) as fresh:
        yield fresh


@contextmanager
def _fresh_database(cluster_url: str) -> Iterator[str]:
    name = f"test_{next(_NUMBERS)}"
    server = _named(cluster_url, "postgres")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE distribution STRATEGY FILE_COPY")
    yield _named(cluster_url, name)
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection]:
    """A connection of the pipeline to a fresh database; commit where a test needs it."""
    with connection.connect(url) as opened:
        yield opened


@pytest.fixture
def line(url: str, tmp_path: Path) -> Line:
    """A line over a fresh database and an empty home, on the night of 23 November 2026."""
    settings = Settings(home=tmp_path / "home", database_url=url)
    make_home(settings)
    return Line(settings=settings, url=url, now=lambda: NIGHT)


@pytest.fixture(scope="module")
def module_line(cluster_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A line that all tests of a module share: for journeys whose night is told once and looked at often."""
    with _fresh_database(cluster_url) as url:
        settings = Settings(home=tmp_path_factory.mktemp("home"), database_url=url)
        make_home(settings)
        yield Line(settings=settings, url=url, now=lambda: NIGHT)
