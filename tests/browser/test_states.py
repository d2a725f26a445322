"""What pages look like after something was done on them: no fault that axe finds, all in reach on a phone."""

import pytest
from playwright.sync_api import Page

from distribution.jobs import local_accounts
from tests.browser.conftest import OTHER, PASSWORD, ROBIN, SCHOOL
from tests.browser.test_coordinators_way import found, look_up

with_script_only = pytest.mark.parametrize("reader", [True], indirect=True, ids=["with script"])
SCORES = f"/organizations/{SCHOOL}/years/2026-27/scores"
STRANGER = "stranger@example.org"


@pytest.fixture
def somebody(line):
    """An account of a person who is no contact of any school."""
    local_accounts.write(line, {STRANGER: PASSWORD}, {STRANGER: "Sam Stranger"})


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def send_unfilled(page: Page, name: str) -> None:
    """Send a form as a browser does that checks nothing."""
    page.get_by_role("button", name=name, exact=True).evaluate("each => { each.form.noValidate = true }")
    press(page, name)


def sign_in_badly(reader) -> None:
    reader.go("/sign-in")
    reader.page.get_by_label("E-mail address").fill(ROBIN)
    reader.page.get_by_label("Password").fill("wrong")
    press(reader.page, "Sign in")


def sign_in_as_a_stranger(reader) -> None:
    reader.go("/sign-in")
    reader.page.get_by_label("E-mail address").fill(STRANGER)
    reader.page.get_by_label("Password").fill(PASSWORD)
    press(reader.page, "Sign in")


def come_to_the_agreement(reader) -> None:
    reader.sign_in()
    reader.go(f"/organizations/{SCHOOL}/code")
    reader.page.get_by_label("Access code").fill(reader.codes[SCHOOL])
    press(reader.page, "Continue")


def agree_to_nothing(reader) -> None:
    press(reader.page, "Agree and continue")


def agree(reader) -> None:
    reader.page.get_by_label("I agree").check()
    press(reader.page, "Agree and continue")


def ask_for_no_code(reader) -> None:
    reader.go("/no-code")
    for field in ("name", "email"):
        reader.page.locator(f"#{field}").fill("")
    send_unfilled(reader.page, "Send request")


def ask_for_a_code(reader) -> None:
    reader.go("/no-code")
    for field, text in (
        ("name", "Robin Both"),
        ("email", ROBIN),
        ("role", "Counselor"),
        ("school_code", SCHOOL),
    ):
        reader.page.locator(f"#{field}").fill(text)
    press(reader.page, "Send request")


def name_nobody_as_alternate(reader) -> None:
    reader.go(f"/organizations/{SCHOOL}/people")
    send_unfilled(reader.page, "Name as alternate")


def look_nothing_up(reader) -> None:
    reader.go(f"/organizations/{SCHOOL}/years/2026-27/missing")
    send_unfilled(reader.page, "Look it up")


def look_a_score_up(reader) -> None:
    reader.go(f"/organizations/{SCHOOL}/years/2026-27/missing")
    look_up(reader.page, "C-R-004")


def find_students(reader) -> None:
    reader.go(SCORES)
    reader.page.get_by_label("Student name, candidate ID or student ID").fill("brien")
    press(reader.page, "Apply")
    reader.page.get_by_role("link", name="Clear the filters").wait_for()
    reader.page.locator("td.arrow button").first.click()


def mark_a_score(reader) -> None:
    reader.go(f"{SCORES}/R-007/not-ours")
    reader.page.locator("main form button").click()
    reader.page.get_by_role("heading", name="Marked as not your student").wait_for()


# In order: each goes on from where the one before it ended.
STEPS = (
    sign_in_badly, sign_in_as_a_stranger, come_to_the_agreement, agree_to_nothing, agree, ask_for_no_code,
    ask_for_a_code, name_nobody_as_alternate, look_nothing_up, look_a_score_up, find_students, mark_a_score,
)  # fmt: skip


@with_script_only
@pytest.mark.parametrize("width", [1280, 390])
def test_no_state_of_a_page_has_a_fault_that_axe_finds_nor_runs_out_of_its_width(
    reader, somebody, line, width
):
    reader.page.set_viewport_size({"width": width, "height": 900})
    with line.connect() as conn:
        conn.execute("DELETE FROM portal.not_our_student")
    faults = {}
    for step in STEPS:
        step(reader)
        faults[step.__name__] = found(reader.page)
    assert {name: fault for name, fault in faults.items() if fault} == {}


EVERYWHERE = (
    ("combobox", "Organization"), ("combobox", "Academic year"), ("link", "Home"), ("link", "Scores"),
    ("link", "People and access"), ("link", "Help"), ("button", "Sign out"),
)  # fmt: skip
CONTROLS = {
    "/sign-in": (("textbox", "E-mail address"), ("textbox", "Password"), ("button", "Sign in")),
    f"/organizations/{OTHER}/code": (("textbox", "Access code"), ("button", "Continue")),
    "/no-code": (("textbox", "Your name"), ("button", "Send request")),
    f"/organizations/{SCHOOL}": EVERYWHERE,
    SCORES: (
        *EVERYWHERE,
        ("button", "Export Score Data (CSV)"),
        ("searchbox", "Student name, candidate ID or student ID"),
        ("combobox", "Exam"),
        ("combobox", "Paid by"),
        ("combobox", "Tested"),
        ("button", "Apply"),
        ("button", "Details of Abara, Ann, Financial Accounting"),
        ("link", "Expand all rows"),
        ("link", "Next page"),
    ),
    f"{SCORES}?open=all": (("link", "Not our student?"), ("link", "Next page")),
    f"/organizations/{SCHOOL}/people": (*EVERYWHERE, ("button", "Name as alternate")),
    f"/organizations/{SCHOOL}/help": EVERYWHERE,
    f"/organizations/{SCHOOL}/years/2026-27/missing": (*EVERYWHERE, ("button", "Look it up")),
}


@with_script_only
def test_on_a_phone_no_page_scrolls_sideways_and_every_control_can_be_pressed(reader):
    page = reader.page
    page.set_viewport_size({"width": 390, "height": 844})
    reader.come_in()
    out_of_reach = []
    for path, controls in CONTROLS.items():
        reader.go(path)
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            out_of_reach.append((path, "scrolls sideways"))
        for role, name in controls:
            if fault := out_of_hand(page, role, name):
                out_of_reach.append((path, role, name, fault))
    assert out_of_reach == []


def out_of_hand(page: Page, role: str, name: str) -> str:
    """Why a finger cannot press a control; empty = it can."""
    target = page.get_by_role(role, name=name, exact=True).first
    if target.count() == 0:
        return "is not there"
    target.click(trial=True, timeout=5_000)  # shown, enabled, and covered by nothing
    box = target.bounding_box()
    if box is None or box["x"] < 0 or box["x"] + box["width"] > 390:
        return "is outside the window"
    # WCAG 2.2, 2.5.8 (level AA), which leaves links in a line of text as they are.
    return "is too low" if role != "link" and box["height"] < 24 else ""
