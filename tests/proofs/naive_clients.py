"""What simpler clients do to the same files on the same hosts: lost, sent twice, cut off.

    python -m tests.proofs.naive_clients

writes the table into docs/delivery-guarantees.md. Each client puts one file; it is killed when so many bytes
have gone to the host or come back, and started again until it says that it is done, at most three times, as
a scheduler does. The hosts are those of the delivery matrix, each once, and two robots that wait for a name.
What an earlier run found is taken up as long as a client and the hosts are the same.
"""

import argparse
import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from distribution.jobs import wiring
from distribution.jobs.wiring import Line
from distribution.ledger import embedded, endpoints, upgrade
from distribution.settings import Settings, make_home
from tests.support import killed_senders, naive_clients, other_servers, sftp_servers
from tests.support.delivery_code import DELIVERY_CODE
from tests.support.delivery_settings import ALL
from tests.support.electronic import join
from tests.support.killed_senders import Cell, Setting
from tests.support.naive_clients import CLIENTS, SECONDS, Job
from tests.support.other_servers import NotHere
from tests.support.relay import Tripwire
from tests.support.sftp_servers import Host, faulty

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "delivery-guarantees.md"
PEERS = ROOT / "var" / "proof" / "peers"
FOUND = ROOT / "var" / "proof" / "naive-clients"
TRIES = 4
UP, DOWN = (0.3, 0.65, 0.9, 0.97, 0.999), (0.5, 0.9, 0.99)
AT_A_TIME = 3
BEGIN, END = "<!-- made by python -m tests.proofs.naive_clients -->", "<!-- end -->"

THIS_LINE = "this line"
Found = dict[str, Counter[str] | str]


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


def _served(setting: Setting) -> str:
    """The host of a setting, whatever was agreed."""
    serve = setting.serve
    if not isinstance(serve, partial):
        return serve.__qualname__
    given = (f"{name}={getattr(value, '__name__', value)}" for name, value in sorted(serve.keywords.items()))
    return " ".join([serve.func.__qualname__, *given])


def _each_host_once() -> Iterator[Setting]:
    """The hosts of the delivery matrix under names that leave out how this line looks at them."""
    # At the first all clients wait until their time is over; the second forbids what they never ask for.
    seen = {"faulty fault=NeverAnswers", "openssh more= requests=-P rename"}
    names: set[str] = set()
    for setting in ALL:
        if (served := _served(setting)) not in seen:
            short = setting.name.removesuffix(", list").removesuffix(", by sftp")
            name = setting.name if short in names else short
            seen.add(served)
            names.add(name)
            yield replace(setting, name=name)


HOSTS = (
    *_each_host_once(),
    Setting("a robot takes files by their name", partial(faulty, fault=RobotTakesNamed)),
    Setting("… and the line breaks once", partial(faulty, fault=RobotTakesNamedAndDrops)),
)


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

    # Only this line announces its files where that was agreed: there a file counts once its done-file stands.
    is_announced = client is naive_clients.this_line and job.cell.setting.agreed.get("publish") == "done-file"
    standing = partial(_standing, job, announced=is_announced)
    tripwire = Tripwire(job.host.port, trip=kill, up=up, down=down)
    done = False
    with tripwire as port:
        routed = _through(job, port)
        for _ in range(TRIES):
            children.append(run(client, routed))
            done = os.waitpid(children[-1], 0)[1] == 0
            if any(copy != routed.local.read_bytes() for copy in standing()):
                seen.add("truncated")
            if done:
                break
    copies = [copy for copy in standing() if copy == job.local.read_bytes()]
    if len(copies) > 1 or len(standing()) > 1:
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


def _standing(job: Job, *, announced: bool) -> list[bytes]:
    """Every file under the final name that the receiver has now, or that its robot has taken."""
    name = job.remote.rpartition("/")[2].casefold()
    store = job.host.root / "picked-up"
    taken = (
        [path for path in store.iterdir() if path.name.casefold().endswith(f"-{name}")]
        if store.exists()
        else []
    )
    folder = list(job.host.folder(job.cell.code).iterdir())
    here = [path for path in folder if path.name.casefold() == name]
    if announced and len(folder) == len(here):
        here = []
    return [path.read_bytes() for path in [*taken, *here]]


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
    outbox = cell.line.settings.electronic_outbox / cell.code
    (local,) = (path for path in outbox.iterdir() if path.suffix != ".json")
    return Job(cell.host, local, f"{cell.host.path(cell.code)}/{local.name}", cell)


