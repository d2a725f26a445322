"""Connections that stay open between requests: one pool for each role, for a process that serves many."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from distribution.errors import TransientError
from distribution.ledger.connection import Role

_PATIENCE_SECONDS = 10.0


class Pools:
    """The pools of a server's process. `most`: connections of each role that may be open at one time."""

    def __init__(self, url: str, *, most: int):
        self._pools = {role: _pool(url, role, most=most) for role in (Role.PORTAL, Role.APP)}

    @contextmanager
    def connection(self, role: Role) -> Iterator[psycopg.Connection]:
        """A connection in `role`; commits at the end of the block, rolls back on an error.

        Raises TransientError when none comes free in time or the server breaks off.
        """
        try:
            with self._pools[role].connection(timeout=_PATIENCE_SECONDS) as conn:
                yield conn
        except PoolTimeout as exc:
            raise TransientError("The database is busy or cannot be reached. Try again in a minute.") from exc
        except psycopg.OperationalError as exc:
            # Its own words may quote a statement with a student's record.
            raise TransientError(f"The database broke off ({type(exc).__name__}). Start again.") from exc

    def close(self) -> None:
        """Close every connection; nothing may ask for one afterwards."""
        for pool in self._pools.values():
            pool.close()


def _pool(url: str, role: Role, *, most: int) -> ConnectionPool:
    return ConnectionPool(
        url,
        min_size=0,
        max_size=most,
        open=True,
        check=ConnectionPool.check_connection,
        reset=_reset,
        kwargs={"options": f"-c role={role} -c TimeZone=UTC -c jit=off"},
    )


def _reset(conn: psycopg.Connection) -> None:
    """Forget whatever the last request set; the role stays, for it came with the connection."""
    conn.autocommit = True  # one way to the server instead of three
    conn.execute("RESET ALL")
    conn.autocommit = False
