"""Electronic institutions for tests: an endpoint at a host, its secret, deliveries that wait for a file."""

from dataclasses import replace
from datetime import date

import psycopg

from distribution.jobs.wiring import Line
from distribution.ledger import endpoints
from distribution.model import Endpoint
from tests.support import records
from tests.support.sftp_servers import Host

NIGHT = date(2026, 11, 23)


def endpoint(host: Host, code: str, *, directory: str | None = None, **given: object) -> Endpoint:
    """An endpoint at the host; the folder is made there."""
    if directory is None:
        directory = host.path(code)
    wanted = Endpoint(
        code=code,
        host="127.0.0.1",
        port=host.port,
        username=host.username,
        directory=directory,
        host_key=host.host_key,
        credential="partner",
    )
    return replace(wanted, **given)


def join(line: Line, host: Host, *wanted: Endpoint) -> None:
    """Put the endpoints on file, and the host's account key into the secrets."""
    for kind, secret in (("key", host.key), ("password", host.password)):
        path = line.settings.secrets / f"partner.{kind}"
        # A password is all there is, where a host asks for one.
        if secret and not (kind == "key" and host.password):
            path.write_text(secret)
        else:
            path.unlink(missing_ok=True)
    with line.connect() as conn:
        endpoints.load(conn, wanted, loaded_by="test", four_eyes=False)


def owe(
    line: Line, code: str, *result_ids: str, action: str = "N", revision: int = 1, **given: object
) -> None:
    """Deliveries to an institution that wait for a file, one result each."""
    with line.connect() as conn:
        for result_id in result_ids:
            version = records.result(conn, result_id, revision, candidate_id=f"C-{result_id}", **given)
            records.owe(conn, version, code, action, channel="electronic", reasons=["recipient"])


def states(conn: psycopg.Connection) -> dict[str, int]:
    rows = conn.execute("SELECT state, count(*) FROM ledger.delivery GROUP BY state").fetchall()
    return dict(rows)


def arrived(host: Host, code: str) -> list[str]:
    """What lies in the institution's folder."""
    return sorted(path.name for path in host.folder(code).iterdir())


def picked_up(host: Host) -> list[str]:
    """What a robot took, in its order."""
    return [name.partition("-")[2] for name in arrived(host, "picked-up")]
