"""Clients as they are found in the wild, and this line: each puts one file and returns, or raises."""

import io
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import paramiko

from distribution.ledger import files
from tests.support import killed_senders
from tests.support.killed_senders import Cell
from tests.support.sftp_servers import Host

SECONDS = 20


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one host, reached through a relay."""

    host: Host
    local: Path
    remote: str
    cell: Cell


def paramiko_put(job: Job, *, confirm: bool) -> None:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507  the client as it is found in the wild
    with client:
        client.connect(
            "127.0.0.1",
            job.host.port,
            job.host.username,
            password=job.host.password or None,
            pkey=_pkey(job.host),
            allow_agent=False,
            look_for_keys=False,
            timeout=SECONDS,
        )
        with client.open_sftp() as sftp:
            sftp.put(str(job.local), job.remote, confirm=confirm)


def _pkey(host: Host) -> paramiko.PKey | None:
    return None if host.password else paramiko.Ed25519Key.from_private_key(io.StringIO(host.key))


def airflow_operator(job: Job) -> None:
    from airflow.providers.sftp.hooks.sftp import SFTPHook
    from airflow.providers.sftp.operators.sftp import SFTPOperator

    hook = SFTPHook(
        ssh_conn_id=None,
        remote_host="127.0.0.1",
        port=job.host.port,
        username=job.host.username,
        password=job.host.password or None,
        key_file=None if job.host.password else str(_key_file(job)),
        no_host_key_check=True,
    )
    SFTPOperator(
        task_id="put", sftp_hook=hook, local_filepath=str(job.local), remote_filepath=job.remote
    ).execute({})


def _key_file(job: Job) -> Path:
    path = job.local.with_suffix(".key")
    path.write_text(job.host.key)
    path.chmod(0o600)
    return path


def rclone(job: Job) -> None:
    stated = f":sftp,host=127.0.0.1,port={job.host.port},user={job.host.username}"
    if job.host.password:
        coded = subprocess.run(
            ["rclone", "obscure", job.host.password], capture_output=True, text=True, check=True
        ).stdout.strip()
        stated += f",pass={coded}"
    else:
        stated += f",key_file={_key_file(job)}"
    once = [
        "--sftp-disable-concurrent-writes",
        "--retries",
        "1",
        "--low-level-retries",
        "1",
        "--config",
        "/dev/null",
    ]
    os.execvp("rclone", ["rclone", "copyto", *once, str(job.local), f"{stated}:{job.remote}"])  # noqa: S606


def this_line(job: Job) -> None:
    killed_senders.send(job.cell)
    with job.cell.line.connect() as conn:
        left = files.open_files(conn, dis=[job.cell.code])
    if left:
        raise SystemExit(1)


CLIENTS: dict[str, Callable[[Job], None]] = {
    "paramiko `put`": partial(paramiko_put, confirm=True),
    "paramiko `put(confirm=False)`": partial(paramiko_put, confirm=False),
    "Airflow `SFTPOperator`": airflow_operator,
    "`rclone copyto`": rclone,
    "this line": this_line,
}
