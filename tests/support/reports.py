"""A night's report content: one that has everything in it, and one in which nothing happened."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from distribution.report import needs
from distribution.report.balance import HeldCarried, Owed, Received, WaitingCarried
from distribution.report.content import (
    Batch,
    Feed,
    FeedGap,
    File,
    HeldDeliveries,
    HeldReason,
    HeldRow,
    Listing,
    OpenFile,
    ReportContent,
    Step,
    WaitingDeliveries,
    Went,
)

NIGHT = date(2026, 11, 23)
NEW_YORK = ZoneInfo("America/New_York")
FEED = "results-20261122-001.csv"


def quiet_night() -> ReportContent:
    """A finished run in which nothing came and nothing was due."""
    return ReportContent(
        run="N20261123-02",
        on=NIGHT,
        only="",
        started_at=datetime(2026, 11, 23, 22, 30, 1, tzinfo=NEW_YORK),
        finished_at=datetime(2026, 11, 23, 22, 30, 4, tzinfo=NEW_YORK),
        exit=0,
        balanced=True,
        faults=(),
        received=Received(0, 0, 0, 0, 0),
        owed=Owed(6243, 6243, 0, 0, 0, 0, 0),
        held=HeldCarried(0, 0, 0, 0, 0),
        waiting=WaitingCarried(0, 0, 0, 0, 0),
        went=Went(),
        schools=0,
        unknown_attending_results=0,
        unknown_attending_codes=0,
        steps=(
            Step("Read and record feeds", 0.1, 212.0),
            Step("Route", 0.4, 230.0),
            Step("Mail notices", 0.3, 240.0),
        ),
        needs=(),
        feeds=Listing(),
        feed_gaps=(),
        held_rows=Listing(),
        held_row_reasons=(),
        held_deliveries=Listing(),
        open_files=Listing(),
        waiting_deliveries=Listing(),
        batches=Listing(),
        files=Listing(),
        document={"schema_version": 1, "run": "N20261123-02", "balanced": True, "exit": 0},
    )


def full_night() -> ReportContent:
    """The contract's example night: held rows, failed files, a refused feed, batches that stand too long."""
    open_files = (
        OpenFile(
            "CLEP_4471_20261123_000231.txt",
            "4471",
            "Northfield State University",
            16,
            "failed",
            "host-key",
            NIGHT,
        ),
        OpenFile(
            "CLEP_2210_20261123_000198.txt",
            "2210",
            "Lakeshore Community College",
            27,
            "failed",
            "timed-out",
            NIGHT,
        ),
        OpenFile(
            "CLEP_3187_20261123_000107.csv", "3187", "Pine Valley College", 14, "failed", "timed-out", NIGHT
        ),
    )
    held = (
        HeldDeliveries("9981", "", "unknown-recipient", 12, date(2026, 11, 18)),
        HeldDeliveries("5120", "Saint Brendan College", "recipient-closed", 4, date(2026, 11, 20)),
        HeldDeliveries("6044", "Harbor Technical Institute", "no-endpoint", 2, NIGHT),
    )
    rows = (
        HeldRow(FEED, 3004, "date-in-future", "test_date"),
        HeldRow(FEED, 3005, "date-in-future", "test_date"),
        HeldRow(FEED, 118, "unknown-exam", "exam_code"),
        HeldRow(FEED, 119, "unknown-exam", "exam_code"),
        HeldRow("results-20261122-002.csv", 1960, "unknown-exam", "exam_code"),
    )
    reasons = (HeldReason("row", "unknown-exam", 3, NIGHT), HeldReason("row", "date-in-future", 2, NIGHT))
    feeds = (
        Feed("contacts-20261122-001.csv", "contacts", "refused", "columns", 0, 0, 0, 0, 0),
        Feed("institutions-20261122-001.csv", "institutions", "recorded", "", 150, 3, 2, 145, 0),
        Feed(FEED, "results", "recorded", "", 2800, 2752, 38, 8, 2),
        Feed("results-20261122-002.csv", "results", "recorded", "", 2012, 1979, 24, 6, 3),
    )
    gaps = (FeedGap("voucher_orders", date(2026, 11, 22), (2,)),)
    batches = tuple(
        Batch(f"PB-20261123-{letter}", stock, pieces, sheets, scores, "ready", NIGHT)
        for letter, stock, pieces, sheets, scores in (
            ("A", "no10-window", 398, 398, 398),
            ("B", "no10-window", 61, 183, 122),
            ("C", "flat-9x12", 27, 744, 717),
        )
    )
    waiting = (
        WaitingDeliveries("7003", "Westbrook University", "electronic", "pending", "", 8, date(2026, 11, 19)),
        WaitingDeliveries("8815", "Cedar Falls College", "paper", "returned", "", 1, date(2026, 11, 16)),
    )
    files = (
        File("CLEP_1010_20261123_000412.txt", "1010", "Ashford University", "NEW", 212, 61_904, "delivered"),
        File("CLEP_1204_20261123_000077.csv", "1204", "Bay State College", "NEW", 41, 6_120, "acknowledged"),
        File(
            "CLEP_4471_20261123_000231.txt", "4471", "Northfield State University", "NEW", 16, 4_890, "failed"
        ),
    )
    found = needs.ordered(
        [
            *needs.of_feeds(feeds, gaps, NIGHT),
            *needs.of_files(open_files, NIGHT),
            *needs.of_holds(reasons, held, NIGHT),
            *needs.of_paper(batches, waiting, NIGHT),
        ]
    )
    return replace(
        quiet_night(),
        run="N20261123-01",
        started_at=datetime(2026, 11, 23, 22, 0, 3, tzinfo=NEW_YORK),
        finished_at=datetime(2026, 11, 23, 22, 11, 5, tzinfo=NEW_YORK),
        exit=4,
        received=Received(4812, 4731, 62, 14, 5),
        owed=Owed(88_214, 81_060, 5_420, 1, 467, 34, 1_232),
        held=HeldCarried(23, 18, 6, 1, 34),
        waiting=WaitingCarried(410, 6243, 6186, 0, 467),
        went=Went(paper=1237, electronic=4118, portal=831, held=18, failed=57, waiting=8),
        schools=143,
        unknown_attending_results=31,
        unknown_attending_codes=12,
        steps=(
            Step("Read and record feeds", 99.2, 412.0),
            Step("Route", 22.4, 530.1),
            Step("Print batches", 196.0, 388.0),
            Step("Write score files", 74.1, 301.5),
            Step("Send score files", 411.3, 264.2),
            Step("Stage for schools", 31.0, 250.0),
            Step("Mail notices", 9.4, 240.0),
        ),
        needs=found,
        feeds=Listing.of(feeds),
        feed_gaps=gaps,
        held_rows=Listing.of(rows),
        held_row_reasons=reasons,
        held_deliveries=Listing.of(held),
        open_files=Listing.of(open_files),
        waiting_deliveries=Listing.of(waiting),
        batches=Listing.of(batches),
        files=Listing.of(files, total=212),
    )
