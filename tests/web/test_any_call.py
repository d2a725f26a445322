"""Calls of every shape, made up from the application's own description: none of them breaks it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from distribution.jobs import local_accounts
from distribution.web import csrf, sessions
from distribution.web.portal.app import make_app
from tests.support import records
from tests.support.portal import let_in, mint
from tests.web.conftest import FOREIGN, KIM, NOW, SCHOOL, stage

EXAMPLES = 10
PROOF_EXAMPLES = 400  # of each operation: in all more than 5,000 calls


@pytest.fixture(scope="module")
def client(module_line):
    """Kim's browser at a portal with her school's scores and another's."""
    line = type(module_line)(settings=module_line.settings, url=module_line.url, now=lambda: NOW)
    with line.connect() as conn:
        for code in (SCHOOL, FOREIGN):
            records.institution(conn, code)
        records.contact(conn, SCHOOL, "coordinator", email=KIM)
    stage(line, (SCHOOL, {"result_id": "R-1"}), (FOREIGN, {"result_id": "R-F", "last_name": "Foreigner"}))
    local_accounts.write(line, {KIM: "a password"}, {KIM: "Kim"})
    person = let_in(line, KIM, SCHOOL, mint(line, SCHOOL, year=2026), at=NOW)
    with TestClient(make_app(line), raise_server_exceptions=False) as opened:
        opened.renew = lambda: sessions.begin(
            line, person_id=person.person_id, former_token="", address="test"
        )
        yield opened


@pytest.fixture(scope="module")
def schema(client):
    described = client.app.openapi()
    for operations in described["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                # An address of pure chance never finds what is there.
                here, there = f"{SCHOOL}.R-1", f"{FOREIGN}.R-F"
                known = {
                    "code": [SCHOOL, FOREIGN, "999999", "x'--", "\x01"],
                    "year": ["2026-27", "2025-26", "2026-28", "x", "0000-01"],
                    "result_id": ["R-1", "R-F", "R-" + "9" * 40, "ʀ"],
                    "exam": ["FINACC", "NONE", "x'--", "ʀ"],
                    "funding": ["self", "voucher", "SELF", "%"],
                    "month": ["2026-11", "1999-01", "2026-13", "9999-12", "0000-01"],
                    "school": [SCHOOL, FOREIGN, "999999", "'"],
                    "search": ["x", "-" * 40, "\x00"],
                    "sort": ["name", "exam", "score", "tested", "funding", "last_name; --"],
                    "after": [here, there, f"{SCHOOL}.R-F", ".", SCHOOL],
                    "before": [here, there, "a.b.c"],
                    "descending": ["1", "0"],
                    "new": ["1", "yes"],
                    "all": ["1", "no"],
                }
                if parameter["name"] in known:
                    parameter["schema"] = {"anyOf": [{"enum": known[parameter["name"]]}, {"type": "string"}]}
    return schemathesis.openapi.from_dict(described)


SCORES = "/organizations/{code}/years/{year}/scores"


@pytest.mark.parametrize(
    ("path", "method"), [(SCORES, "get"), (SCORES, "post"), (f"{SCORES}/export", "post")]
)
def test_the_application_describes_every_value_that_an_address_may_carry(client, path, method):
    described = client.app.openapi()["paths"][path][method]["parameters"]
    named = {each["name"] for each in described if each["in"] == "query"}
    asked = {
        "exam",
        "funding",
        "month",
        "school",
        "search",
        "sort",
        "descending",
        "after",
        "before",
        "new",
        "all",
    }
    assert named == asked | ({"open", "close"} if method == "get" else set())


def call(case, client: TestClient) -> None:
    token = client.renew()
    body = case.body if isinstance(case.body, dict) else {}
    query = case.query if isinstance(case.query, dict) else {}
    answer = client.request(
        case.method,
        case.formatted_path,
        params={name: value for name, value in query.items() if isinstance(value, str | list)},
        data={csrf.FIELD: csrf.token_of(token), **{name: str(value) for name, value in body.items()
              if name != csrf.FIELD}} if case.method == "POST" else None,
        headers={"Origin": "http://testserver", "Cookie": f"{sessions.COOKIE}={token}"},
        follow_redirects=False,
    )  # fmt: skip
    assert answer.status_code < 500, (case.method, case.path)
    assert "Foreigner" not in answer.text


_QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def call_all(schema, client: TestClient, *, examples: int) -> int:
    """So many calls of each operation; how many there were."""
    made = 0
    for found in schema.get_all_operations():

        @settings(max_examples=examples, deadline=None, suppress_health_check=_QUIET, derandomize=True)
        @given(case=found.ok().as_strategy())
        def try_out(case):
            nonlocal made
            made += 1
            call(case, client)

        try_out()
    return made


def test_no_call_breaks_the_application(schema, client):
    assert call_all(schema, client, examples=EXAMPLES) > 100


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_no_call_in_thousands_breaks_the_application(schema, client):
    assert call_all(schema, client, examples=PROOF_EXAMPLES) >= 5_000
