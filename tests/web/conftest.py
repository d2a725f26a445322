"""A portal with two schools, a district and their people, asked without a network."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from starlette.testclient import TestClient

from distribution.access_codes import passwords
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger import portal_accounts
from distribution.web import csrf, sessions
from distribution.web.portal.app import make_app
from tests.support import records
from tests.support.portal import mint

SCHOOL, SISTER, FOREIGN, DISTRICT = "471000", "471011", "471022", "479000"
KIM, ALEX, DANA, STRANGER = "kim@example.org", "alex@example.org", "dana@example.org", "sam@example.org"
PASSWORD = "a password of the test"
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SCORES = f"/organizations/{SCHOOL}/years/2026-27/scores"


class Clock:
    """The portal's time, which a test may move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Visitor:
    """A browser without script: keeps cookies, follows redirects, sends the forms that it was shown."""

    def __init__(self, client: TestClient):
        self.client = client

    def get(self, path: str, **more):
        return self.client.get(path, **more)

    def send(self, path: str, *, on: str = "", **fields: str):
        """Open the page `on` (default: the path itself) and send a form of it."""
        shown = self.client.get(on or path).text
        token = re.search(rf'name="{csrf.FIELD}" value="([0-9a-f]*)"', shown)
        return self.client.post(
            path,
            data={csrf.FIELD: token[1] if token else "", **fields},
            headers={"Origin": "http://testserver"},
        )

    def sign_in(self, email: str, password: str = PASSWORD):
        return self.send("/sign-in", email=email, password=password)

    def enter(self, email: str, organization: str, code: str):
        """The whole first sign-in of a year."""
        self.sign_in(email)
        self.send(f"/organizations/{organization}/code", access_code=code)
        return self.send(f"/organizations/{organization}/agreement", agreed="yes")


@pytest.fixture(scope="session")
def password_hash() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def line(line, clock, password_hash):
    """Two schools of a district and one outside, each with a coordinator and an account."""
    with line.connect() as conn:
        records.institution(
            conn, DISTRICT, kind="district", name="Aspen District", time_zone="America/Denver"
        )
        for school in (SCHOOL, SISTER):
            records.institution(conn, school, district_code=DISTRICT, name=f"Alder {school}")
        records.institution(conn, FOREIGN, name="Foreign School")
        records.contact(conn, SCHOOL, "coordinator", email=KIM, name="Kim Lee")
        records.contact(conn, SCHOOL, "alternate", email=ALEX, name="Alex Fox")
        records.contact(conn, DISTRICT, "coordinator", email=DANA, name="Dana Roe")
        records.contact(conn, FOREIGN, "coordinator", email=STRANGER, name="Sam Doe")
        emails = (KIM, ALEX, DANA, STRANGER, "nobody@example.org")
        hashes = dict.fromkeys(emails, password_hash)
        portal_accounts.write(conn, hashes, {email: email.split("@")[0].title() for email in emails}, at=NOW)
    return replace(line, now=clock)


def stage(line, *rows: tuple[str, dict]) -> None:
    """Stage one result a row: (school, values)."""
    with line.connect() as conn:
        for school, given in rows:
            given = dict(given)
            version = records.result(conn, given.pop("result_id"), **given)
            action = "N" if version["revision"] == 1 else "C"
            records.owe(conn, version, school, "X" if version["status"] == "cancelled" else action)
    with line.connect() as conn:
        number = conn.execute("SELECT count(*) FROM ledger.receipt").fetchone()[0]
    stage_scores(line, run_id=f"N20261123-{number:02d}", on=date(2026, 11, 23))


@pytest.fixture
def scores(line):
    """Three scores of our school, one of its sister, two of the foreign one, one of a former year."""
    stage(
        line,
        (SCHOOL, {"result_id": "R-1", "last_name": "Abara", "first_name": "Chidi", "candidate_id": "C-1"}),
        (SCHOOL, {"result_id": "R-2", "last_name": "Nguyễn", "candidate_id": "C-2", "funding": "voucher"}),
        (SCHOOL, {"result_id": "R-3", "last_name": "<b>Bold</b>", "candidate_id": "C-3", "exam_code":
                  "FINACC"}),
        (SCHOOL, {"result_id": "R-OLD", "last_name": "Former", "candidate_id": "C-4",
                  "test_date": date(2026, 5, 2)}),
        (SISTER, {"result_id": "R-S", "last_name": "Sisterly", "candidate_id": "C-5"}),
        (FOREIGN, {"result_id": "R-F", "last_name": "Foreigner", "candidate_id": "C-6"}),
        (FOREIGN, {"result_id": "R-FOLD", "last_name": "Oldforeigner", "candidate_id": "C-7",
                   "test_date": date(2024, 5, 2)}),
    )  # fmt: skip


@pytest.fixture
def app(line):
    return make_app(line)


@pytest.fixture
def client(app) -> Iterator[TestClient]:
    with TestClient(app) as opened:
        yield opened


@pytest.fixture
def visitor(client) -> Visitor:
    return Visitor(client)


@pytest.fixture
def another(client) -> Visitor:
    """A second browser at the same portal."""
    return Visitor(TestClient(client.app))


@pytest.fixture
def codes(line) -> dict[str, str]:
    """The year's codes in clear."""
    return {organization: mint(line, organization, year=2026) for organization in (SCHOOL, FOREIGN, DISTRICT)}


@pytest.fixture
def kim(visitor, codes, scores) -> Visitor:
    """Kim, coordinator of our school, after the first sign-in."""
    visitor.enter(KIM, SCHOOL, codes[SCHOOL])
    return visitor


def cookie(visitor: Visitor) -> str:
    return visitor.client.cookies.get(sessions.COOKIE, "")
