"""A whole Airflow on this machine for one demo night: server, scheduler, Dag processor, and its REST door."""

import fcntl
import http.client
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from distribution.errors import AnotherRunHoldsTheLock, PermanentError, TransientError
from distribution.ledger import upgrade
from distribution.settings import PROJECT_ROOT, Settings

log = logging.getLogger(__name__)

USER = "operations"
LOOPBACK = "127.0.0.1"
READY_SECONDS = 120
STOP_SECONDS = 15


@dataclass(slots=True)
class Stack:
    """A running Airflow: where it is and who may sign in."""

    port: int
    password: str
    home: Path
    children: dict[str, subprocess.Popen[bytes]] = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the REST interface as the operator. Raises PermanentError on an answer of 400 and above."""
        if self.token is None:
            who = {"username": USER, "password": self.password}
            self.token = _ask(self.port, "POST", "/auth/token", who, None)["access_token"]
        return _ask(self.port, method, f"/api/v2{path}", body, self.token)

    def assert_alive(self) -> None:
        """Raises PermanentError when one of the processes has ended."""
        for name, child in self.children.items():
            if child.poll() is not None:
                raise PermanentError(
                    f"Airflow's {name} ended with {child.returncode}. Its log is {self.home / name}.log."
                )


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """A task that ended: its state in Airflow's words, and how long it worked."""

    task: str
    state: str
    seconds: float
    log_file: Path


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the one Airflow of this home. Raises AnotherRunHoldsTheLock when it runs already."""
    home = settings.home / "airflow"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AnotherRunHoldsTheLock(
                f"An Airflow of {settings.home} is running already. End it (Ctrl-C in its window) first."
            ) from exc
        yield


def environment(settings: Settings, *, ledger_url: str, cluster_url: str, schedules: bool) -> dict[str, str]:
    """What Airflow's processes are told; nothing of the caller's own Airflow is taken over.

    `cluster_url` names the server (any database of it) that holds Airflow's own records.
    """
    home, port = settings.home / "airflow", _free_port()
    told = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    # Python then writes and reads compiled files: importing Airflow takes a third of the time.
    told.pop("PYTHONDONTWRITEBYTECODE", None)
    no_proxy = ",".join(filter(None, [told.get("NO_PROXY"), LOOPBACK, "localhost"]))
    return told | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,mailroom:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_passwords_file(settings)),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _metadata_url(cluster_url, "postgresql+psycopg2"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{LOOPBACK}:{port}",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        # A demo night is triggered; a missed slot of last week must not run beside it.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": str(schedules),
        # Reading the Dags again and again takes a fifth of a small machine; a demo's do not change.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_free_port()),
        "DISTRIBUTION_HOME": str(settings.home),
        "DISTRIBUTION_DATABASE_URL": ledger_url,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PROJECT_ROOT), told.get("PYTHONPATH")])),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def begin_migration(told: Mapping[str, str], cluster_url: str) -> subprocess.Popen[bytes]:
    """Start bringing Airflow's own database to its version; `running` waits for it."""
    upgrade.make_database(_metadata_url(cluster_url, "postgresql"))
    return _start("migration", ["db", "migrate"], told)


