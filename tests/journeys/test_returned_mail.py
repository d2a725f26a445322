"""Mail that came back: booked, no more to that address until it is stated anew; always in balance."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from distribution.jobs import batch_life, close_books, distribute_scores, reconcile_deliveries
from distribution.jobs.wiring import Line
from distribution.ledger import batches, invariants
from distribution.model import FeedKind
from tests.support.feeds import institution_row, result_row, write_feed

MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
THURSDAY, FRIDAY, LATER = date(2026, 11, 26), date(2026, 11, 27), date(2026, 11, 30)
FIRST = result_row()
OTHER = result_row(result_id="R-0002", candidate_id="C-0002", recipient_1="4472")
MOVED = institution_row(address_1="2 New Street", valid_from="2026-11-20")
COLLEGES = [institution_row(), institution_row(code="4472", name="Second College", postal_code="62702")]


class Mailroom:
    """Nights of one line and the mailroom's days between them; the books must balance after each step."""

    def __init__(self, line: Line):
        self.line = line

    def night(self, day: date, **feeds: list[dict[str, str]]) -> dict[str, Any]:
        for kind in FeedKind:
            if kind in feeds:
                write_feed(self.line.settings.inbox, kind, feeds[kind], day=day)
        document = distribute_scores.run_nightly(self.line, on=day)
        assert document["balanced"], document["faults"]
        self.balanced()
        return document

    def mail(self, batch_id: str) -> None:
        with self.line.connect() as conn:
            batch = batches.read(conn, batch_id)
        batch_life.printed(self.line, batch_id, sheets=batch.sheets)
        batch_life.inserted(self.line, batch_id, pieces=batch.pieces)
        batch_life.mailed(self.line, batch_id, pieces=batch.pieces)
        self.balanced()

    def on(self, day: date) -> "Mailroom":
        """The same line, at noon of another day."""
        at = datetime(day.year, day.month, day.day, 17, 0, tzinfo=UTC)
        return Mailroom(replace(self.line, now=lambda: at))

    def returned(self, *words: str) -> None:
        batch_life.returned(self.line, words)
        self.balanced()

    def balanced(self) -> close_books.Books:
        books = close_books.balances(self.line, on=MONDAY)
        assert not books.faults
        with self.line.connect() as conn:
            assert [each.invariant.name for each in invariants.findings(conn) if each.broken] == []
        return books

    def deliveries(self, recipient: str = "4471") -> list[tuple]:
        """(revision, action, state, reason, batch) of a recipient's deliveries, by id."""
        with self.line.connect() as conn:
            return conn.execute(
                "SELECT revision, action, state, coalesce(state_reason, ''), coalesce(batch_id, '')"
                " FROM ledger.delivery WHERE recipient = %s ORDER BY delivery_id",
                [recipient],
            ).fetchall()


@pytest.fixture
def mailroom(line: Line) -> Mailroom:
    """A line whose first batch was mailed, and the piece for 4471 came back."""
    room = Mailroom(line)
    room.night(MONDAY, institutions=COLLEGES, results=[FIRST, OTHER])
    room.mail("PB-20261123-A")
    room.returned("PB-20261123-A", "0001")
    return room


def test_what_came_back_is_printed_anew_once_the_address_changed(mailroom):
    assert mailroom.deliveries() == [(1, "N", "returned", "", "PB-20261123-A")]
    assert mailroom.night(TUESDAY)["batches"] == [], "the address is still the old one"
    document = mailroom.night(WEDNESDAY, institutions=[MOVED])
    assert (document["batches"], document["deliveries"]["paper"]) == (["PB-20261125-A"], 1)
    assert mailroom.deliveries() == [(1, "N", "claimed", "", "PB-20261125-A")]
    mailroom.mail("PB-20261125-A")
    assert mailroom.balanced().owed.delivered == 2
    assert mailroom.deliveries("4472") == [(1, "N", "delivered", "", "PB-20261123-A")]


def test_a_second_piece_is_a_second_disclosure_at_the_new_address(mailroom):
    mailroom.night(WEDNESDAY, institutions=[MOVED])
    with mailroom.line.connect() as conn:
        disclosed = conn.execute(
            "SELECT artefact FROM ledger.disclosure WHERE result_id = 'R-0001' ORDER BY disclosure_id"
        ).fetchall()
        (again,) = batches.pieces_of(conn, "PB-20261125-A")
        (first, _) = batches.pieces_of(conn, "PB-20261123-A")
    assert disclosed == [("PB-20261123-A",), ("PB-20261125-A",)]
    assert (first.state, first.address.address_1) == ("returned", "1 College Road")
    assert again.address.address_1 == "2 New Street"


def test_until_then_it_needs_a_person_and_nothing_more_goes_there(mailroom):
    more = result_row(result_id="R-0003", candidate_id="C-0003")
    document = mailroom.night(TUESDAY, results=[more])
    assert (document["batches"], document["deliveries"]["held"]) == ([], 1)
    assert mailroom.deliveries()[1][2:4] == ("held", "no-address")
    needs = reconcile_deliveries.reconcile(mailroom.line, on=TUESDAY)["needs_a_person"]
    named = {need["what"]: need["what_to_do"] for need in needs}
    assert "postal address" in named["Mail came back from Example State College (4471)"]
    mailroom.night(WEDNESDAY, institutions=[MOVED])
    assert [row[2] for row in mailroom.deliveries()] == ["claimed", "claimed"]


