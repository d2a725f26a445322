"""Contacts: each feed is the full picture of the organisations that it names."""

from datetime import date, timedelta

import pytest

from distribution.jobs.ingest_feeds import ingest_inbox
from distribution.ledger import contacts
from tests.support.feeds import DAY, contact_row, institution_row, write_feed


@pytest.fixture(autouse=True)
def organizations(line):
    rows = [institution_row(), institution_row(code="4480")]
    write_feed(line.settings.inbox, "institutions", rows)
    ingest_inbox(line)


def take_in(line, *rows, number=1, day=DAY):
    write_feed(line.settings.inbox, "contacts", rows, number=number, day=day)
    (feed,) = ingest_inbox(line).feeds
    return feed.new, feed.corrected, feed.duplicate, feed.held


def in_force(line, on):
    with line.connect() as conn:
        frame = contacts.in_force(conn, on)
    return list(zip(frame["organization_code"], frame["role"], frame["email"], strict=True))


def test_who_is_no_longer_in_the_feed_ends_the_day_before(line):
    other = contact_row(organization_code="4480")
    take_in(line, contact_row(), contact_row(role="billing", email="money@example.org"), other)

    assert take_in(line, contact_row(), number=2, day=DAY + timedelta(5)) == (0, 0, 1, 0)
    assert len(in_force(line, DAY + timedelta(4))) == 3
    assert in_force(line, DAY + timedelta(5)) == [
        ("4471", "primary", "pat@example.org"),
        ("4480", "primary", "pat@example.org"),
    ]


def test_a_changed_contact_takes_the_place_of_the_former(line):
    take_in(line, contact_row())
    renamed = contact_row(name="Pat Married")

    assert take_in(line, renamed, renamed, number=2) == (0, 1, 1, 0)
    with line.connect() as conn:
        assert contacts.in_force(conn, DAY)["name"].tolist() == ["Pat Married"]


def test_a_role_whose_row_is_held_keeps_the_contact_on_file(line):
    take_in(line, contact_row())

    assert take_in(line, contact_row(email="pat@@example.org"), number=2) == (0, 0, 0, 1)
    assert in_force(line, DAY) == [("4471", "primary", "pat@example.org")]
    assert take_in(line, contact_row(email="new@example.org"), number=3) == (1, 0, 0, 0)
    assert in_force(line, DAY) == [("4471", "primary", "new@example.org")]
    with line.connect() as conn:
        assert conn.execute("SELECT state FROM ledger.hold").fetchall() == [("corrected",)]


def test_of_several_coordinators_the_latest_is_the_one(line):
    rows = [
        contact_row(role="coordinator", email=f"{day}@example.org", valid_from=f"2026-0{day}-01")
        for day in (1, 3, 2)
    ]
    ended = contact_row(
        role="coordinator", email="4@example.org", valid_from="2026-04-01", valid_to="2026-05-01"
    )
    take_in(line, *rows, ended)

    assert in_force(line, DAY) == [("4471", "coordinator", "3@example.org")]
    assert in_force(line, date(2026, 5, 1)) == [("4471", "coordinator", "4@example.org")]
