"""The portal over ten years of scores: a school's year, a page at the server, an export, many readers.

    python benchmarks/portal.py [--rows 20000000]

The peer of the export is the same rows through SQLAlchemy's ORM and Python's csv, as web pages do it.
"""

import argparse
import contextlib
import csv
import io
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import sqlalchemy
import sqlalchemy.orm
import uvicorn
from starlette.requests import Request

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from distribution.channels.portal import access, export, questions, scores
from distribution.channels.portal.questions import Question, Reader
from distribution.jobs import portal_scores
from distribution.jobs.wiring import Line
from distribution.ledger import embedded, upgrade
from distribution.ledger.connection import Role
from distribution.ledger.pools import Pools
from distribution.settings import Settings, make_home
from distribution.web import sessions
from distribution.web.portal import doors, score_addresses
from distribution.web.portal.app import make_app
from distribution.web.portal.pages import page
from tests.support import records
from tests.support.portal import let_in, mint
from tests.support.sftp_servers import free_port

FIRST_YEAR, YEARS = 2017, 10
BIG, BIG_ROWS = "B00001", 50_000
READERS, PAGES_EACH = 50, 10
NOW = datetime(2027, 3, 15, 15, 0, tzinfo=UTC)
FAR = date(2060, 1, 1)
CLUSTERS = Path("/var/tmp")  # noqa: S108  # as root the server runs as another user


