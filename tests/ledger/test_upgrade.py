"""The schema comes up whole, a second start changes nothing, an older ledger is carried over."""

import pytest

from distribution.ledger import connection, imb_serials, upgrade


def test_a_fresh_database_is_current_and_a_second_upgrade_does_nothing(url):
    assert upgrade.is_current(url)
    upgrade.upgrade(url)
    assert upgrade.is_current(url)


@pytest.mark.parametrize("given", [0, 3])
def test_serial_numbers_of_barcodes_go_on_where_the_first_ledger_stopped(url, given):
    with connection.connect(url, role=connection.Role.OWNER) as conn:
        conn.execute("DROP TABLE ledger.imb_counter")
        conn.execute("CREATE SEQUENCE ledger.imb_serial")
        conn.execute("SELECT nextval('ledger.imb_serial') FROM generate_series(1, %s)", [given])
        conn.execute("UPDATE schema_version SET version_num = '0001'")
    upgrade.upgrade(url)
    with connection.connect(url) as conn:
        assert imb_serials.take(conn, 2) == [given + 1, given + 2]


def test_each_role_speaks_in_its_own_name(url):
    for role in connection.Role:
        with connection.connect(url, role=role) as conn:
            assert conn.execute("SELECT current_user").fetchone() == (role.value,)