def test_other_news_of_an_institution_is_no_new_address(mailroom):
    mailroom.night(WEDNESDAY, institutions=[institution_row(time_zone="America/New_York")])
    assert mailroom.deliveries() == [(1, "N", "returned", "", "PB-20261123-A")]


def test_an_institution_that_moves_back_gets_its_mail_there_again(mailroom):
    mailroom.night(TUESDAY, institutions=[MOVED | {"valid_from": "2026-11-24"}])
    mailroom.mail("PB-20261124-A")
    back = institution_row(valid_from="2026-11-26")
    more = result_row(result_id="R-0003", candidate_id="C-0003")
    document = mailroom.night(THURSDAY, institutions=[back], results=[more])
    assert (document["batches"], document["deliveries"]["held"]) == (["PB-20261126-A"], 0)


def test_the_same_address_stated_again_after_the_return_is_used_again(mailroom):
    more = result_row(result_id="R-0003", candidate_id="C-0003")
    mailroom.night(TUESDAY, results=[more])
    assert [row[2] for row in mailroom.deliveries()] == ["returned", "held"]
    mailroom.night(WEDNESDAY, institutions=[institution_row(valid_from="2026-11-24")])
    assert mailroom.deliveries() == [
        (1, "N", "claimed", "", "PB-20261125-A"),
        (1, "N", "claimed", "", "PB-20261125-A"),
    ]


def test_an_address_stated_on_the_day_of_the_return_is_not_trusted_yet(mailroom):
    mailroom.night(WEDNESDAY, institutions=[institution_row(valid_from="2026-11-23")])
    assert [row[2] for row in mailroom.deliveries()] == ["returned"], "it may have been sent before"


def test_an_address_that_was_confirmed_and_fails_again_waits_anew(mailroom):
    mailroom.night(TUESDAY, institutions=[institution_row(valid_from="2026-11-24")])
    mailroom.mail("PB-20261124-A")
    mailroom.on(WEDNESDAY).returned("PB-20261124-A 0001")
    assert mailroom.night(FRIDAY)["batches"] == []
    assert mailroom.night(LATER, institutions=[institution_row(valid_from="2026-11-30")])["batches"]


def test_an_envelope_that_went_out_again_lifts_what_waited_for_the_address(mailroom):
    mailroom.night(TUESDAY, results=[result_row(result_id="R-0003", candidate_id="C-0003")])
    batch_life.mailed_again(mailroom.line, ["PB-20261123-A 0001"])
    mailroom.balanced()
    mailroom.night(WEDNESDAY)
    assert [row[2] for row in mailroom.deliveries()] == ["delivered", "claimed"]


def test_a_correction_of_what_came_back_goes_as_new_and_the_old_one_never(mailroom):
    corrected = FIRST | {"revision": "2", "scaled_score": "61"}
    mailroom.night(TUESDAY, results=[corrected])
    assert [row[:3] for row in mailroom.deliveries()] == [(1, "N", "returned"), (2, "C", "held")]
    mailroom.night(WEDNESDAY, institutions=[MOVED])
    assert mailroom.deliveries() == [
        (1, "N", "withdrawn", "superseded", ""),
        (2, "N", "claimed", "", "PB-20261125-A"),
    ]


def test_a_cancellation_of_what_came_back_tells_nobody(mailroom):
    mailroom.night(TUESDAY, results=[FIRST | {"revision": "2", "status": "cancelled", "scaled_score": ""}])
    mailroom.night(WEDNESDAY, institutions=[MOVED])
    assert [row[2:4] for row in mailroom.deliveries()] == [
        ("withdrawn", "cancelled"),
        ("withdrawn", "cancelled"),
    ]


def test_a_successor_gets_what_came_back(mailroom):
    closed = institution_row(status="closed", successor_code="4472", valid_from="2026-11-20")
    document = mailroom.night(WEDNESDAY, institutions=[closed])
    assert document["batches"] == ["PB-20261125-A"]
    assert mailroom.deliveries() == []
    assert mailroom.deliveries("4472")[0][2:] == ("claimed", "", "PB-20261125-A")


def test_an_institution_that_went_electronic_waits_for_its_endpoint(mailroom):
    mailroom.night(
        WEDNESDAY, institutions=[institution_row(delivery_method="electronic", valid_from="2026-11-20")]
    )
    assert mailroom.deliveries() == [(1, "N", "held", "no-endpoint", "")]


def test_it_may_come_back_a_second_time(mailroom):
    mailroom.night(TUESDAY, institutions=[MOVED])
    mailroom.mail("PB-20261124-A")
    mailroom.returned("PB-20261124-A 0001")
    assert mailroom.night(WEDNESDAY)["batches"] == []
    mailroom.night(date(2026, 11, 27), institutions=[MOVED | {"address_1": "3 Last Street"}])
    assert mailroom.deliveries() == [(1, "N", "claimed", "", "PB-20261127-A")]


def test_what_comes_back_after_its_correction_arrived_is_not_sent_again(line):
    room = Mailroom(line)
    room.night(MONDAY, institutions=COLLEGES, results=[FIRST])
    room.mail("PB-20261123-A")
    room.night(TUESDAY, results=[FIRST | {"revision": "2", "scaled_score": "61"}])
    room.mail("PB-20261124-A")
    room.returned("PB-20261123-A 1")
    assert room.night(WEDNESDAY, institutions=[MOVED])["batches"] == []
    assert [row[:4] for row in room.deliveries()] == [
        (1, "N", "withdrawn", "superseded"),
        (2, "C", "delivered", ""),
    ]
