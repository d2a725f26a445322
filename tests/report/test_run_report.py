"""The report of a run stands alone, says the verdict first, and stays small and legible."""

import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from distribution import advice
from distribution.report import charts, run_report
from distribution.report.content import ROWS_SHOWN, HeldRow, Listing, Step, Went
from distribution.report.needs import RETRYING
from tests.support.reports import FEED, NIGHT, full_night, quiet_night


class Page(HTMLParser):
    """The tags, headings and tables of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def test_the_page_needs_no_script_and_no_outside_host() -> None:
    page = Page(run_report.html(full_night()))
    assert page.count("script") == page.count("link") == page.count("img") == 0
    assert [attrs["href"] for tag, attrs in page.tags if tag == "a"] == ["run.json"]
    assert "url(" not in run_report.html(full_night())


def test_headings_go_down_without_a_gap_and_each_table_has_caption_and_column_heads() -> None:
    page = Page(run_report.html(full_night()))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert page.count("table") == page.count("caption") > 5
    assert all(attrs.get("scope") for tag, attrs in page.tags if tag == "th")


def test_each_id_is_there_once_and_each_section_is_named() -> None:
    page = Page(run_report.html(full_night()))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for tag, attrs in page.tags if tag == "section"} <= set(ids)


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"exit": 0}, "finished, every score is accounted for"),
        ({"exit": 3}, "finished, 57 scores not delivered yet"),
        ({"exit": 4}, "finished, 1 feed refused"),
        ({"exit": 5, "balanced": False}, "out of balance, sending is blocked"),
        ({"exit": None, "finished_at": None}, "not finished yet"),
    ],
)
def test_the_headline_says_how_the_run_ended(changes: dict[str, object], ending: str) -> None:
    content = replace(full_night(), **changes)
    assert run_report.verdict(content) == f"Run of Mon 23 Nov 2026: {ending}"
    assert f"<h1>Run of Mon 23 Nov 2026: {ending}</h1>" in run_report.html(content)


def test_a_night_with_nothing_new_says_so_in_full_sentences() -> None:
    page = run_report.html(quiet_night())
    assert "Run of Mon 23 Nov 2026: nothing new" in page
    assert "No new results came, so nothing was sent. Nothing needs a person." in page
    assert page.count('class="empty"') == 7


def test_a_run_out_of_balance_shows_each_fault() -> None:
    fault = "Received: the feeds declare 10 records, but new 9 = 9: a difference of +1."
    page = run_report.html(replace(quiet_night(), exit=5, balanced=False, faults=(fault,)))
    assert fault in page
    assert "× Out of balance" in page


def test_every_need_says_its_effect_and_the_next_step() -> None:
    page = run_report.html(full_night())
    assert "Northfield State University (4471): host-key" in page
    assert "1 file, 16 scores not sent." in page
    assert "12 scores held: unknown-recipient" in page
    assert "voucher_orders of 2026-11-22" in page
    assert advice.what_to_do("host-key").replace("'", "&#39;") in page
    assert full_night().needs[-1].level == RETRYING


def test_carried_forward_and_both_balances_are_shown() -> None:
    text = re.sub(r"<[^>]+>", " ", run_report.html(full_night()))
    for name, count in (
        ("open before", "23"),
        ("open now", "34"),
        ("wait now", "467"),
        ("deliveries owed", "88,214"),
    ):
        assert re.search(rf"{name}\s+{count}\b", text), name


def test_a_hundred_thousand_held_rows_leave_the_page_under_a_megabyte() -> None:
    rows = [HeldRow(FEED, line, "unknown-exam", "exam_code") for line in range(2, ROWS_SHOWN + 2)]
    page = run_report.html(replace(full_night(), held_rows=Listing.of(rows, total=100_000)))
    assert len(page.encode()) < 1_000_000
    assert "… and 99,800 more: <code>hold list</code>" in page
    assert page.count(FEED) < ROWS_SHOWN + 10


def test_texts_from_master_data_cannot_become_markup() -> None:
    held = replace(full_night().held_deliveries.rows[0], name="<script>alert(1)</script>")
    page = run_report.html(replace(full_night(), held_deliveries=Listing.of([held])))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_same_content_gives_the_same_page_and_the_same_facts() -> None:
    assert run_report.html(full_night()) == run_report.html(full_night())
    assert run_report.document(full_night()) == run_report.document(full_night())


def test_run_json_carries_the_document_and_what_needs_a_person() -> None:
    facts = json.loads(run_report.document(full_night()))
    assert facts["schema_version"] == 1
    assert facts["run"] == "N20261123-02"
    assert facts["unknown_attending"] == {"results": 31, "codes": 12}
    assert facts["held_rows"][0] == {
        "kind": "row",
        "reason": "unknown-exam",
        "count": 3,
        "since": NIGHT.isoformat(),
    }
    assert facts["needs_a_person"][0]["what_to_do"]


def test_one_failed_score_among_a_million_is_still_seen() -> None:
    segments = charts.stacked(Went(electronic=1_000_000, failed=1))
    assert [segment.name for segment in segments] == ["electronic", "failed"]
    assert segments[1].width > 1
    assert sum(segment.width for segment in segments) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize("name", [part.name for part in fields(Went)])
def test_only_channels_with_scores_are_drawn(name: str) -> None:
    assert [segment.name for segment in charts.stacked(Went(**{name: 7}))] == [name]
    assert charts.stacked(Went()) == ()


def test_steps_follow_one_another_on_an_axis_of_round_ticks() -> None:
    drawn = charts.timeline([Step("Route", 30.0, 100.0), Step("Send", 90.0, 300.0)])
    assert [bar.left for bar in drawn.bars] == [0.0, 25.0]
    assert [tick.label for tick in drawn.ticks] == [
        "0 s",
        "20 s",
        "40 s",
        "1 min",
        "1 min 20 s",
        "1 min 40 s",
        "2 min",
    ]
    assert drawn.peak_mb == 300.0


def test_a_run_without_a_step_has_an_empty_axis() -> None:
    assert charts.timeline([]).bars == ()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.44, "0.4 s"), (9.96, "10 s"), (38, "38 s"), (60, "1 min"), (411.3, "6 min 51 s"),
     (3600, "1 h"), (7500, "2 h 05 min")],
)  # fmt: skip
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert charts.duration(seconds) == words
