"""What a coordinator is told on coming back: new scores, corrections, cancellations, what an export lacks."""

from datetime import date

import pytest
from playwright.sync_api import expect

from distribution.jobs.stage_scores import stage_scores
from tests.browser.conftest import SCHOOL, owe
from tests.browser.test_coordinators_way import downloaded


def stage(line, run: str, *rows: tuple[str, dict]) -> None:
    with line.connect() as conn:
        for result_id, given in rows:
            owe(conn, result_id, SCHOOL, **given)
    stage_scores(line, run_id=run, on=date(2026, 11, 24))


@pytest.fixture
def back_again(reader, line):
    """Exported and left; then one new score, one corrected, and a corrected one cancelled."""
    reader.come_in()
    downloaded(reader, "Export Score Data (CSV)")
    with line.connect() as conn:
        newest = conn.execute("SELECT max(staged_at) FROM portal.staged_score").fetchone()[0]
        conn.execute("UPDATE ledger.portal_visit SET last_at = %s", [newest])
        conn.execute("UPDATE ledger.portal_export SET exported_at = %s", [newest])
    reader.corrected = "R-002" if reader.has_script else "R-003"
    stage(
        line,
        f"N20261124-{reader.corrected}",
        (f"R-NEW-{reader.corrected}", {"last_name": "Aaronson"}),
        (reader.corrected, {"revision": 2, "last_name": "Brandt", "scaled_score": 61}),
    )
    reader.page.get_by_role("button", name="Sign out", exact=True).click()
    reader.come_in()
    return reader


def test_the_page_says_what_is_new_what_was_corrected_and_what_the_export_lacks(back_again, line):
    page, result = back_again.page, back_again.corrected
    expect(page.get_by_text("1 new score since your last visit on")).to_be_visible()
    expect(page.get_by_text("1 score was added and 1 was changed after your last export.")).to_be_visible()
    new = page.locator(".tag.new")
    expect(new).to_have_count(1)
    corrected = page.locator("tbody", has=page.locator(f"button[value='{result}']"))
    back_again.go(f"/organizations/{SCHOOL}/years/2026-27/scores?all=1")
    expect(corrected.locator(".was")).to_contain_text("was ")
    page.get_by_role("link", name="Show only new scores").click()
    expect(page.get_by_text("1 score of ")).to_be_visible()
    back_again.go(f"/organizations/{SCHOOL}")
    expect(page.get_by_text("1 score is new")).to_be_visible()
    expect(page.get_by_text("1 score was added and 1 was changed after your last export.")).to_be_visible()
    cancelled = {"revision": 3, "status": "cancelled", "last_name": "Brandt"}
    stage(line, f"N20261125-{result}", (result, cancelled))
    back_again.go(f"/organizations/{SCHOOL}/years/2026-27/scores?all=1&open={result}")
    expect(corrected.locator(".tag.bad")).to_have_text("Cancelled")
    expect(corrected).not_to_contain_text("was ")
    for score in ("55", "61"):
        expect(corrected).not_to_contain_text(score)
