"""What simpler clients do to the same files on the same hosts: lost, sent twice, cut off.

    python -m tests.proofs.naive_clients

writes the table into docs/delivery-guarantees.md. Each client puts one file; it is killed when so many bytes
have gone to the host or come back, and started again until it says that it is done, at most three times, as
a scheduler does.
"""

import argparse
import contextlib
import io
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import paramiko

from distribution.jobs import wiring
from distribution.jobs.wiring import Line
from distribution.ledger import embedded, endpoints, files, upgrade
from distribution.settings import Settings, make_home
from tests.support import killed_senders, other_servers, sftp_servers
from tests.support.electronic import join
from tests.support.killed_senders import Cell, Setting
from tests.support.other_servers import NotHere
from tests.support.relay import Tripwire
from tests.support.sftp_servers import Host, faulty, openssh

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "delivery-guarantees.md"
PEERS = ROOT / "var" / "proof" / "peers"
TRIES = 4
UP, DOWN = (0.3, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 0.999), (0.5, 0.8, 0.95, 0.99)
SECONDS = 20
BEGIN, END = "<!-- made by python -m tests.proofs.naive_clients -->", "<!-- end -->"


class RobotTakesNamed(sftp_servers.Sound):
    """A robot takes every file that is closed under, or renamed to, the name that it waits for."""

    def close(self, file_obj: object) -> None:
        super().close(file_obj)
        self._take(Path(os.fsdecode(file_obj.name)))  # type: ignore[attr-defined]

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        super().rename(oldpath, newpath)
        self._take(self.path_of(newpath))

    def _take(self, path: Path) -> bool:
        if not (path.name.startswith("CLEP_") and path.suffix == ".txt" and path.exists()):
            return False
        self.pick_up(path)
        return True


class RobotTakesNamedAndDrops(RobotTakesNamed):
    """The robot takes the first file, and the line breaks before the answer."""

    def _take(self, path: Path) -> bool:
        is_taken = super()._take(path)
        if is_taken and self.comes_first(path):
            self.cut()
        return is_taken