# the hosts, some at one time, each in a process of its own -----------------------------------------
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.host:
        _keep(next(setting for setting in HOSTS if setting.name == asked.host))
        return
    _install_peers()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(_find, HOSTS))
    text = DOCUMENT.read_text("utf-8")
    head, tail = text.partition(BEGIN)[0], text.partition(END)[2]
    told = table({setting.name: _found(setting) for setting in HOSTS})
    DOCUMENT.write_text(f"{head}{BEGIN}\n{told}{END}{tail}", "utf-8")


def _install_peers() -> None:
    if not PEERS.exists():
        wanted = ["-q", "--no-deps", "--target", str(PEERS), "-r", str(ROOT / "requirements-proof.txt")]
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", *wanted], check=True)


def _find(setting: Setting) -> None:
    if set(_found(setting)) != set(CLIENTS):
        subprocess.run([sys.executable, "-m", __spec__.name, "--host", setting.name], check=True)
    sys.stderr.write(f"{setting.name}: {_found(setting)}\n")


def _place(setting: Setting, client: str) -> Path:
    sources = (__file__, naive_clients.__file__, sftp_servers.__file__, other_servers.__file__)
    code = b"".join(Path(source).read_bytes() for source in sources)
    if client == THIS_LINE:
        code += DELIVERY_CODE
    about = hashlib.sha256(code + f"{_served(setting)} {client}".encode()).hexdigest()
    return FOUND / f"{about[:32]}.json"


def _found(setting: Setting) -> Found:
    """Counts by client, or a sentence where the host cannot run here, of those that were tried."""
    found: Found = {}
    for client in CLIENTS:
        if _place(setting, client).exists():
            kept = json.loads(_place(setting, client).read_text("utf-8"))
            found[client] = kept if isinstance(kept, str) else Counter(kept)
    return found


def _keep(setting: Setting) -> None:
    sys.path.append(str(PEERS))
    os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
    import airflow

    airflow.__path__.append(str(PEERS / "airflow"))
    import airflow.providers.sftp.operators.sftp

    lacking = [client for client in CLIENTS if client not in _found(setting)]
    FOUND.mkdir(parents=True, exist_ok=True)
    for client, found in measure(setting, lacking).items():
        _place(setting, client).write_text(json.dumps(found), "utf-8")


def measure(setting: Setting, clients: Sequence[str]) -> Found:
    """Clients at one host."""
    folder = Path(tempfile.mkdtemp(prefix="score-distribution-naive-", dir="/var/tmp"))
    folder.chmod(0o755)
    server = embedded.start(folder / "postgres")
    try:
        upgrade.make_database(server)
        upgrade.upgrade(server)
        settings = Settings(home=folder / "home", database_url=server)
        make_home(settings)
        line = killed_senders.prepare(Line(settings=settings, url=server, now=wiring.utc_now), setting)
        with setting.serve(folder / "host") as host:
            return {client: explore(CLIENTS[client], line, host, setting) for client in clients}
    except NotHere as exc:
        return dict.fromkeys(clients, str(exc))
    finally:
        embedded.stop(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


_SUFFERED = ("lost", "duplicate", "truncated")


def table(found: dict[str, Found]) -> str:
    """The table in Markdown, a row a host: lost / sent twice / seen cut off, of so many kills."""
    kills = len(UP) + len(DOWN)
    lines = [
        f"Of {kills} kills each: lost / sent twice / seen cut off under the final name.",
        "",
        "| host | " + " | ".join(CLIENTS) + " |",
        "|---" * (len(CLIENTS) + 1) + "|",
    ]
    for host, row in found.items():
        lines.append(f"| {host} | " + " | ".join(_cell([row[name]]) for name in CLIENTS) + " |")
    sums = (_cell([row[name] for row in found.values()]) for name in CLIENTS)
    lines.append("| **all** | " + " | ".join(f"**{told}**" for told in sums) + " |")
    return "\n".join(lines) + "\n"


def _cell(found: Sequence[Counter[str] | str]) -> str:
    counted = [each for each in found if isinstance(each, Counter)]
    if not counted:
        return str(found[0])
    counts = sum(counted, Counter())
    suffered = " / ".join(str(counts[each]) for each in _SUFFERED)
    return suffered + (f" ({counts['open']} not done)" if counts["open"] else "")


if __name__ == "__main__":
    main()
