"""A portal that a real browser opens: served on loopback, with two schools of one coordinator."""

import threading
import time
from collections.abc import Iterator
from datetime import date

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from distribution.jobs import local_accounts
from distribution.jobs.stage_scores import stage_scores
from distribution.web.portal.app import make_app
from tests.support import records
from tests.support.portal import mint

SCHOOL, OTHER, EMPTY = "471000", "471011", "471022"
ROBIN, PASSWORD = "robin@example.org", "a password of the test"
NIGHT = date(2026, 11, 23)
CHROMIUM = "/usr/bin/chromium"
# As root in a closed network: no sandbox, and no look-ups of the browser's own hosts.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ["Abara", "Aguilar", "Brandt", "Chen", "Dubois", "Farah", "Nguyễn", "O'Brien"]


@pytest.fixture(scope="module")
def line(module_line):
    """120 scores at one school, two at another, one of a former year; one corrected, one cancelled."""
    with module_line.connect() as conn:
        for code, name in (
            (SCHOOL, "Riverside High School"),
            (OTHER, "Hillside Academy"),
            (EMPTY, "Quiet School"),
        ):
            records.institution(conn, code, name=name)
            records.contact(conn, code, "coordinator", email=ROBIN, name="Robin Both")
        for number in range(120):
            paid = ("self", "voucher")[number % 2]
            owe(conn, f"R-{number:03d}", SCHOOL, last_name=_NAMES[number % 8], grade="11", funding=paid)
        owe(conn, "R-OLD", SCHOOL, last_name="Former", test_date=date(2026, 5, 2))
        owe(conn, "R-OTHER", OTHER, last_name="Hill")
        owe(conn, "R-000", SCHOOL, revision=2, scaled_score=58, last_name="Abara")
        owe(conn, "R-001", SCHOOL, revision=2, status="cancelled", last_name="Aguilar")
    stage_scores(module_line, run_id="N20261123-01", on=NIGHT)
    local_accounts.write(module_line, {ROBIN: PASSWORD}, {ROBIN: "Robin Both"})
    return module_line


def owe(conn, result_id: str, school: str, **given) -> None:
    version = records.result(conn, result_id, candidate_id=f"C-{result_id}", first_name="Ann", **given)
    action = "N" if version["revision"] == 1 else "X" if version["status"] == "cancelled" else "C"
    records.owe(conn, version, school, action)


@pytest.fixture(scope="module")
def codes(line) -> dict[str, str]:
    return {code: mint(line, code, year=2026) for code in (SCHOOL, OTHER, EMPTY)}


@pytest.fixture(scope="module")
def portal(line) -> Iterator[str]:
    """The portal's URL."""
    server = uvicorn.Server(uvicorn.Config(make_app(line), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def fresh(line):
    """As on the first day: nobody has entered a code, agreed or looked yet."""
    with line.connect() as conn:
        conn.execute("SET ROLE distribution_owner")
        conn.execute(
            """
            TRUNCATE portal.redemption, portal.agreement, ledger.portal_visit, ledger.portal_export,
                     ledger.portal_session, portal.access_event
            """
        )
    return line


class Reader:
    """Somebody at the portal."""

    def __init__(self, page: Page, url: str, codes: dict[str, str], *, has_script: bool):
        self.page, self.url, self.codes, self.has_script = page, url, codes, has_script

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self) -> None:
        self.go("/sign-in")
        self.page.get_by_label("E-mail address").fill(ROBIN)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()

    def enter_code(self, school: str) -> None:
        self.page.get_by_label("Access code").fill(self.codes[school].lower().replace("-", " "))
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_label("I agree").check()
        self.page.get_by_role("button", name="Agree and continue").click()

    def come_in(self, school: str = SCHOOL) -> None:
        """To the scores of a school, with all that the first sign-in asks for."""
        self.sign_in()
        self.go(f"/organizations/{school}/scores")
        if self.page.url.endswith("/code"):
            self.enter_code(school)


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def reader(request, browser, portal, codes, fresh) -> Iterator[Reader]:
    context = browser.new_context(
        java_script_enabled=request.param, viewport={"width": 1280, "height": 900}, accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
    yield Reader(page, portal, codes, has_script=request.param)
    context.close()
    assert problems == []
