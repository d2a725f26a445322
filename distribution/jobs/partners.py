"""Institutions as partners: their connection tested, their host key trusted, their files paused or put on "
"paper."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import psycopg

from distribution.channels.electronic import host_keys, onboarding, record_layout, schedule
from distribution.channels.electronic.onboarding import Probe, StepState
from distribution.errors import DistributionError, UsageError
from distribution.jobs import host_accounts, sealing
from distribution.jobs.wiring import Line, actor
from distribution.ledger import endpoints, fallback, locks, pauses, transfers
from distribution.model import Endpoint
from distribution.report.needs import age

log = logging.getLogger(__name__)
FALLBACK_DAYS = 5  # business days, where the endpoint states no others


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """The host key on file, and the one that the host shows: public key lines and their fingerprints."""

    code: str
    on_file: str
    offered: str

    @property
    def is_known(self) -> bool:
        return host_keys.same(self.on_file, self.offered)

    @property
    def fingerprints(self) -> tuple[str, str]:
        return host_keys.fingerprint(self.on_file), host_keys.fingerprint(self.offered)


def try_connection(line: Line, code: str, *, wait_seconds: float = 3.0) -> dict[str, Any]:
    """Try everything that a delivery to an institution does, step by step, with a probe file.

    The endpoint in force is tried: our credential is shown to no host that a second person has not confirmed.
    Keys: code, tested_at, tested (`in force`), waits (a change waits for confirmation), passed, is_temporary,
    seconds, steps ([{step, state, seconds, says, is_temporary}]). Raises UsageError for an institution
    without an endpoint.
    """
    with line.connect() as conn:
        waits = endpoints.proposed(conn, code) is not None
        endpoint = endpoints.of(conn, code)
    if endpoint is None:
        raise UsageError(_none_in_force(code, waits=waits))
    probe = Probe(name=f"PROBE_{secrets.token_hex(4)}.tmp", wait_seconds=wait_seconds)
    steps = onboarding.walk(
        endpoint,
        sign_in=lambda: host_accounts.sign_in(line, endpoint),
        probe=probe,
        seconds=line.settings.sftp_seconds,
    )
    steps.append(_look_at_key(line, endpoint))
    with line.connect() as conn:
        found = [asdict(step) for step in steps]
        endpoints.record_test(conn, code, actor=actor(), at=line.now(), steps=found)
    return _tested(line, code, steps, tested="in force", waits=waits)


def _none_in_force(code: str, *, waits: bool) -> str:
    if waits:
        return f"The endpoint of {code} waits for a second person: `institution test {code} --proposed`."
    return f"No endpoint of {code} is on file. `institution load-endpoints FILE` loads one."


def look_at_proposed(line: Line, code: str) -> dict[str, Any]:
    """Try name, port, host key and PGP key of a change that waits, for the second person; nobody signs in.

    Keys as those of `try_connection`, `tested` is `proposed`. Raises UsageError when no change waits.
    """
    with line.connect() as conn:
        endpoint = endpoints.proposed(conn, code)
    if endpoint is None:
        raise UsageError(f"No change of the endpoint of {code} waits. `institution test {code}` tries it.")
    steps = [
        *onboarding.look_at_door(endpoint, seconds=line.settings.sftp_seconds),
        _look_at_key(line, endpoint),
    ]
    return _tested(line, code, steps, tested="proposed", waits=True)


def _tested(
    line: Line, code: str, steps: Sequence[onboarding.Step], *, tested: str, waits: bool
) -> dict[str, Any]:
    failed = [step for step in steps if step.state == StepState.FAILED]
    log.info("Connection test of %s (%s): %s", code, tested, "failed" if failed else "passed")
    return {
        "code": code,
        "tested_at": line.now(),
        "tested": tested,
        "waits": waits,
        "passed": not failed,
        "is_temporary": bool(failed) and all(step.is_temporary for step in failed),
        "seconds": round(sum(step.seconds or 0.0 for step in steps), 3),
        "steps": [asdict(step) for step in steps],
    }


def _look_at_key(line: Line, endpoint: Endpoint) -> onboarding.Step:
    if endpoint.pgp_key is None:
        return onboarding.of_key(None, usable=True)
    try:
        sealing.seal_for(line, endpoint, record_layout.load(endpoint.layout), di=endpoint.code)
        usable = True
    except DistributionError:
        usable = False
    return onboarding.of_key(sealing.key_of(endpoint.pgp_key), usable=usable)


def offered_key(line: Line, code: str) -> OfferedKey:
    """Ask an institution's host for its key, without signing in."""
    with line.connect() as conn:
        endpoint = endpoints.newest_of(conn, code)
    kind = endpoint.host_key.split()[0]
    shown = host_keys.offered(endpoint.host, endpoint.port, kind=kind)
    return OfferedKey(code, endpoint.host_key, shown.line)


