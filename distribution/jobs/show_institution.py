"""One institution as operations want to see it: master data, endpoint, last connection test, last files."""

from typing import Any

import psycopg

from distribution.channels.electronic import host_keys
from distribution.errors import UsageError
from distribution.jobs import load_endpoints, sealing, send_parallel
from distribution.jobs.wiring import Line
from distribution.ledger import delivery_list, endpoints, institutions, parallel_files, pauses
from distribution.model import Endpoint

_FILES = 5


def show(line: Line, code: str) -> dict[str, Any]:
    """Everything on file of an institution, as a document. Raises UsageError for a code that is not on file.

    Beside the columns of the feed: endpoint (as in the YAML) and endpoint_state, host_key_fingerprint,
    pgp_key_until, on_paper, parallel, last_test (None = never), files (the newest first); None = there is
    none.
    """
    with line.connect() as conn:
        frame = institutions.in_force(conn, line.today())
        versions = endpoints.history(conn, code)
        rows = frame[frame["code"] == code].to_dict("records")
        if not rows and not versions:
            raise UsageError(f"There is no institution {code}. `institution list` names those on file.")
        waits = code in endpoints.unconfirmed(conn)
        in_force = endpoints.of(conn, code)
        return {
            "schema_version": 1,
            "code": code,
            **({str(key): value for key, value in rows[0].items()} if rows else {}),
            "endpoint": load_endpoints.as_written(in_force) if in_force else None,
            "endpoint_state": "unconfirmed" if waits else "in force" if in_force else "none",
            **_keys(in_force),
            "on_paper": _on_paper(conn, code),
            "parallel": _parallel(line, conn, in_force),
            "last_test": last_test(conn, code),
            "files": delivery_list.newest_files(conn, code, count=_FILES),
        }


def _keys(endpoint: Endpoint | None) -> dict[str, Any]:
    key = sealing.key_or_none(endpoint.pgp_key) if endpoint else None
    return {
        "host_key_fingerprint": host_keys.fingerprint(endpoint.host_key) if endpoint else None,
        "pgp_key_fingerprint": key.fingerprint if key else None,
        "pgp_key_until": key.usable_until if key else None,
    }


def _on_paper(conn: psycopg.Connection, code: str) -> dict[str, Any] | None:
    found = pauses.on_paper(conn).get(code)
    return {"reason": found[0], "since": found[1]} if found else None


def _parallel(line: Line, conn: psycopg.Connection, endpoint: Endpoint | None) -> dict[str, Any] | None:
    """The second layout: what is agreed, whether it has ended, and how many files came in it."""
    if endpoint is None or endpoint.parallel is None:
        return None
    tried = endpoint.parallel
    return {
        "layout": tried.layout,
        "folder": endpoint.parallel_folder,
        "until": tried.until,
        "state": "in force" if send_parallel.is_tried(endpoint, on=line.today()) else "ended",
        **parallel_files.counts(conn, endpoint.code, layout=tried.layout),
    }


def last_test(conn: psycopg.Connection, code: str) -> dict[str, Any] | None:
    """The newest connection test of an institution; None = it was never tested.

    Keys: tested_at, tested_by, passed, seconds, failed_step (None = all passed), steps.
    """
    found = endpoints.last_test(conn, code)
    if found is None:
        return None
    steps = found["steps"]
    return {
        "tested_at": found["tested_at"],
        "tested_by": found["tested_by"],
        "passed": found["passed"],
        "seconds": round(sum(step["seconds"] or 0.0 for step in steps), 3),
        "failed_step": next((step["step"] for step in steps if step["state"] == "failed"), None),
        "steps": steps,
    }
