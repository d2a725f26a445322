"""What cannot stand in the table's place is opened as a page: a sign-in, a code, an error."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, ROBIN, SCHOOL

ACTS = {
    "the next page": lambda page: page.get_by_role("link", name="Next page").click(),
    "a filter": lambda page: page.get_by_role("button", name="Apply").click(),
}
acts = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())


def change(line, statement: str) -> None:
    with line.connect() as conn:
        conn.execute("SET ROLE distribution_owner")
        conn.execute(statement)


@acts
def test_after_the_session_has_ended_the_sign_in_page_is_shown_whole(reader, line, act):
    reader.come_in()
    page = reader.page
    change(line, "TRUNCATE ledger.portal_session")
    act(page)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("heading", name="Scores, 2026–27")).to_be_hidden()
    assert "/sign-in" in page.url
    page.get_by_label("E-mail address").fill(ROBIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="People and access")).to_be_visible()


@acts
def test_when_the_years_code_is_due_its_page_is_shown_whole(reader, line, act):
    reader.come_in()
    page = reader.page
    change(line, "TRUNCATE portal.redemption, portal.agreement")
    act(page)
    expect(page.get_by_role("heading", name="Enter access code")).to_be_visible()
    assert page.url.endswith(f"/organizations/{SCHOOL}/code")


@acts
def test_an_error_is_shown_as_a_page(reader, line, act):
    reader.come_in()
    page = reader.page
    change(line, "REVOKE INSERT ON ledger.disclosure FROM distribution_portal")
    try:
        act(page)
        expect(page.get_by_role("heading", name="Something went wrong")).to_be_visible()
    finally:
        change(line, "GRANT INSERT ON ledger.disclosure TO distribution_portal")
    reader.go(f"/organizations/{SCHOOL}/years/2026-27/scores")
    expect(page.locator("tbody")).to_have_count(50)


@pytest.mark.parametrize("reader", [True], indirect=True, ids=["with script"])
def test_a_form_that_is_out_of_date_leads_back_to_the_scores(reader):
    reader.come_in()
    page = reader.page
    token = page.locator("#scores form.filters input[name=form_token]")
    token.evaluate("each => { each.value = '00' }")
    with page.expect_navigation():
        page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="Scores, 2026–27")).to_be_visible()
    expect(page.locator("tbody")).to_have_count(50)