HOSTS = (
    Setting("OpenSSH", openssh),
    Setting("OpenSSH that forbids stat", partial(openssh, requests="-P stat,lstat"), {"look": "list"}),
    Setting("ProFTPD", other_servers.proftpd),
    Setting("a robot takes files at once", partial(faulty, fault=RobotTakesNamed)),
    Setting("… and the line breaks once", partial(faulty, fault=RobotTakesNamedAndDrops)),
    Setting("the line breaks at close", partial(faulty, fault=sftp_servers.DropsAtClose)),
    Setting("disk full", partial(faulty, fault=sftp_servers.QuotaExceeded)),
    Setting("disk full, told at close only", partial(faulty, fault=sftp_servers.FullAtClose)),
    Setting("cut off without a word", partial(faulty, fault=sftp_servers.LiesAboutSize)),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One file for one host, reached through a relay."""

    host: Host
    local: Path
    remote: str
    cell: Cell


# the clients: each puts the job's file and returns, or raises ------------------------------------
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


# one cell: killed once, then started again ------------------------------------
def run(client: Callable[[Job], None], job: Job) -> int:
    """Start a client in a process of its own. Returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        signal.alarm(SECONDS)
        client(job)
    except BaseException:  # noqa: BLE001  whatever it is: the client failed
        os._exit(1)
    os._exit(0)


def observe(
    client: Callable[[Job], None], job: Job, *, up: int | None, down: int | None
) -> tuple[set[str], dict]:
    """Kill a client after so many bytes, let it try again; what the receiver suffered, and all bytes."""
    seen: set[str] = set()
    children: list[int] = []

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(children[-1], signal.SIGKILL)

    tripwire = Tripwire(job.host.port, trip=kill, up=up, down=down)
    done = False
    with tripwire as port:
        routed = _through(job, port)
        for _ in range(TRIES):
            children.append(run(client, routed))
            done = os.waitpid(children[-1], 0)[1] == 0
            if any(copy != routed.local.read_bytes() for copy in _standing(job)):
                seen.add("truncated")
            if done:
                break
    copies = [copy for copy in _standing(job) if copy == job.local.read_bytes()]
    if len(copies) > 1 or len(_standing(job)) > 1:
        seen.add("duplicate")
    if done and not copies:
        seen.add("lost")
    if not done:
        seen.add("open")
    return seen, tripwire.passed


def _through(job: Job, port: int) -> Job:
    host = sftp_servers.at_port(job.host, port)
    with job.cell.line.connect() as conn:
        known = endpoints.in_force(conn)[job.cell.code]
    join(job.cell.line, host, replace(known, port=port))
    return replace(job, host=host)


def _standing(job: Job) -> list[bytes]:
    """Every file under the final name that the receiver has now, or that its robot has taken."""
    name = job.remote.rpartition("/")[2]
    store = job.host.root / "picked-up"
    taken = [path for path in store.iterdir() if path.name.endswith(f"-{name}")] if store.exists() else []
    here = job.host.folder(job.cell.code) / name
    return [path.read_bytes() for path in [*taken, *([here] if here.exists() else [])]]


def explore(client: Callable[[Job], None], line: Line, host: Host, setting: Setting) -> Counter[str]:
    """All kills of a client at a host."""
    counts: Counter[str] = Counter()
    cells = killed_senders.new_cells(line, host, setting, 1 + len(UP) + len(DOWN))
    _, whole = observe(client, _job(cells.pop()), up=None, down=None)
    tries = [(int(whole["up"] * part), None) for part in UP] + [
        (None, int(whole["down"] * part)) for part in DOWN
    ]
    for up, down in tries:
        seen, _ = observe(client, _job(cells.pop()), up=up, down=down)
        counts.update(seen)
        counts["kills"] += 1
    return counts


def _job(cell: Cell) -> Job:
    (local,) = (cell.line.settings.electronic_outbox / cell.code).iterdir()
    return Job(cell.host, local, f"{cell.host.path(cell.code)}/{local.name}", cell)


# the table ------------------------------------
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", help="Print the table only.")
    parser.add_argument("--only", help="Only hosts whose name holds this.", default="")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    _install_peers()
    chosen = [setting for setting in HOSTS if asked.only in setting.name]
    told = table(measure(chosen), chosen)
    if asked.print or asked.only:
        sys.stdout.write(told)
        return
    text = DOCUMENT.read_text("utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{told}{END}{tail}", "utf-8")


def _install_peers() -> None:
    if not PEERS.exists():
        wanted = ["-q", "--no-deps", "--target", str(PEERS), "-r", str(ROOT / "requirements-proof.txt")]
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", *wanted], check=True)
    sys.path.append(str(PEERS))
    os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
    import airflow

    airflow.__path__.append(str(PEERS / "airflow"))
    import airflow.providers.sftp.operators.sftp


def measure(chosen: list[Setting]) -> dict[tuple[str, str], Counter[str] | str]:
    """Counts by client and host; a sentence where the host cannot run here."""
    folder = Path(tempfile.mkdtemp(prefix="score-distribution-naive-", dir="/var/tmp"))
    folder.chmod(0o755)
    found: dict[tuple[str, str], Counter[str] | str] = {}
    server = embedded.start(folder / "postgres")
    try:
        upgrade.make_database(server)
        upgrade.upgrade(server)
        settings = Settings(home=folder / "home", database_url=server)
        make_home(settings)
        line = Line(settings=settings, url=server, now=wiring.utc_now)
        line = killed_senders.prepare(line, HOSTS[0])
        for number, setting in enumerate(chosen):
            try:
                with setting.serve(folder / f"host-{number}") as host:
                    for name, client in CLIENTS.items():
                        found[name, setting.name] = explore(client, line, host, setting)
                        sys.stderr.write(f"{setting.name}, {name}: {dict(found[name, setting.name])}\n")
            except NotHere as exc:
                found.update({(name, setting.name): str(exc) for name in CLIENTS})
    finally:
        embedded.stop(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    return found


_SUFFERED = ("lost", "duplicate", "truncated")


def table(found: dict[tuple[str, str], Counter[str] | str], chosen: list[Setting]) -> str:
    """The table in Markdown: lost / sent twice / seen cut off, of so many kills."""
    kills = len(UP) + len(DOWN)
    lines = [
        f"Of {kills} kills each: lost / sent twice / seen cut off under the final name.",
        "",
        "| host | " + " | ".join(CLIENTS) + " |",
        "|---" * (len(CLIENTS) + 1) + "|",
    ]
    sums: dict[str, Counter[str]] = {name: Counter() for name in CLIENTS}
    for setting in chosen:
        cells = []
        for name in CLIENTS:
            counts = found[name, setting.name]
            if isinstance(counts, str):
                cells.append(counts)
                continue
            sums[name] += counts
            cells.append(_cell(counts))
        lines.append(f"| {setting.name} | " + " | ".join(cells) + " |")
    lines.append("| **all** | " + " | ".join(f"**{_cell(sums[name])}**" for name in CLIENTS) + " |")
    return "\n".join(lines) + "\n"


def _cell(counts: Counter[str]) -> str:
    suffered = " / ".join(str(counts[each]) for each in _SUFFERED)
    return suffered + (f" ({counts['open']} not done)" if counts["open"] else "")


if __name__ == "__main__":
    main()
