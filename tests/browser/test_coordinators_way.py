"""A coordinator's first day, in a real browser: with script, without, by keyboard alone, on a phone."""

import contextlib
import csv
import io
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Route, expect

from tests.browser.conftest import EMPTY, OTHER, PASSWORD, ROBIN, SCHOOL

with_script_only = pytest.mark.parametrize("reader", [True], indirect=True, ids=["with script"])


def downloaded(reader, name: str) -> list[dict[str, str]]:
    with reader.page.expect_download() as started:
        reader.page.get_by_role("button", name=name).click()
    content = Path(started.value.path()).read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_first_day(reader):
    """Sign-in, code, agreement, scores, a row, a former year, another school, the export."""
    page = reader.page
    reader.sign_in()
    expect(page.get_by_role("heading", name="Enter access code")).to_be_visible()
    reader.go(f"/organizations/{SCHOOL}/code")
    reader.enter_code(SCHOOL)
    expect(page.get_by_role("heading", name="Scores, 2026–27")).to_be_visible()
    expect(page.locator("tbody")).to_have_count(50)

    arrow = page.locator("td.arrow button").first
    expect(arrow).to_have_attribute("aria-expanded", "false")
    arrow.click()
    expect(page.locator("td.arrow button").first).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_text("C-R-000")).to_be_visible()
    expect(page.get_by_text("was 55")).to_be_visible()

    choose(reader, "Academic year", "2025–26")
    expect(page.get_by_role("heading", name="Scores, 2025–26")).to_be_visible()
    expect(page.locator("td strong", has_text="Former, Ann")).to_have_count(1)

    choose(reader, "Organization", "Hillside Academy")
    reader.enter_code(OTHER)
    expect(page.get_by_text("1 score for 1 student at Hillside Academy")).to_be_visible()

    choose(reader, "Organization", "Riverside High School")
    assert len(downloaded(reader, "Export Score Data (CSV)")) == 120


def choose(reader, drop_down: str, option: str) -> None:
    """A choice by the pointer is taken at once with script; without it the button takes it."""
    select = reader.page.get_by_label(drop_down)
    value = select.locator("option", has_text=option).get_attribute("value")
    with reader.page.expect_navigation():
        select.select_option(value)
        if not reader.has_script:
            reader.page.locator("form.switch", has=select).get_by_role("button").click()


def test_filters_sorting_and_pages(reader):
    page = reader.page
    reader.come_in()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="Previous page")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_text("Showing 20 of 120")).to_be_visible()
    page.get_by_label("Student name, candidate ID or student ID").fill("nguyen")
    page.get_by_label("Paid by").select_option("self")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("15 scores of 120 match")).to_be_visible()
    assert "nguyen" not in page.url.lower()
    assert len(downloaded(reader, "Export these 15 (CSV)")) == 15
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.get_by_text("Showing 50 of 120")).to_be_visible()
    page.get_by_role("link", name="Test date").click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Test date ↑")
    page.get_by_role("link", name="Expand all rows").click()
    expect(page.locator("td.arrow button[aria-expanded=true]")).to_have_count(50)


@with_script_only
def test_of_two_quick_clicks_the_later_counts(reader):
    """The first answer comes while the second is on its way, and takes away the link that was pressed."""
    page = reader.page
    reader.come_in()
    waiting: list[Route] = []
    page.route("**/scores?*sort=*", lambda route: waiting.append(route))
    page.get_by_role("link", name="Exam", exact=True).click()
    page.get_by_role("link", name="Test date").click()
    for route in waiting:
        with contextlib.suppress(Error):  # the page has given up the first
            route.continue_()
        page.wait_for_timeout(500)
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Test date ↑")
    assert len(waiting) == 2


