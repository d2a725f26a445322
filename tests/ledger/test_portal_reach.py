"""What is in the reach of the portal's role, read from the catalogue: nothing there is open by oversight."""

import psycopg
import pytest

VIEW = "portal.score"


@pytest.fixture(scope="module")
def conn(module_line):
    """A connection of the pipeline."""
    with module_line.connect() as opened:
        yield opened


# Every relation that the portal's role may touch, by a right in the whole or in a column, and its own schema.
_IN_REACH = """
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.reloptions,
           c.relrowsecurity AND c.relforcerowsecurity AS fenced
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND (n.nspname = 'portal'
           OR has_table_privilege('distribution_portal', c.oid,
                                  'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
           OR has_any_column_privilege('distribution_portal', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
"""

# Policies that show the portal every row of a table, or let it write any: each with its reason.
_BEFORE_ANYONE_IS_KNOWN = (
    "read before it is known who asks, to find out just that; no student's record is in it"
)
_ALL_ROWS = {
    "portal.person": _BEFORE_ANYONE_IS_KNOWN,
    "portal.binding": _BEFORE_ANYONE_IS_KNOWN,
    "portal.named_contact": _BEFORE_ANYONE_IS_KNOWN,
    "portal.redemption": _BEFORE_ANYONE_IS_KNOWN,
    "portal.agreement": _BEFORE_ANYONE_IS_KNOWN,
    "portal.notice_preference": "a person's own choices, asked for by person over all organisations",
    "portal.code_request": "counted by school and asker, signed in or not; their messages unreadable",
    "portal.access_event": "wrong tries are counted over all schools; what was refused is unreadable",
    "ledger.portal_account": _BEFORE_ANYONE_IS_KNOWN,
    "ledger.portal_session": _BEFORE_ANYONE_IS_KNOWN,
    "ledger.portal_search": "found by a name that nobody can guess, with the session that made it",
    "ledger.portal_visit": "a person's own visits, times alone",
    "ledger.portal_export": "who exported when and how many rows, for People and access",
    "ledger.access_code": "found by its keyed hash, foreign and expired ones alike; the code unreadable",
    "ledger.access_log": "written only: no row can be read",
}


def test_every_table_in_the_portals_reach_has_forced_row_security(conn):
    tables = conn.execute(
        f"SELECT name, fenced FROM ({_IN_REACH}) AS t WHERE relkind IN ('r', 'p')"
    ).fetchall()
    assert [name for name, fenced in tables if not fenced] == []
    names = {name for name, _ in tables}
    assert {"portal.staged_score_2026", "ledger.disclosure", "ledger.contact", "ledger.mail"} <= names
    assert len(names) > 40, "the check saw the partitions"


def test_the_check_of_the_reach_finds_a_right_in_a_single_column_of_any_schema(module_line):
    with psycopg.connect(module_line.url) as admin:
        admin.execute("CREATE SCHEMA elsewhere CREATE TABLE list (line text, other text)")
        admin.execute("GRANT UPDATE (other) ON elsewhere.list TO distribution_portal")
        found = admin.execute(
            f"SELECT name, fenced FROM ({_IN_REACH}) AS t WHERE name LIKE 'elsewhere%'"
        ).fetchall()
        admin.rollback()
    assert found == [("elsewhere.list", False)]


def test_no_foreign_or_materialized_table_is_in_the_portals_reach_and_views_run_with_its_rights(conn):
    leaking = conn.execute(
        f"""
        SELECT name
        FROM ({_IN_REACH}) AS t
        WHERE relkind IN ('f', 'm')
           OR (relkind = 'v' AND NOT coalesce(reloptions, '{{}}') && ARRAY['security_invoker=true'])
        """
    ).fetchall()
    assert leaking == []
    assert conn.execute(f"SELECT name FROM ({_IN_REACH}) AS t WHERE relkind = 'v'").fetchall() == [(VIEW,)]


def test_every_policy_that_opens_a_whole_table_to_the_portal_has_its_reason(conn):
    open_to_all = conn.execute(
        f"""
        SELECT DISTINCT t.name
        FROM ({_IN_REACH}) AS t
        JOIN pg_policy AS p ON p.polrelid = t.oid
        WHERE ('distribution_portal'::regrole = ANY (p.polroles) OR 0 = ANY (p.polroles))
          AND 'true' IN (pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
        """
    ).fetchall()
    assert {name for (name,) in open_to_all} == set(_ALL_ROWS)


def test_no_function_in_the_portals_reach_runs_with_another_ones_rights(conn):
    lending = conn.execute(
        """
        SELECT p.oid::regprocedure::text
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
