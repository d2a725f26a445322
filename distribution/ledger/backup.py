"""Copies of the whole ledger in one file, and back: PostgreSQL's own tools, as the wheel brings them."""

import logging
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from distribution import filenames
from distribution.errors import PermanentError, TransientError
from distribution.ledger import embedded, locks, upgrade

log = logging.getLogger(__name__)


def dump(url: str, target: Path) -> int:
    """Write the ledger into `target` (mode 0600) while the line may go on; its size in bytes.

    The copy is one moment of the ledger. It holds students' records: keep it as you keep the ledger.
    """
    part = target.with_name(target.name + filenames.PART_SUFFIX)
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _run("pg_dump", "--format=custom", f"--file={part}", f"--dbname={url}")
    part.replace(target)
    size_bytes = target.stat().st_size
    log.info("Backed the ledger up, %s bytes", size_bytes)
    return size_bytes


def restore(url: str, source: Path) -> None:
    """Put the ledger of `source` in the place of the one at `url`, and bring it to the newest schema.

    Raises AnotherRunHoldsTheLock while a run or an ingest is at work, PermanentError when `source`
    is no backup; the ledger is then as it was.
    """
    _run("pg_restore", "--list", str(source))
    _refuse_while_at_work(url)
    name = urlsplit(url).path.lstrip("/")
    beside = _named(url, f"{name}_restored")
    with psycopg.connect(_named(url, "postgres"), autocommit=True) as conn:
        _drop(conn, f"{name}_restored")
        upgrade.make_database(beside)
        with psycopg.connect(beside, autocommit=True) as owner:
            upgrade.make_roles(owner)
        _run("pg_restore", "--exit-on-error", f"--dbname={beside}", str(source))
        upgrade.upgrade(beside)
        _drop(conn, name)
        conn.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(f"{name}_restored"), sql.Identifier(name)
            )
        )
    log.info("Restored the ledger")


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _drop(conn: psycopg.Connection, database: str) -> None:
    conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _refuse_while_at_work(url: str) -> None:
    upgrade.make_database(url)
    with (
        psycopg.connect(url, autocommit=True) as conn,
        locks.held(conn, locks.RUN),
        locks.held(conn, locks.INGEST, what="ingest"),
    ):
        pass


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [embedded.tools() / program, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        # The tool's own words may quote rows: the first line names the fault.
        fault = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        kind = TransientError if "could not connect" in fault else PermanentError
        raise kind(f"{program} failed: {fault}", code="backup")
