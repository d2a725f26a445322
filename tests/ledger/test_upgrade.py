"""The schema comes up whole, and a second start changes nothing."""

from urllib.parse import urlsplit, urlunsplit

import psycopg

from distribution.ledger import connection, upgrade
from tests.support import records


def test_a_fresh_database_is_current_and_a_second_upgrade_does_nothing(url):
    assert upgrade.is_current(url)
    upgrade.upgrade(url)
    assert upgrade.is_current(url)


def test_each_role_speaks_in_its_own_name(url):
    for role in connection.Role:
        with connection.connect(url, role=role) as conn:
            assert conn.execute("SELECT current_user").fetchone() == (role.value,)


def test_alternates_named_before_the_second_schema_stand_beside_the_contacts_that_were_on_file(cluster_url):
    """Forced row security hides the rows from their owner: a change that forgets it changes nothing."""
    url = urlunsplit(urlsplit(cluster_url)._replace(path="/from_the_first_schema"))
    upgrade.make_database(url)
    with psycopg.connect(url, autocommit=True) as conn:
        upgrade.make_roles(conn)
    upgrade._migrate(url, to="0001")
    with connection.connect(url) as conn:
        records.contact(conn, "100001", "alternate")
        for role in ("alternate", "coordinator"):
            conn.execute(
                """
                INSERT INTO portal.named_contact (organization_code, role, name, email, valid_from, named_at,
                                                  named_by)
                VALUES ('100001', %s, 'Sam', 'sam@example.org', '2027-09-15', now(), 'person:1')
                """,
                [role],
            )
    upgrade.upgrade(url)
    assert upgrade.is_current(url)
    with connection.connect(url) as conn:
        beside = conn.execute(
            "SELECT role, beside_contact_id = (SELECT max(contact_id) FROM ledger.contact) FROM "
            "portal.named_contact ORDER BY role"
        ).fetchall()
    assert beside == [("alternate", True), ("coordinator", False)]
