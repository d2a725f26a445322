"""One institution as operations want to see it: master data, endpoint, contacts, last test, last files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any

import psycopg

from distribution.channels.electronic import host_keys, onboarding
from distribution.errors import UsageError
from distribution.jobs import endpoint_yaml, sealing, send_parallel
from distribution.jobs.wiring import Line
from distribution.ledger import contacts, delivery_list, endpoints, institutions, parallel_files, pauses
from distribution.ledger.endpoints import EndpointVersion
from distribution.model import Endpoint, FailureCode

_FILES, _CHANGES = 5, 5


def show(line: Line, code: str) -> dict[str, Any]:
    """Everything on file of an institution, as a document. Raises UsageError for a code that is not on file.

    Beside the columns of the feed: endpoint (as in the YAML) and endpoint_state, host_key_fingerprint,
    host_key_confirmed, host_key_offered, pgp_key_until, on_paper, parallel, last_test (None = never), files,
    contacts, changes (files and changes the newest first); None = there is none.
    """
    with line.connect() as conn:
        frame = institutions.in_force(conn, line.today())
        versions = endpoints.history(conn, code)
        rows = frame[frame["code"] == code].to_dict("records")
        if not rows and not versions:
            raise UsageError(f"There is no institution {code}. `institution list` names those on file.")
        waits = code in endpoints.unconfirmed(conn)
        in_force = endpoints.of(conn, code)
        tested, sent = last_test(conn, code), delivery_list.newest_files(conn, code, count=_FILES)
        return {
            "schema_version": 1,
            "code": code,
            **({str(key): value for key, value in rows[0].items()} if rows else {}),
            "endpoint": endpoint_yaml.as_written(in_force) if in_force else None,
            "endpoint_state": "unconfirmed" if waits else "in force" if in_force else "none",
            **_keys(in_force),
            "host_key_confirmed": key_confirmed(versions),
            "host_key_offered": _offered(in_force, tested, sent),
            "on_paper": _on_paper(conn, code),
            "parallel": _parallel(line, conn, in_force),
            "last_test": tested,
            "files": sent,
            "contacts": _contacts(conn, code, line),
            "changes": changes(versions)[:_CHANGES],
        }


def _keys(endpoint: Endpoint | None) -> dict[str, Any]:
    key = sealing.key_or_none(endpoint.pgp_key) if endpoint else None
    return {
        "host_key_fingerprint": host_keys.fingerprint(endpoint.host_key) if endpoint else None,
        "pgp_key_fingerprint": key.fingerprint if key else None,
        "pgp_key_until": key.usable_until if key else None,
    }


def key_confirmed(versions: Sequence[EndpointVersion]) -> dict[str, Any] | None:
    """Since when the host key in force is on file, and by whose word; `versions`: the newest first."""
    confirmed = [version for version in versions if version.confirmed_at is not None]
    if not confirmed:
        return None
    key = confirmed[0].endpoint.host_key
    *_, first = takewhile(lambda version: host_keys.same(version.endpoint.host_key, key), confirmed)
    return {"at": first.confirmed_at, "by": first.confirmed_by or first.loaded_by}


def _offered(
    endpoint: Endpoint | None, tested: Mapping[str, Any] | None, sent: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The other key that the host showed last, in a connection test or when a file was to leave."""
    if endpoint is None:
        return None
    refused = [file for file in sent if file["reason"] == FailureCode.HOST_KEY and file["last_attempt_at"]]
    seen = [(file["last_attempt_at"], file["detail"]) for file in refused]
    # A test that came so far tells what is shown by now, be it the key on file.
    steps = [step for step in tested["steps"] if step["step"] == onboarding.HOST_KEY_STEP] if tested else []
    seen += [(tested["tested_at"], step["says"]) for step in steps if tested and step["says"]]
    at, said = max(seen, default=(None, ""))
    shown = host_keys.shown_in(said)
    is_other = shown is not None and not host_keys.fingerprint(endpoint.host_key).startswith(shown)
    return {"fingerprint": shown, "at": at} if is_other else None


def changes(versions: Sequence[EndpointVersion]) -> list[dict[str, Any]]:
    """What became of an endpoint, the newest first: at, by, what (`loaded` or `confirmed`), keys."""
    found = []
    for version, before in zip(versions, [*versions[1:], None], strict=True):
        keys = changed_keys(version, before)
        if version.confirmed_by:
            found.append(
                {"at": version.confirmed_at, "by": version.confirmed_by, "what": "confirmed", "keys": keys}
            )
        found.append({"at": version.loaded_at, "by": version.loaded_by, "what": "loaded", "keys": keys})
    return found


def changed_keys(version: EndpointVersion, before: EndpointVersion | None) -> list[str]:
    """The keys in which a version differs from the one before it; `new` for the first."""
    if before is None:
        return ["new"]
    now, then = asdict(version.endpoint), asdict(before.endpoint)
    return [key for key in now if now[key] != then.get(key)]


def _contacts(conn: psycopg.Connection, code: str, line: Line) -> list[dict[str, str]]:
    frame = contacts.in_force(conn, line.today())
    of_code = frame[frame["organization_code"] == code]
    columns = ("role", "name", "email")
    return [dict(zip(columns, row, strict=True)) for row in of_code[list(columns)].to_numpy().tolist()]


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
