"""Runs: when a night began, what each step took, and how it ended."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

NIGHTLY = "nightly"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job; `summary` is the document of contract section 5 once it is finished."""

    run_id: str
    kind: str
    business_date: date
    only_channel: str | None
    state: str
    started_at: datetime
    finished_at: datetime | None
    exit_code: int | None
    balanced: bool | None
    summary: dict[str, Any]
    steps: list[dict[str, Any]]
    owed: int | None
    first_event_id: int
    last_event_id: int | None
    last_institution_version_id: int


_COLUMNS = """run_id, kind, business_date, only_channel, state, started_at, finished_at, exit_code,
       balanced, coalesce(summary, '{}') AS summary, steps, owed,
       first_event_id, last_event_id, last_institution_version_id"""


def open_run(
    conn: psycopg.Connection,
    *,
    kind: str,
    on: date,
    only_channel: str | None,
    started_at: datetime,
) -> Run:
    """The unfinished run of this kind, whatever its date, or a new one: a run that was killed goes on."""
    unfinished = _select(conn, "kind = %s AND state = 'running'", [kind])
    if unfinished:
        return unfinished[0]
    run_id = _next_id(conn, kind=kind, on=on)
    conn.execute(
        """
        INSERT INTO ledger.run (run_id, kind, business_date, only_channel, started_at, first_event_id,
                                last_institution_version_id)
        SELECT %s, %s, %s, %s, %s,
               (SELECT coalesce(max(event_id), 0) FROM ledger.delivery_event),
               (SELECT coalesce(max(institution_version_id), 0) FROM ledger.institution_version)
        """,
        [run_id, kind, on, only_channel, started_at],
    )
    return read(conn, run_id)


def _next_id(conn: psycopg.Connection, *, kind: str, on: date) -> str:
    """`N20261123-01`: readable, in order, and the same after a restored backup."""
    row = conn.execute(
        "SELECT count(*) FROM ledger.run WHERE kind = %s AND business_date = %s", [kind, on]
    ).fetchone()
    return f"{kind[0].upper()}{on:%Y%m%d}-{(row[0] if row else 0) + 1:02d}"


def read(conn: psycopg.Connection, run_id: str) -> Run:
    """The run of that id. Raises KeyError when there is none."""
    found = _select(conn, "run_id = %s", [run_id])
    if not found:
        raise KeyError(run_id)
    return found[0]


def newest(conn: psycopg.Connection, limit: int, *, kind: str | None = None) -> list[Run]:
    """The newest runs, the newest first."""
    where, params = ("kind = %s", [kind]) if kind else ("true", [])
    return _select(conn, where, params, tail="ORDER BY started_at DESC, run_id DESC LIMIT %s", more=[limit])


def last_finished(conn: psycopg.Connection, *, kind: str = NIGHTLY) -> Run | None:
    """The run that was finished last: the next one opens where it closed."""
    found = _select(
        conn,
        "kind = %s AND state = 'finished'",
        [kind],
        tail="ORDER BY finished_at DESC, run_id DESC LIMIT 1",
    )
    return found[0] if found else None


def _select(
    conn: psycopg.Connection,
    where: str,
    params: list[Any],
    *,
    tail: str = "",
    more: list[Any] | None = None,
) -> list[Run]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            f"SELECT {_COLUMNS} FROM ledger.run WHERE {where} {tail}", [*params, *(more or [])]
        ).fetchall()
    return [Run(**row) for row in rows]


def note_step(conn: psycopg.Connection, run_id: str, name: str, *, seconds: float, peak_mb: float) -> None:
    """Add to a step's time; a step that ran again after a crash shows the sum."""
    steps = {step["name"]: step for step in read(conn, run_id).steps}
    known = steps.get(name, {"name": name, "seconds": 0.0, "peak_mb": 0.0})
    steps[name] = {
        "name": name,
        "seconds": round(known["seconds"] + seconds, 3),
        "peak_mb": round(max(known["peak_mb"], peak_mb), 1),
    }
    conn.execute(
        "UPDATE ledger.run SET steps = %s WHERE run_id = %s", [json.dumps(list(steps.values())), run_id]
    )


def finish(
    conn: psycopg.Connection,
    run_id: str,
    *,
    finished_at: datetime,
    summary: dict[str, Any],
    last_event_id: int,
) -> None:
    """Close a run with its document; closing it again changes nothing."""
    conn.execute(
        """
        UPDATE ledger.run
        SET state = 'finished', finished_at = %s, exit_code = %s, balanced = %s, summary = %s,
            last_event_id = %s
        WHERE run_id = %s AND state = 'running'
        """,
        [
            finished_at,
            summary["exit"],
            summary["balanced"],
            json.dumps(summary),
            last_event_id,
            run_id,
        ],
    )
