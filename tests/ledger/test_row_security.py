"""The portal's role sees its own schools' rows and nothing else, whichever way it asks."""

from datetime import date
from urllib.parse import urlsplit

import psycopg
import pytest

from distribution.channels.portal import access
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger.connection import Role
from tests.support import records

OWN, FOREIGN = "123456", "654321"
TABLE, VIEW = "portal.staged_score", "portal.score"


@pytest.fixture(scope="module")
def line(module_line):
    """A database in which two schools have scores."""
    with module_line.connect() as conn:
        for school, count in ((OWN, 2), (FOREIGN, 3)):
            for number in range(count):
                records.owe(conn, records.result(conn, f"R-{school}-{number}"), school)
    stage_scores(module_line, run_id="N20261123-01", on=date(2026, 11, 23))
    return module_line


@pytest.fixture
def conn(line):
    """A connection of the pipeline."""
    with line.connect() as opened:
        yield opened


@pytest.fixture
def portal(line):
    """A connection of the portal."""
    with line.connect(role=Role.PORTAL) as opened:
        yield opened


def schools_in(conn, source):
    return conn.execute(f"SELECT school_code, count(*) FROM {source} GROUP BY school_code").fetchall()


@pytest.mark.parametrize("source", [TABLE, VIEW])
def test_the_portal_sees_its_own_schools_rows_only(portal, source):
    with access.as_schools(portal, {OWN}):
        assert schools_in(portal, source) == [(OWN, 2)]


@pytest.mark.parametrize("source", [TABLE, VIEW])
def test_without_a_setting_the_portal_sees_nothing(portal, source):
    assert schools_in(portal, source) == []


@pytest.mark.parametrize("source", [TABLE, VIEW])
def test_with_an_empty_setting_the_portal_sees_nothing(portal, source):
    with access.as_schools(portal, set()):
        assert schools_in(portal, source) == []


def test_a_person_with_two_schools_sees_both(portal):
    with access.as_schools(portal, {OWN, FOREIGN}):
        assert sorted(schools_in(portal, VIEW)) == [(OWN, 2), (FOREIGN, 3)]


def test_asking_for_another_school_by_name_gives_nothing(portal):
    with access.as_schools(portal, {OWN}):
        found = portal.execute(f"SELECT count(*) FROM {VIEW} WHERE school_code = %s", [FOREIGN]).fetchone()
    assert found == (0,)


def test_a_pooled_connection_forgets_the_last_readers_schools(portal):
    with access.as_schools(portal, {FOREIGN}):
        assert schools_in(portal, VIEW) == [(FOREIGN, 3)]
    assert schools_in(portal, VIEW) == []
    portal.rollback()
    with access.as_schools(portal, {OWN}):
        assert schools_in(portal, VIEW) == [(OWN, 2)]


def test_schools_stay_forgotten_after_a_transaction_that_failed(portal):
    with pytest.raises(psycopg.errors.DivisionByZero), access.as_schools(portal, {OWN}):
        portal.execute("SELECT 1 / 0")
    assert schools_in(portal, VIEW) == []


def test_schools_cannot_be_set_in_the_middle_of_a_transaction(portal):
    portal.execute("SELECT 1")
    with pytest.raises(access.NotThePortalsConnection), access.as_schools(portal, {OWN}):
        pass


def test_schools_cannot_be_set_in_the_pipelines_role(conn):
    with pytest.raises(access.NotThePortalsConnection), access.as_schools(conn, {OWN}):
        pass


@pytest.mark.parametrize("code", ["123456,654321", "", "12'456"])
def test_what_is_no_code_is_refused_before_it_reaches_the_setting(portal, code):
    with pytest.raises(access.NotThePortalsConnection), access.as_schools(portal, {code}):
        pass


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO {TABLE} SELECT * FROM {TABLE}",
        f"UPDATE {TABLE} SET shown = true",
        f"DELETE FROM {TABLE}",
        f"TRUNCATE {TABLE}",
        "SELECT * FROM portal.staged_score_2026",
        "SELECT * FROM ledger.result_version",
        "SELECT * FROM ledger.delivery",
        "SELECT * FROM ledger.access_code",
        "SELECT * FROM ledger.disclosure",
        "SELECT * FROM ledger.mail",
        "CREATE TABLE portal.copy (line text)",
        f"COPY {TABLE} TO PROGRAM 'true'",
    ],
)
def test_the_portal_can_do_nothing_but_read(portal, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), access.as_schools(portal, {OWN}):
        portal.execute(statement)


