"""The schema comes up whole, a second start changes nothing, an older ledger is carried over."""

import secrets
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from distribution.ledger import connection, imb_serials, upgrade
from tests.support import records


@pytest.fixture
def first_url(cluster_url: str) -> str:
    """A database at the first schema."""
    url = urlunsplit(urlsplit(cluster_url)._replace(path=f"/first_schema_{secrets.token_hex(4)}"))
    upgrade.make_database(url)
    with psycopg.connect(url, autocommit=True) as conn:
        upgrade.make_roles(conn)
    upgrade._migrate(url, to="0001")
    return url


def test_a_fresh_database_is_current_and_a_second_upgrade_does_nothing(url):
    assert upgrade.is_current(url)
    upgrade.upgrade(url)
    assert upgrade.is_current(url)


@pytest.mark.parametrize("given", [0, 3])
def test_serial_numbers_of_barcodes_go_on_where_the_first_ledger_stopped(first_url, given):
    with connection.connect(first_url, role=connection.Role.OWNER) as conn:
        conn.execute("SELECT nextval('ledger.imb_serial') FROM generate_series(1, %s)", [given])
    upgrade.upgrade(first_url)
    with connection.connect(first_url) as conn:
        assert imb_serials.take(conn, 2) == [given + 1, given + 2]


def test_each_role_speaks_in_its_own_name(url):
    for role in connection.Role:
        with connection.connect(url, role=role) as conn:
            assert conn.execute("SELECT current_user").fetchone() == (role.value,)


def test_alternates_named_in_an_older_ledger_stand_beside_the_contacts_that_were_on_file(first_url):
    """Forced row security hides the rows from their owner: a change that forgets it changes nothing."""
    with connection.connect(first_url) as conn:
        records.contact(conn, "100001", "alternate")
        for role in ("alternate", "coordinator"):
            conn.execute(
                """
                INSERT INTO portal.named_contact (organization_code, role, name, email, valid_from, named_at,
                                                  named_by)
                VALUES ('100001', %s, 'Sam', 'sam@example.org', '2027-09-15', now() + interval '1 hour',
                        'person:1')
                """,
                [role],
            )
    upgrade.upgrade(first_url)
    assert upgrade.is_current(first_url)
    with connection.connect(first_url) as conn:
        beside = conn.execute(
            "SELECT role, beside_contact_id = (SELECT max(contact_id) FROM ledger.contact) FROM "
            "portal.named_contact ORDER BY role"
        ).fetchall()
    assert beside == [("alternate", True), ("coordinator", False)]