def trust_key(line: Line, key: OfferedKey) -> dict[str, Any]:
    """Put the key that a host showed on file; with four eyes it waits for a second person."""
    return _changed(line, key.code, host_key=key.offered)


def confirm(line: Line, code: str) -> dict[str, Any]:
    """Let a changed endpoint take effect. Raises UsageError for those who changed it themselves."""
    with line.connect() as conn:
        version = endpoints.confirm(conn, code, actor=actor())
    log.info("%s confirmed the endpoint of %s that %s loaded", actor(), code, version.loaded_by)
    return {"code": code, "loaded_by": version.loaded_by, "confirmed_by": actor(), "state": "in force"}


def pause(line: Line, code: str, *, until: date | None) -> dict[str, Any]:
    """Keep an institution's scores back, until a day or until somebody resumes; they queue, none is lost."""
    return _changed(line, code, paused_until=until.isoformat() if until else schedule.FOR_EVER)


def resume(line: Line, code: str) -> dict[str, Any]:
    """End a pause or the fall-back to paper; numbers that were given up are sent as VOID, in their order."""
    with line.connect() as conn:
        endpoints.newest_of(conn, code)
        was_on_paper = bool(pauses.end_fall_back(conn, code, actor=actor(), at=line.now()))
        void = fallback.revive(conn, code)
    changed = _changed(line, code, paused_until=None)
    return {**changed, "was_on_paper": was_on_paper, "void": void}


def _changed(line: Line, code: str, **values: Any) -> dict[str, Any]:
    with line.connect() as conn:
        endpoint = replace(endpoints.newest_of(conn, code), **values)
        versions = endpoints.load(conn, [endpoint], loaded_by=actor(), four_eyes=line.settings.four_eyes)
        waits = code in endpoints.unconfirmed(conn)
    log.info("%s changed %s of %s", actor(), ", ".join(values), code)
    return {
        "code": code,
        "changed": versions,
        "state": "unconfirmed" if waits else "in force",
        "paused_until": endpoint.paused_until,
    }


def to_paper(
    line: Line, code: str, *, reason: str, on: date, at_once: bool = False, hold_in_doubt: bool = False
) -> dict[str, Any]:
    """Let an institution get paper until it is resumed: what has not arrived goes with the next print batch.

    The numbers of its files are given up. One that may stand at the host is left to a later look; with
    `hold_in_doubt`, also for an institution that gets paper already, it is held until a person says whether
    it arrived. Raises UsageError when no file has waited for the agreed business days, unless `at_once`;
    AnotherRunHoldsTheLock.
    """
    with line.connect(autocommit=True) as guard, locks.held(guard, locks.RUN), line.connect() as conn:
        endpoint = endpoints.newest_of(conn, code)
        waiting = fallback.open_files(conn, code)
        if hold_in_doubt:
            _hold_in_doubt(conn, waiting)
        if code in pauses.on_paper(conn):
            if not hold_in_doubt:
                raise UsageError(f"{code} gets paper already. `institution resume {code}` ends it.")
            # What waits now was asked for meanwhile: it leaves after the resume.
            return _given_up(conn, code, [file for file in waiting if file.in_doubt])
        if not at_once:
            _refuse_too_soon(endpoint, waiting, on)
        pauses.fall_back(conn, code, reason=reason, actor=actor(), at=line.now())
        return _given_up(conn, code, waiting)


def _refuse_too_soon(endpoint: Endpoint, waiting: list[fallback.OpenFile], on: date) -> None:
    agreed = endpoint.fallback_days or FALLBACK_DAYS
    oldest = max((age(file.business_date, on) for file in waiting), default=0)
    if oldest < agreed:
        raise UsageError(
            f"The oldest file of {endpoint.code} has waited {oldest} business days; agreed are {agreed}. Ask "
            "the institution; if it wants paper now, add --at-once."
        )


def _given_up(conn: psycopg.Connection, code: str, waiting: list[fallback.OpenFile]) -> dict[str, Any]:
    moved = fallback.pending_to_paper(conn, code)
    for file in waiting:
        if not file.in_doubt:
            moved += fallback.give_up(conn, file.file_id)
    given_up = [file.name for file in waiting if not file.in_doubt]
    in_doubt = [file.name for file in waiting if file.in_doubt]
    fields = {"di": code, "deliveries": moved, "files": len(given_up)}
    log.info("%(di)s gets paper: %(deliveries)s scores, %(files)s files given up", fields, extra=fields)
    return {"code": code, "to_paper": moved, "given_up": given_up, "in_doubt": in_doubt}


def _hold_in_doubt(conn: psycopg.Connection, waiting: list[fallback.OpenFile]) -> None:
    """Where nobody can look any more only the institution can say what arrived; no one misses empty files."""
    for file in waiting:
        if file.in_doubt and file.details:
            detail = (
                f"An attempt may have brought {file.name} to {file.place or 'its host'} before the "
                "institution got paper. Ask it whether the file arrived."
            )
            transfers.hold_ambiguous(conn, file.file_id, detail=detail)