@pytest.fixture
def login_role(line):
    """The sign-in that production gives to the portal: a member of one role, and no superuser."""
    name = f"portal_login_{urlsplit(line.url).path.lstrip('/')}"
    with psycopg.connect(line.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name} LOGIN NOINHERIT NOSUPERUSER PASSWORD 'not-a-secret'")
        admin.execute(f"GRANT distribution_portal TO {name}")
        yield name
        admin.execute(f"DROP OWNED BY {name}")
        admin.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    "role", ["distribution_app", "distribution_owner", "distribution_console", "postgres"]
)
def test_the_portals_own_sign_in_cannot_take_on_another_role(portal, line, login_role, role):
    with psycopg.connect(line.url, user=login_role, password="not-a-secret") as conn:
        conn.execute("SET ROLE distribution_portal")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(f"SET ROLE {role}")


def test_the_portals_own_sign_in_sees_its_schools_in_the_portals_role_and_no_table_without(
    portal, line, login_role
):
    options = "-c role=distribution_portal"
    with psycopg.connect(line.url, user=login_role, password="not-a-secret", options=options) as conn:
        with access.as_schools(conn, {OWN}):
            assert schools_in(conn, VIEW) == [(OWN, 2)]
        conn.execute("RESET ROLE")
        assert schools_in(conn, VIEW) == []
        conn.execute("SET ROLE NONE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(f"SELECT * FROM {TABLE}")


def test_every_table_of_the_portal_has_forced_row_security(conn):
    open_tables = conn.execute(
        """
        SELECT c.relname
        FROM pg_class AS c
        WHERE c.relnamespace = 'portal'::regnamespace
          AND c.relkind IN ('r', 'p')
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        """
    ).fetchall()
    assert open_tables == []
    partitions = conn.execute(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'portal'::regnamespace AND relkind = 'r'"
    ).fetchone()
    assert partitions[0] > 25, "the check saw the partitions"


def test_every_view_of_the_portal_runs_with_its_readers_rights_and_none_is_materialized(conn):
    leaking = conn.execute(
        """
        SELECT c.relname
        FROM pg_class AS c
        WHERE (c.relnamespace = 'portal'::regnamespace
               OR has_table_privilege('distribution_portal', c.oid, 'SELECT'))
          AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
          AND (c.relkind = 'm'
               OR (c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') && ARRAY['security_invoker=true']))
        """
    ).fetchall()
    assert leaking == []


def test_no_function_in_the_portals_reach_runs_with_another_ones_rights(conn):
    lending = conn.execute(
        """
        SELECT p.proname
        FROM pg_proc AS p
        WHERE p.prosecdef AND has_function_privilege('distribution_portal', p.oid, 'EXECUTE')
        """
    ).fetchall()
    assert lending == []


def test_no_role_of_ours_passes_by_row_security(conn):
    roles = conn.execute(
        """
        SELECT rolname FROM pg_roles
        WHERE rolname LIKE 'distribution\\_%' AND (rolbypassrls OR rolsuper OR rolcanlogin)
        """
    ).fetchall()
    assert roles == []


def test_every_unique_key_of_the_portals_tables_contains_the_school(conn):
    """Else an insert would tell that a row exists which one may not see."""
    telling = conn.execute(
        """
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'portal'::regnamespace
          AND i.indisunique
          AND EXISTS (
              SELECT FROM pg_policy AS p
              WHERE p.polrelid = i.indrelid
                AND (SELECT oid FROM pg_roles WHERE rolname = 'distribution_portal') = ANY(p.polroles)
                AND pg_get_expr(p.polqual, p.polrelid) <> 'true'
          )
          AND NOT EXISTS (
              SELECT FROM pg_attribute AS a
              WHERE a.attrelid = i.indrelid AND a.attname = 'school_code' AND a.attnum = ANY(i.indkey)
          )
        """
    ).fetchall()
    assert telling == []