@with_script_only
def test_the_whole_way_by_keyboard_alone(reader):
    page = reader.page
    press = page.keyboard.press

    def tab_to(target) -> None:
        for _ in range(60):
            if target.evaluate("each => each === document.activeElement"):
                return
            press("Tab")
        raise AssertionError(f"{target} cannot be reached by keyboard")

    reader.go("/sign-in")
    tab_to(page.get_by_label("E-mail address"))
    page.keyboard.type(ROBIN)
    press("Tab")
    page.keyboard.type(PASSWORD)
    press("Enter")
    page.wait_for_url("**/code")
    tab_to(page.get_by_label("Access code"))
    page.keyboard.type(reader.codes[SCHOOL])
    press("Enter")
    page.wait_for_url("**/agreement")
    tab_to(page.get_by_label("I agree"))
    press("Space")
    tab_to(page.get_by_role("button", name="Agree and continue"))
    press("Enter")
    page.wait_for_url("**/scores")

    arrow = page.locator("td.arrow button").first
    tab_to(arrow)
    assert arrow.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
    press("Enter")
    expect(page.get_by_text("C-R-000")).to_be_visible()
    press("Space")
    expect(page.get_by_text("C-R-000")).to_be_hidden()

    page.reload()
    tab_to(page.get_by_label("Academic year"))
    press("ArrowDown")
    press("Tab")
    press("Enter")
    page.wait_for_url("**/2025-26/scores")
    tab_to(page.get_by_label("Organization"))
    press("ArrowDown")
    press("Tab")
    press("Enter")
    page.wait_for_url(f"**/{OTHER}/code")
    page.go_back()
    tab_to(page.get_by_role("button", name="Export Score Data (CSV)"))
    with page.expect_download():
        press("Enter")


STATES = {
    "sign-in": "/sign-in",
    "home": f"/organizations/{SCHOOL}",
    "scores": f"/organizations/{SCHOOL}/years/2026-27/scores",
    "expanded": f"/organizations/{SCHOOL}/years/2026-27/scores?open=all",
    "empty": f"/organizations/{EMPTY}/years/2026-27/scores",
    "no match": f"/organizations/{SCHOOL}/years/2026-27/scores?month=1999-01",
    "people": f"/organizations/{SCHOOL}/people",
    "help": f"/organizations/{SCHOOL}/help",
    "missing": f"/organizations/{SCHOOL}/years/2026-27/missing",
    "not ours": f"/organizations/{SCHOOL}/years/2026-27/scores/R-002/not-ours",
    "no code": "/no-code",
    "code": f"/organizations/{OTHER}/code",
    "not found": "/nowhere",
}


@with_script_only
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_fault_that_axe_finds_nor_runs_out_of_its_width(reader, width):
    page = reader.page
    reader.come_in()
    reader.come_in(EMPTY)
    page.set_viewport_size({"width": width, "height": 900})
    faults = {}
    for name, path in STATES.items():
        reader.go(path)
        faults[name] = found(page)
        if name == "missing":
            look_up(page, "Nobodyatall")
            faults["missing explained"] = found(page)
        if name == "code":
            page.get_by_label("Access code").fill("wrong")
            page.get_by_role("button", name="Continue").click()
            faults["code refused"] = found(page)
    assert {name: fault for name, fault in faults.items() if fault} == {}


def look_up(page, who: str) -> None:
    page.get_by_label("Registration number").fill(who)
    page.get_by_label("Test date").fill("2026-11-20")
    page.get_by_role("button", name="Look it up").click()


def test_a_missing_score_is_looked_up_and_found_or_explained(reader):
    page = reader.page
    reader.come_in()
    page.get_by_role("link", name="Look up why a score is missing").click()
    look_up(page, "Nobodyatall")
    expect(page.get_by_role("heading", name="No such score is in your list")).to_be_visible()
    expect(page.get_by_text("The student did not name your school")).to_be_visible()
    assert "Nobody" not in page.url
    look_up(page, "C-R-002")
    page.get_by_role("button", name="Show it in 2026–27").click()
    expect(page.get_by_text("1 score of 120 match")).to_be_visible()


def found(page) -> list[str]:
    """What axe finds, and whether the page is wider than the window."""
    results = Axe().run(page).response
    told = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in results["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return [*told, *(["wider than the window"] if wide else [])]
