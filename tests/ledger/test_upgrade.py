"""The schema comes up whole, and a second start changes nothing."""

from distribution.ledger import connection, upgrade


def test_a_fresh_database_is_current_and_a_second_upgrade_does_nothing(url):
    assert upgrade.is_current(url)
    upgrade.upgrade(url)
    assert upgrade.is_current(url)


def test_each_role_speaks_in_its_own_name(url):
    for role in connection.Role:
        with connection.connect(url, role=role) as conn:
            assert conn.execute("SELECT current_user").fetchone() == (role.value,)
