"""Electronic delivery beside its peers: files safely published.

    python benchmarks/electronic.py [--files 200] [--profile]

One file of 50 KB goes to one host in a session of its own. CPU is the client's alone: the SSH server and the
relay that adds 20 ms each way are processes of their own. `this line` writes, looks and renames as a delivery
does, without the ledger; `with the ledger` is the job that a night runs. Peers put the file under a temporary
name and rename it, and check nothing else.
"""

import argparse
import asyncio
import contextlib
import cProfile
import io
import json
import os
import pstats
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.sftp_servers import Host, openssh

CONTENT_BYTES = 50_000
PORTS = 32
DELAY_SECONDS = 0.02
_FEW = 8  # processes at one time, for clients that are a process each


@dataclass(frozen=True, slots=True)
class Task:
    """What one measured process does: a client, how many files, how many at a time, through which ports."""

    client: str
    files: int
    at_a_time: int
    ports: tuple[int, ...]
    host_key: str
    key_file: str
    username: str
    folder: str


# the clients: each gives a function that puts the n-th file --------------------------------------
def this_line(task: Task) -> Callable[[int], None]:
    from distribution.channels.electronic import drop, session
    from distribution.channels.electronic.remote import Account

    key, content = Path(task.key_file).read_text(), os.urandom(CONTENT_BYTES)

    class Notes:
        def begin(self) -> int:
            return 1

        def closing(self, name: str, upload: int) -> None: ...

        def renaming(self, name: str, upload: int) -> None: ...

        def undone(self, name: str) -> None: ...

    def put(number: int) -> None:
        port = task.ports[number % len(task.ports)]
        line_out = session.connect(Account("127.0.0.1", port, task.username, task.host_key, key), seconds=60)
        try:
            parcel = drop.Parcel(f"this-{task.at_a_time}-{number}", content)
            drop.publish(line_out, drop.Terms(task.folder), [parcel], notes=Notes(), seconds=60)
        finally:
            line_out.close()

    return put


def paramiko_put(task: Task) -> Callable[[int], None]:
    import paramiko

    key = paramiko.Ed25519Key.from_private_key(io.StringIO(Path(task.key_file).read_text()))
    content = os.urandom(CONTENT_BYTES)

    def put(number: int) -> None:
        transport = paramiko.Transport(("127.0.0.1", task.ports[number % len(task.ports)]))
        try:
            transport.connect(username=task.username, pkey=key)
            sftp = paramiko.SFTPClient.from_transport(transport)
            assert sftp is not None
            name = f"{task.folder}/paramiko-{task.at_a_time}-{number}"
            sftp.putfo(io.BytesIO(content), f"{name}.part")
            sftp.posix_rename(f"{name}.part", name)
        finally:
            transport.close()

    return put


