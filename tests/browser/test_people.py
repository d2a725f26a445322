"""The alternate, named and removed in a real browser, with script and without; what axe says of it."""

from playwright.sync_api import expect

from distribution.jobs import portal_access
from tests.browser.conftest import SCHOOL
from tests.browser.test_coordinators_way import found

PEOPLE = f"/organizations/{SCHOOL}/people"


def test_the_alternate_is_named_and_removed_and_the_page_tells_so(reader, line):
    page = reader.page
    reader.come_in()
    portal_access.request_code(
        line, person_id=None, name="Pat Doe", email="pat@example.org", role="Teacher", school_code=SCHOOL,
        message="", at=line.now(),
    )  # fmt: skip
    reader.go(PEOPLE)
    page.get_by_label("Name", exact=True).fill("Sam Poe")
    page.get_by_label("E-mail address at work").fill("sam@example.org")
    page.get_by_role("button", name="Name as alternate").click()
    expect(page.get_by_role("cell", name="sam@example.org")).to_be_visible()
    expect(page.get_by_text("Pat Doe, Teacher").first).to_be_visible()
    faults = {"named": faults_of(reader)}

    page.get_by_role("button", name="Remove Sam Poe").click()
    expect(page.get_by_role("status")).to_contain_text("Sam Poe is no longer the alternate")
    expect(page.get_by_role("cell", name="sam@example.org")).to_have_count(0)
    expect(page.get_by_text("removed by the coordinator").first).to_be_visible()
    faults["removed"] = faults_of(reader)
    assert {state: fault for state, fault in faults.items() if fault} == {}


def faults_of(reader) -> list[str]:
    """What axe finds on a wide and on a narrow page; axe itself is a script."""
    if not reader.has_script:
        return []
    faults = []
    for width in (390, 1280):
        reader.page.set_viewport_size({"width": width, "height": 900})
        faults += found(reader.page)
    return faults
