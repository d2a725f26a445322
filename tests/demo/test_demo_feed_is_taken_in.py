"""The line takes the demo feeds in: right rows are recorded, wrong ones held for the planted reason."""

from collections import Counter
from datetime import date

from distribution.demo.feed import DemoFeed, write_demo_feed
from distribution.jobs import ingest_feeds
from distribution.jobs.wiring import Line
from distribution.model import FeedKind, FeedState, RowHoldReason

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
ROWS = 1200


def holds_of(line: Line, feed: DemoFeed) -> dict[int, str]:
    """Reason by line of the results feed's held rows."""
    with line.connect() as conn:
        rows = conn.execute(
            """
            SELECT hold.line, hold.reason
            FROM ledger.hold JOIN ledger.feed USING (feed_id)
            WHERE hold.kind = 'row' AND feed.file_name = %s
            """,
            [feed.path(FeedKind.RESULTS).name],
        ).fetchall()
    return dict(rows)


def take_in(line: Line, day: date) -> tuple[DemoFeed, dict[str, ingest_feeds.FeedOutcome]]:
    feed = write_demo_feed(line.settings.inbox, rows=ROWS, seed=1, day=day)
    outcome = ingest_feeds.ingest_inbox(line)
    return feed, {one.feed: one for one in outcome.feeds}


def test_two_days_of_the_demo_are_recorded_and_only_the_planted_rows_are_held(line):
    first, monday = take_in(line, MONDAY)
    second, tuesday = take_in(line, TUESDAY)
    for feed, outcome in ((first, monday), (second, tuesday)):
        results = outcome[FeedKind.RESULTS]
        assert results.state == FeedState.RECORDED
        assert results.records == ROWS
        assert results.records == results.new + results.corrected + results.duplicate + results.held
        assert holds_of(line, feed) == {one.line: one.reason for one in feed.planted}
        assert results.held == len(feed.planted)
        assert results.duplicate > 0
    assert tuesday[FeedKind.RESULTS].corrected > len(second.corrected_earlier) > 0


def test_of_the_other_feeds_only_what_is_planted_is_held(line):
    _, outcome = take_in(line, MONDAY)
    held = {kind: one.held for kind, one in outcome.items() if kind != FeedKind.RESULTS}
    assert held == {
        FeedKind.INSTITUTIONS: 0,
        FeedKind.CONTACTS: 1,
        FeedKind.VOUCHER_ORDERS: 0,
        FeedKind.TRANSCRIPT_REQUESTS: 1,
    }
    with line.connect() as conn:
        reasons = Counter(
            reason
            for (reason,) in conn.execute("SELECT reason FROM ledger.hold WHERE feed_kind <> 'results'")
        )
    assert reasons == {RowHoldReason.UNKNOWN_ORGANIZATION: 1, RowHoldReason.UNKNOWN_CANDIDATE: 1}


def test_the_same_feed_again_is_a_duplicate(line):
    take_in(line, MONDAY)
    _, again = take_in(line, MONDAY)
    assert {one.state for one in again.values()} == {FeedState.DUPLICATE}