def fill(conn: psycopg.Connection, *, year: int, rows: int) -> None:
    """A year of scores at schools of very different sizes: the median has about 300, some have thousands."""
    schools = max(1, rows // 430)
    conn.execute(
        """
        INSERT INTO portal.staged_score (
            academic_year, school_code, delivery_id, result_id, revision, action, status, candidate_id,
            last_name, first_name, middle_name, birth_date, gender, exam_code, exam_title, test_date,
            scaled_score, recommended_credits, funding, voucher_order_id, seen_because, local_student_id,
            grade, released_on, reportable_until)
        SELECT %(year)s, 'S' || lpad(floor(%(schools)s * power(random(), 1.6))::int::text, 5, '0'), n,
               'R' || %(year)s || lpad(n::text, 9, '0'), 1, 'N', 'scored', lpad((n %% 900000)::text, 8, '0'),
               (ARRAY['Abara','Aguilar','Brandt','Chen','Dubois','Farah','Nguyễn','O''Brien','Smith',
                      'Zoë'])[1 + n %% 10] || (n * 7919 %% 1000)::text,
               (ARRAY['Ann','José','Li','Mary','Sam'])[1 + n %% 5], '', '2008-05-01', 'F', 'FINACC',
               'Financial Accounting', make_date(%(year)s, 7, 1) + (n %% 365)::int, 20 + n %% 61, 3,
               (ARRAY['self','voucher','other'])[1 + n %% 3], '', 'attending', '', '11',
               make_date(%(year)s, 7, 1) + (n %% 365)::int + 3, %(far)s
        FROM generate_series(1::bigint, %(rows)s) AS n
        """,
        {"year": year, "rows": rows, "schools": schools, "far": FAR},
    )
    if year == FIRST_YEAR + YEARS - 1:
        conn.execute(
            """
            UPDATE portal.staged_score SET school_code = %s WHERE academic_year = %s AND delivery_id <= %s
            """,
            [BIG, year, BIG_ROWS],
        )


INDEXES = ("staged_score_names", "staged_score_result", "staged_score_hidden")


def load(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        made = [
            conn.execute("SELECT pg_get_indexdef(('portal.' || %s)::regclass)", [name]).fetchone()[0]
            for name in INDEXES
        ]
        for name in INDEXES:
            conn.execute(f"DROP INDEX portal.{name}")
        for year in range(FIRST_YEAR, FIRST_YEAR + YEARS):
            fill(conn, year=year, rows=rows // YEARS)
        for statement in made:
            conn.execute(statement.replace(" ON ONLY ", " ON "))
        conn.execute("VACUUM ANALYZE portal.staged_score")


def timed(act: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def told(what: str, times: list[float], goal: str = "") -> None:
    ordered = sorted(times)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    sys.stdout.write(f"{what:<58}{p50:>9.1f}{p99:>9.1f}{max(ordered):>9.1f}   {goal}\n")
    sys.stdout.flush()


def some_schools(url: str, many: int, *, year: int | None = None) -> list[tuple[str, int]]:
    """Schools and years, by their number of years and not of rows: what a coordinator opens."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            """
            SELECT school_code, academic_year FROM (
                SELECT DISTINCT school_code, academic_year FROM portal.staged_score
                WHERE school_code <> %(big)s AND (%(year)s::int IS NULL OR academic_year = %(year)s)
            ) AS s
            ORDER BY md5(school_code || academic_year) LIMIT %(many)s
            """,
            {"big": BIG, "many": many, "year": year},
        ).fetchall()


def school_years(line: Line, chosen: list[tuple[str, int]]) -> None:
    columns = ", ".join(
        f"s.{name}"
        for name in (
            "result_id",
            "revision",
            "candidate_id",
            "last_name",
            "first_name",
            "birth_date",
            "exam_title",
            "test_date",
            "scaled_score",
            "funding",
            "shown_status",
        )
    )
    with line.connect(role=Role.PORTAL) as conn:

        def read(school: str, year: int) -> None:
            question = Question(schools={school: "x"}, year=year, on=date(2027, 3, 15))
            with access.as_schools(conn, [school]):
                conn.execute(
                    f"SELECT {columns} {questions.rows_asked_for(question)} {questions.order_of(question)}",
                    question.parameters,
                ).fetchall()

        for each in chosen:  # warm
            read(*each)
        told(
            "a school's whole year, row-level security on",
            [timed(lambda e=each: read(*e)) for each in chosen],
        )

        def spent(school: str, year: int) -> float:
            """What the server itself says: planning and execution, without the way to the client."""
            question = Question(schools={school: "x"}, year=year, on=date(2027, 3, 15))
            asked = f"SELECT {columns} {questions.rows_asked_for(question)} {questions.order_of(question)}"
            with access.as_schools(conn, [school]):
                plan = conn.execute(
                    psycopg.ClientCursor(conn).mogrify(
                        f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {asked}", question.parameters
                    )
                ).fetchone()[0][0]
            return plan["Planning Time"] + plan["Execution Time"]

        told("  the same in the database alone", [spent(*each) for each in chosen], "goal p50 3, p99 15")

        reader = Reader("benchmark", "benchmark")

        def page(school: str, year: int) -> None:
            question = Question(schools={school: "x"}, year=year, on=date(2027, 3, 15))
            with access.as_schools(conn, [school]):
                scores.page(conn, question, reader=reader, cursor=None, size=50)

        told("a page of 50 with its disclosures", [timed(lambda e=each: page(*e)) for each in chosen])


def exports(line: Line) -> None:
    question = Question(schools={BIG: "Big School"}, year=FIRST_YEAR + YEARS - 1, on=date(2027, 3, 15))
    reader = Reader("benchmark", "benchmark")
    with line.connect(role=Role.PORTAL) as conn:

        def copy() -> None:
            with access.as_schools(conn, [BIG]):
                export._read_in_order(conn, question)
                export._copy(conn, io.BytesIO(), question)

        def note() -> None:
            with access.as_schools(conn, [BIG]):
                export._read_in_order(conn, question)
                export._note_disclosures(conn, question, reader)

        copy()
        told(f"export of {BIG_ROWS:,} rows by COPY", [timed(copy) for _ in range(5)], "goal 150")
        told("  its disclosure rows", [timed(note) for _ in range(3)])
        told(
            "  both, as CSV",
            [
                timed(lambda: export.write_csv(conn, io.BytesIO(), question=question, reader=reader))
                for _ in range(3)
            ],
        )
        told(
            "  both, as XLSX",
            [timed(lambda: export.write_xlsx(conn, io.BytesIO(), question=question, reader=reader))],
        )
    told("  peer: SQLAlchemy ORM and csv, no disclosures", [timed(lambda: by_orm(line)) for _ in range(2)])


def by_orm(line: Line) -> None:
    class Base(sqlalchemy.orm.DeclarativeBase):
        pass

    class Row(Base):
        __table__ = sqlalchemy.Table(
            "staged_score",
            Base.metadata,
            *(
                sqlalchemy.Column(name, sqlalchemy.String, primary_key=name == "result_id")
                for name in (
                    "result_id",
                    "school_code",
                    "academic_year",
                    *export.COLUMNS[4:13],
                    "scaled_score",
                    "recommended_credits",
                    "funding",
                    "voucher_order_id",
                    "seen_because",
                    "revision",
                    "status",
                    "released_on",
                )
            ),
            schema="portal",
        )

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(line.url), poolclass=sqlalchemy.NullPool
    )
    with sqlalchemy.orm.Session(engine) as session:
        found = session.scalars(
            sqlalchemy.select(Row)
            .where(Row.__table__.c.school_code == BIG)
            .where(
                sqlalchemy.cast(Row.__table__.c.academic_year, sqlalchemy.Integer) == FIRST_YEAR + YEARS - 1
            )
        )
        writer = csv.writer(io.StringIO())
        for row in found:
            writer.writerow([getattr(row, column.name) for column in Row.__table__.c])
    engine.dispose()


def served(line: Line, chosen: list[tuple[str, int]]) -> None:
    """Pages at the server, one after another and from many at once."""
    schools = list(dict.fromkeys(school for school, _ in chosen))[:READERS]
    year = FIRST_YEAR + YEARS - 1
    tokens = []
    with psycopg.connect(line.url, autocommit=True) as conn:  # what an earlier run left in a kept cluster
        conn.execute(
            """
            TRUNCATE ledger.institution_version, ledger.contact, ledger.access_code, ledger.disclosure,
                     portal.person CASCADE
            """
        )
    for number, school in enumerate(schools):
        with line.connect() as conn:
            records.institution(conn, school, name=f"School {school}")
            records.contact(conn, school, "coordinator", email=f"c{number}@example.org")
        person = let_in(line, f"c{number}@example.org", school, mint(line, school, year=year), at=NOW)
        tokens.append(sessions.begin(line, person_id=person.person_id, former_token="", address=""))
    with _server(line) as base:
        _ask(base, schools, tokens, year)
    _tell_the_parts(line, schools, tokens, year)


@contextmanager
def _server(line: Line) -> Iterator[str]:
    """The portal in a process of its own; yields its address."""
    port = free_port()
    told = [str(line.url), str(line.settings.home), str(port)]
    server = subprocess.Popen([sys.executable, __file__, "--serve", *told])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def serve(url: str, home: str, port: str) -> None:
    line = Line(settings=Settings(home=Path(home), database_url=url), url=url, now=lambda: NOW)
    uvicorn.run(make_app(line), port=int(port), log_config=None, access_log=False, timeout_keep_alive=75)


def _ask(base: str, schools: list[str], tokens: list[str], year: int) -> None:
    errors: list[int] = []

    def ask(number: int, client: httpx.Client) -> float:
        path = f"{base}/organizations/{schools[number]}/years/{year}-{(year + 1) % 100:02d}/scores"
        began = time.perf_counter()
        answer = client.get(path)
        spent = (time.perf_counter() - began) * 1000
        if answer.status_code != 200:
            errors.append(answer.status_code)
        return spent

    def client_of(number: int) -> httpx.Client:
        return httpx.Client(cookies={sessions.COOKIE: tokens[number]}, timeout=60, trust_env=False)

    clients = [client_of(number) for number in range(len(schools))]
    for number, client in enumerate(clients):
        ask(number, client)
    told(
        "a page at the server, as a client on this machine sees it",
        [ask(number, client) for _ in range(3) for number, client in enumerate(clients)],
        "goal 25",
    )
    times: list[float] = []

    def walk(number: int) -> None:
        for _ in range(PAGES_EACH):
            times.append(ask(number, clients[number]))

    readers = [threading.Thread(target=walk, args=[number]) for number in range(len(schools))]
    began = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    rate = len(times) / (time.perf_counter() - began)
    told(
        f"  {len(schools)} coordinators at once: {rate:.0f} pages/s, {len(errors)} errors",
        times,
        "goal: 0 errors",
    )


def _tell_the_parts(line: Line, schools: list[str], tokens: list[str], year: int) -> None:
    """Where the time of a page goes, in this process: each part in turn, as the page asks for it."""
    pools = Pools(line.url, most=2)
    line = replace(line, pools=pools)
    app = make_app(line)
    spent: dict[str, list[float]] = {}
    try:
        for school, token in list(zip(schools, tokens, strict=True)) * 4:
            headers = [(b"cookie", f"{sessions.COOKIE}={token}".encode())]
            scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
            _walk(line, Request(scope | {"app": app}), school, year, spent)
    finally:
        pools.close()
    for part, times in spent.items():
        told(f"  of a page: {part}", times[len(schools) :])


def _walk(line: Line, request: Request, school: str, year: int, spent: dict[str, list[float]]) -> None:
    def lap(part: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        given = act()
        spent.setdefault(part, []).append((time.perf_counter() - began) * 1000)
        return given

    guest = lap("session and person", lambda: doors.guest_of(request, line))
    own = next(each for each in guest.person.organizations if each.code == school)
    room = doors.Room(guest, own, doors._viewer(guest, own))
    seen = lap("schools and years", lambda: portal_scores.seen_by(line, room.viewer))
    asked = portal_scores.Asked()
    shown = lap(
        "counts, rows, disclosures",
        lambda: portal_scores.look(line, room.viewer, seen, year=year, asked=asked),
    )
    values = doors.Year(room, year, seen).values() | {
        "tab": "scores",
        "shown": shown,
        "asked": asked,
        "search_words": "",
        "address": score_addresses.Address(()),
        "opened": frozenset(),
        "sorts": tuple(portal_scores.Sort),
        "most": 1000,
        "first": "",
        "last": "",
    }
    lap("the page's text", lambda: page(request, "scores", **values))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--keep", type=Path, help="folder of a cluster to fill once and use again")
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return 0
    cluster = options.keep or CLUSTERS / f"score-distribution-bench-{time.time_ns()}"
    is_filled = (cluster / "filled").exists()
    url = embedded.start(cluster)
    try:
        upgrade.make_database(url)
        upgrade.upgrade(url)
        with psycopg.connect(url, autocommit=True) as conn:
            for setting in (
                "fsync = off",
                "synchronous_commit = off",
                "shared_buffers = '1GB'",
                "max_wal_size = '8GB'",
                "maintenance_work_mem = '512MB'",
            ):
                conn.execute(f"ALTER SYSTEM SET {setting}")
            conn.execute("SELECT pg_reload_conf()")
        if not is_filled:
            seconds = timed(lambda: load(url, options.rows)) / 1000
            sys.stderr.write(f"{options.rows:,} rows over {YEARS} years in {seconds:.0f} s\n")
            if options.keep:
                (cluster / "filled").touch()
        home = cluster.with_name(cluster.name + "-home")
        line = Line(settings=Settings(home=home, database_url=url), url=url, now=lambda: NOW)
        make_home(line.settings)
        chosen = some_schools(url, 300)
        sys.stdout.write(f"{'milliseconds':<58}{'p50':>9}{'p99':>9}{'most':>9}\n")
        school_years(replace(line), chosen)
        exports(line)
        served(line, some_schools(url, READERS, year=FIRST_YEAR + YEARS - 1))
        shutil.rmtree(home, ignore_errors=True)
    finally:
        embedded.stop(cluster)
        if not options.keep:
            shutil.rmtree(cluster, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
