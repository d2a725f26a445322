"""Feeds are refused, recognised or recorded whole, and put away; whatever stops a run, nothing happens twice."""

import json

import pytest

from distribution.jobs.ingest_feeds import check_file, gaps, ingest_files, ingest_inbox
from distribution.model import FeedState
from tests.support.feeds import (
    contact_row,
    institution_row,
    order_row,
    result_row,
    school_row,
    transcript_row,
    write_feed,
)


def test_a_whole_inbox_is_taken_in_the_nights_order(line):
    inbox = line.settings.inbox
    write_feed(inbox, "transcript_requests", [transcript_row()])
    write_feed(inbox, "results", [result_row(funding="voucher", voucher_order_id="V-0001")])
    write_feed(inbox, "voucher_orders", [order_row()])
    write_feed(inbox, "contacts", [contact_row()])
    write_feed(inbox, "institutions", [institution_row(), school_row()])

    outcome = ingest_inbox(line)

    assert [feed.feed for feed in outcome.feeds] == [
        "institutions", "contacts", "voucher_orders", "results", "transcript_requests",
    ]  # fmt: skip
    assert [feed.new for feed in outcome.feeds] == [2, 1, 1, 1, 1]
    assert all(feed.state is FeedState.RECORDED for feed in outcome.feeds)
    assert len(list((inbox / "processed" / "2026-11-23").iterdir())) == 10