def openssh_batch(task: Task) -> Callable[[int], None]:
    local = Path(task.key_file).with_name("content")
    local.write_bytes(os.urandom(CONTENT_BYTES))
    stated = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "KexAlgorithms": "curve25519-sha256",
        "Ciphers": "aes128-gcm@openssh.com",
        "LogLevel": "ERROR",
        "IdentityFile": task.key_file,
        "IdentitiesOnly": "yes",
    }
    options = [f"-o{name}={value}" for name, value in stated.items()]

    def put(number: int) -> None:
        name = f"{task.folder}/sftp-{task.at_a_time}-{number}"
        port = str(task.ports[number % len(task.ports)])
        subprocess.run(
            ["sftp", "-F/dev/null", "-q", "-P", port, *options, "-b-", f"{task.username}@127.0.0.1"],
            input=f"put {local} {name}.part\nrename {name}.part {name}\n",
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    return put


def rclone(task: Task) -> Callable[[int], None]:
    local = Path(task.key_file).with_name("content")
    local.write_bytes(os.urandom(CONTENT_BYTES))

    def put(number: int) -> None:
        port = task.ports[number % len(task.ports)]
        there = (
            f":sftp,host=127.0.0.1,port={port},user={task.username},key_file={task.key_file}:{task.folder}"
        )
        name = f"rclone-{task.at_a_time}-{number}"
        subprocess.run(
            ["rclone", "copyto", "--config", "/dev/null", str(local), f"{there}/{name}"],
            check=True,
            stderr=subprocess.DEVNULL,
        )

    return put


def with_asyncssh(task: Task) -> None:
    import asyncssh

    content = os.urandom(CONTENT_BYTES)

    async def put(number: int, room: asyncio.Semaphore) -> None:
        async with (
            room,
            asyncssh.connect(
                "127.0.0.1",
                task.ports[number % len(task.ports)],
                username=task.username,
                client_keys=[task.key_file],
                known_hosts=None,
                config=None,
                agent_path=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            name = f"{task.folder}/asyncssh-{task.at_a_time}-{number}"
            async with sftp.open(f"{name}.part", "wb") as handle:
                await handle.write(content)
            await sftp.posix_rename(f"{name}.part", name)

    async def all_of_them() -> None:
        room = asyncio.Semaphore(task.at_a_time)
        await asyncio.gather(*(put(number, room) for number in range(task.files)))

    asyncio.run(all_of_them())


_THREADED = {
    "this line": this_line,
    "paramiko put": paramiko_put,
    "sftp -b": openssh_batch,
    "rclone": rclone,
}


def carry_out(task: Task) -> dict[str, float]:
    """One measured process: the wall seconds and its own CPU seconds, its children's included."""
    put = _THREADED[task.client](task) if task.client in _THREADED else None
    if put is not None:
        put(10**6)  # imports and caches
    before, began = _cpu_seconds(), time.perf_counter()
    if put is None:
        with_asyncssh(task)
    else:
        with ThreadPoolExecutor(task.at_a_time) as pool:
            list(pool.map(put, range(task.files)))
    return {"wall": time.perf_counter() - began, "cpu": _cpu_seconds() - before}


def _cpu_seconds() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


# hosts: one sshd, reached through many ports -----------------------------------------------------
async def _relay(to_port: int, ports: list[int]) -> None:
    loop = asyncio.get_running_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(65536):
                loop.call_later(DELAY_SECONDS, _pass_on, writer, block)
        loop.call_later(DELAY_SECONDS, writer.close)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    servers = [await asyncio.start_server(meet, "127.0.0.1", port) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _pass_on(writer: asyncio.StreamWriter, block: bytes) -> None:
    if not writer.is_closing():
        writer.write(block)


@contextmanager
def relayed(to_port: int) -> Iterator[tuple[int, ...]]:
    """Ports behind which the host is 40 ms away."""
    from tests.support.sftp_servers import free_port

    ports = [free_port() for _ in range(PORTS)]
    relay = subprocess.Popen([sys.executable, __file__, "--relay", json.dumps([to_port, ports])])
    try:
        time.sleep(1)
        yield tuple(ports)
    finally:
        relay.kill()
        relay.wait()


def measure_sending(folder: Path, *, files: int, profile: bool) -> None:
    """The table of clients: at once and through the relay."""
    with openssh(folder / "host") as host, relayed(host.port) as far:
        key_file = folder / "key"
        key_file.write_text(host.key)
        key_file.chmod(0o600)
        sys.stdout.write(
            f"One file of {CONTENT_BYTES // 1000} KB a session, safely published\n"
            f"{'client':22} {'at a time':>9} {'round trip':>10} "
            f"{'files':>6} {'files/s':>8} {'CPU ms/file':>12}\n"
        )
        for name, at_a_time, share in (
            ("this line", 1, 2),
            ("this line", 32, 1),
            ("paramiko put", 1, 2),
            ("paramiko put", 32, 1),
            ("asyncssh", 1, 4),
            ("asyncssh", 32, 1),
            ("sftp -b", 1, 8),
            ("sftp -b", _FEW, 4),
            ("sftp -b", 32, 4),
            ("rclone", _FEW, 8),
        ):
            for ports, trip in (((host.port,), "local"), (far, "40 ms")):
                count = max(8, files // share // (2 if trip == "40 ms" and at_a_time == 1 else 1))
                inbox = str(host.folder(f"inbox-{name}-{at_a_time}-{trip}".replace(" ", "-")))
                task = Task(name, count, at_a_time, ports, host.host_key, str(key_file), host.username, inbox)
                _tell(name, at_a_time, trip, count, _in_a_process(task))
        _measure_job(folder, host, far, files=files)
        if profile:
            inbox = str(host.folder("inbox"))
            _profile(Task("", 100, 1, (host.port,), host.host_key, str(key_file), host.username, inbox))


def _tell(name: str, at_a_time: int, trip: str, count: int, took: dict[str, float]) -> None:
    sys.stdout.write(
        f"{name:22} {at_a_time:>9} {trip:>10} {count:>6} {count / took['wall']:>8.1f} "
        f"{took['cpu'] / count * 1000:>12.2f}\n"
    )
    sys.stdout.flush()


def _in_a_process(task: Task) -> dict[str, float]:
    told = subprocess.run(
        [sys.executable, __file__, "--task", json.dumps(asdict(task))],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return json.loads(told)


def _profile(task: Task) -> None:
    """Where the client's time goes, in the calling thread and in those that speak to the host for it."""
    profiles: list[cProfile.Profile] = []
    run = threading.Thread.run

    def run_profiled(thread: threading.Thread) -> None:
        # By the thread's own CPU: waiting for the host is not the client's time.
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].runcall(run, thread)

    put = this_line(task)
    put(10**6)
    threading.Thread.run = run_profiled  # type: ignore[method-assign]
    for number in range(task.files):
        profiles.append(cProfile.Profile(time.thread_time))
        profiles[-1].runcall(put, 2 * 10**6 + number)
    threading.Thread.run = run  # type: ignore[method-assign]
    told = io.StringIO()
    pstats.Stats(*profiles, stream=told).sort_stats("tottime").print_stats(20)
    sys.stdout.write(f"\nAll threads of {task.files} deliveries, one at a time: CPU\n{told.getvalue()}")


# the job that a night runs -----------------------------------------------------------------------
def _measure_job(folder: Path, host: Host, far: tuple[int, ...], *, files: int) -> None:
    """`send_files` with the ledger: as many institutions as files, each with an account of its own."""
    from distribution.jobs import send_files, wiring
    from distribution.ledger import embedded, upgrade
    from distribution.settings import Settings, make_home

    server = embedded.start(folder / "postgres")
    try:
        upgrade.make_database(server)
        upgrade.upgrade(server)
        settings = Settings(home=folder / "home", database_url=server)
        make_home(settings)
        line = wiring.Line(settings=settings, url=server, now=wiring.utc_now)
        for trip, ports, first in (("local", (host.port,), 1000), ("40 ms", far, 5000)):
            _owe(line, host, ports, [str(first + number) for number in range(files)])
            send_files.build_files(line, run_id=None, on=date(2026, 11, 23))
            before, began = _cpu_seconds(), time.perf_counter()
            sent = send_files.send_files(line, run_id=None, on=date(2026, 11, 23))
            took = {"wall": time.perf_counter() - began, "cpu": _cpu_seconds() - before}
            assert len(sent.files) == files, sent
            _tell("with the ledger", settings.sftp_sessions, trip, files, took)
    finally:
        embedded.stop(folder / "postgres")


def _owe(line: object, host: Host, ports: tuple[int, ...], codes: list[str]) -> None:
    from dataclasses import replace

    from tests.support import records
    from tests.support.electronic import endpoint, join

    wanted = [
        replace(
            endpoint(host, code),
            port=ports[number % len(ports)],
            credential="partner",
            username=host.username,
        )
        for number, code in enumerate(codes)
    ]
    join(line, host, *wanted)  # type: ignore[arg-type]
    for each in wanted:  # an account of its own, so a session of its own
        for path in line.settings.secrets.glob("partner.*"):  # type: ignore[attr-defined]
            shutil.copy(path, path.with_name(f"di-{each.code}{path.suffix}"))
    join(line, host, *(replace(each, credential=f"di-{each.code}") for each in wanted))  # type: ignore[arg-type]
    with line.connect() as conn:  # type: ignore[attr-defined]
        if not conn.execute("SELECT count(*) FROM ledger.result_version").fetchone()[0]:
            for number in range(70):  # about 50 KB
                records.result(conn, f"R-{number:03d}", candidate_id=f"C-{number:03d}")
        conn.execute(
            """
            INSERT INTO ledger.delivery (result_id, revision, academic_year, recipient, designated, action,
                                         reasons, channel, state, owed_on)
            SELECT result_id, revision, academic_year, code, code, 'N', ARRAY['recipient'], 'electronic',
                   'pending', '2026-11-23'
            FROM ledger.result_version CROSS JOIN unnest(%s::text[]) AS code
            """,
            [codes],
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--relay", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.relay:
        asyncio.run(_relay(*json.loads(asked.relay)))
    elif asked.task:
        stated = json.loads(asked.task)
        sys.stdout.write(json.dumps(carry_out(Task(**(stated | {"ports": tuple(stated["ports"])})))))
    else:
        folder = Path(tempfile.mkdtemp(prefix="score-distribution-bench-", dir="/var/tmp"))
        folder.chmod(0o755)
        try:
            measure_sending(folder, files=asked.files, profile=asked.profile)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
