"""Institutions: versions from a day on, nothing deleted, the one in force on a day found."""

from datetime import date

from distribution.jobs.ingest_feeds import ingest_inbox
from distribution.ledger import institutions
from distribution.model import PostalAddress
from tests.support.feeds import institution_row, school_row, write_feed


def take_in(line, *rows, number):
    write_feed(line.settings.inbox, "institutions", rows, number=number)
    (feed,) = ingest_inbox(line).feeds
    return feed.new, feed.corrected, feed.duplicate, feed.held


def name_on(line, day, code="4471"):
    with line.connect() as conn:
        frame = institutions.in_force(conn, day)
    return frame.set_index("code")["name"].get(code)


def test_changes_make_versions_and_the_same_day_again_replaces_one(line):
    later = institution_row(name="Later", valid_from="2026-12-01")

    assert take_in(line, institution_row(), institution_row(), number=1) == (1, 0, 1, 0)
    assert take_in(line, later, school_row(), number=2) == (1, 1, 0, 0)
    assert take_in(line, institution_row(name="Mended"), number=3) == (0, 1, 0, 0)
    assert take_in(line, institution_row(name="Mended"), school_row(), number=4) == (0, 0, 2, 0)

    assert name_on(line, date(2019, 12, 31)) is None
    assert name_on(line, date(2026, 11, 30)) == "Mended"
    assert name_on(line, date(2026, 12, 1)) == "Later"
    with line.connect() as conn:
        versions = conn.execute("SELECT count(*) FROM ledger.institution_version WHERE code = '4471'")
        assert versions.fetchone() == (3,)


def test_addresses_are_those_in_force(line):
    moved = institution_row(address_1="2 New Road", valid_from="2026-12-01")
    take_in(line, institution_row(), number=1)
    take_in(line, moved, number=2)

    with line.connect() as conn:
        found = institutions.addresses(conn, date(2026, 11, 30), ["4471", "9999"])
        later = institutions.addresses(conn, date(2026, 12, 2), ["4471"])

    assert found == {
        "4471": PostalAddress(
            name="Example State College",
            attention="Registrar",
            address_1="1 College Road",
            city="Springfield",
            state="IL",
            postal_code="62701",
        )
    }
    assert later["4471"].address_1 == "2 New Road"


def test_a_successor_chain_that_an_earlier_feed_began_may_not_be_closed(line):
    take_in(line, institution_row(), institution_row(code="4480", successor_code="4471"), number=1)

    assert take_in(line, institution_row(successor_code="4480"), number=2) == (0, 0, 0, 1)
    both = [institution_row(successor_code="4480"), institution_row(code="4480")]
    assert take_in(line, *both, number=3) == (0, 2, 0, 0)
