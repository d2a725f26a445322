"""Advisory locks: who may work on what at one time. They end with the connection, so with a kill."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from distribution.errors import AnotherRunHoldsTheLock

UPGRADE = (7001, 0)
RUN = (7001, 1)
INGEST = (7001, 2)
CODES = (7001, 3)
MAIL = (7001, 4)
_FILE_SPACE = 7002
ACCOUNTS, ADDRESSES, MAILBOXES, SCHOOLS = 7003, 7004, 7005, 7006  # spaces of `wait_in_transaction`
SCHOOLS_ROWS = 7010  # whoever stages scores for schools, or takes them back; no name


def of_file(file_id: int) -> tuple[int, int]:
    """The lock of one score file: held for the whole transfer."""
    return (_FILE_SPACE, file_id % 2**31)


def take(conn: psycopg.Connection, lock: tuple[int, int], *, shared: bool = False) -> bool:
    """Take a lock for the connection's life; False when another connection holds it."""
    function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    row = conn.execute(f"SELECT {function}(%s, %s)", lock).fetchone()
    return bool(row and row[0])


def give_back(conn: psycopg.Connection, lock: tuple[int, int], *, shared: bool = False) -> None:
    function = "pg_advisory_unlock_shared" if shared else "pg_advisory_unlock"
    conn.execute(f"SELECT {function}(%s, %s)", lock)


@contextmanager
def held(
    conn: psycopg.Connection, lock: tuple[int, int], *, shared: bool = False, what: str = "run"
) -> Iterator[None]:
    """Hold a lock for a block. Raises AnotherRunHoldsTheLock when it is taken."""
    if not take(conn, lock, shared=shared):
        raise AnotherRunHoldsTheLock(f"Another {what} is at work. Wait until it has ended, then start again.")
    try:
        yield
    finally:
        if not conn.closed:
            give_back(conn, lock, shared=shared)


@contextmanager
def waited_for(conn: psycopg.Connection, lock: tuple[int, int]) -> Iterator[None]:
    """Wait for a lock and hold it for a block."""
    conn.execute("SELECT pg_advisory_lock(%s, %s)", lock)
    try:
        yield
    finally:
        if not conn.closed:
            give_back(conn, lock)


def wait_in_transaction(conn: psycopg.Connection, space: int, name: str) -> None:
    """Wait until no other transaction works on `name`, and keep it until this one ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [space, name])
