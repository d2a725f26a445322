"""Runs that were killed: the database takes a moment to see it, and keeps their locks so long."""

import time

from distribution.jobs.wiring import Line

_LOCKS = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LOOKS, _BETWEEN_SECONDS = 1200, 0.05


def wait_until_seen_to_be_dead(line: Line) -> None:
    """Return once no lock of a killed run is left. Raises AssertionError when one stays."""
    with line.connect(autocommit=True) as conn:
        for _ in range(_LOOKS):
            if conn.execute(_LOCKS).fetchone() == (0,):
                return
            time.sleep(_BETWEEN_SECONDS)
    raise AssertionError("the killed run still holds a lock")