@contextmanager
def running(told: Mapping[str, str], migration: subprocess.Popen[bytes]) -> Iterator[Stack]:
    """Airflow from its first answer on; at the end of the block none of its processes is left."""
    home, port = Path(told["AIRFLOW_HOME"]), int(told["AIRFLOW__API__PORT"])
    children: dict[str, subprocess.Popen[bytes]] = {"migration": migration}
    passwords = Path(told["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    try:
        if migration.wait() != 0:
            raise PermanentError(f"Airflow's database was not set up; see {home / 'migration.log'}.")
        del children["migration"]
        for name, arguments in {
            "api-server": ["api-server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"],
            "scheduler": ["scheduler", "--skip-serve-logs"],
            "dag-processor": ["dag-processor"],
        }.items():
            children[name] = _start(name, arguments, told)
        stack = Stack(
            port=port, password=json.loads(passwords.read_text())[USER], home=home, children=children
        )
        _wait_until_ready(stack)
        _end_broken_runs(stack)
        yield stack
    finally:
        stop(children.values())


def run_dag(stack: Stack, dag_id: str, conf: Mapping[str, Any]) -> Iterator[TaskEnd]:
    """Trigger a Dag and tell of each task that ends; returns at the end of the run.

    Raises PermanentError when the run did not succeed; the tasks that failed were told before.
    """
    run = stack.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": dict(conf)})
    path, told = f"/dags/{dag_id}/dagRuns/{run['dag_run_id']}", set()
    while True:
        state = stack.call("GET", path)["state"]
        found = stack.call("GET", f"{path}/taskInstances?{urlencode({'limit': 200, 'order_by': 'end_date'})}")
        for task in found["task_instances"]:
            key = (task["task_id"], task["map_index"])
            if task["end_date"] and key not in told and task["state"] not in (None, "up_for_retry"):
                told.add(key)
                yield _task_end(stack, task)
        if state == "success":
            return
        if state == "failed":
            raise PermanentError(f"The run of {dag_id} failed. Logs are below {stack.home / 'logs'}.")
        stack.assert_alive()
        time.sleep(1)


def stop(children: Any) -> None:
    """End processes with all that they started: kindly, then by force."""
    alive = [child for child in children if _signal_group(child, signal.SIGTERM)]
    until = time.monotonic() + STOP_SECONDS
    for child in alive:
        try:
            child.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("Airflow's process %s did not stop and is killed", child.pid)
    for child in alive:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _task_end(stack: Stack, task: Mapping[str, Any]) -> TaskEnd:
    mapped = "" if task["map_index"] < 0 else f"/map_index={task['map_index']}"
    folder = f"dag_id={task['dag_id']}/run_id={task['dag_run_id']}/task_id={task['task_id']}{mapped}"
    number = "" if task["map_index"] < 0 else f" {task['map_index'] + 1}"
    return TaskEnd(
        task=f"{task['task_id']}{number}",
        state=task["state"],
        seconds=task["duration"] or 0.0,
        log_file=stack.home / "logs" / folder / f"attempt={task['try_number']}.log",
    )


def _start(name: str, arguments: list[str], told: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """One of Airflow's processes at the head of a group of its own, writing into its own log."""
    with (Path(told["AIRFLOW_HOME"]) / f"{name}.log").open("wb") as log_file:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", *arguments],
            env=dict(told),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


def _wait_until_ready(stack: Stack) -> None:
    """Until the server answers and has all Dags. Raises TransientError after two minutes."""
    expected = len(list((PROJECT_ROOT / "dags").glob("*_dag.py")))
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        stack.assert_alive()
        try:
            if stack.call("GET", "/dags?limit=50")["total_entries"] >= expected:
                return
        except OSError:
            pass  # the server does not listen yet
        time.sleep(0.3)
    raise TransientError(f"Airflow was not ready after {READY_SECONDS} s. Its logs are in {stack.home}.")


def _end_broken_runs(stack: Stack) -> None:
    """Close runs that a killed Airflow left open; Airflow itself would wait five minutes for their tasks."""
    path = "/dags/~/dagRuns?state=running&state=queued&limit=100"
    for run in stack.call("GET", path)["dag_runs"]:
        stack.call("PATCH", f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}", {"state": "failed"})


def _ask(port: int, method: str, path: str, body: Mapping[str, Any] | None, token: str | None) -> Any:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise PermanentError(f"Airflow answered {answer.status} to {method} {path}: {text[:500]!r}")
    return json.loads(text) if text else None


def _metadata_url(cluster_url: str, scheme: str) -> str:
    return urlunsplit(urlsplit(cluster_url)._replace(scheme=scheme, path="/airflow"))


def _passwords_file(settings: Settings) -> Path:
    """The file of Airflow's passwords in the secrets, made on first use."""
    path = settings.secrets / "airflow-passwords.json"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps({USER: secrets.token_urlsafe(12), "mailroom": secrets.token_urlsafe(12)}))
    return path


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])
