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
        f"INSERT INTO {TABLE} (school_code) VALUES ('{OWN}')",
        f"UPDATE {TABLE} SET shown = true",
        f"DELETE FROM {TABLE}",
        f"TRUNCATE {TABLE}",
        "SELECT * FROM portal.staged_score_2026",
        "SELECT * FROM ledger.result_version",
        "SELECT * FROM ledger.delivery",
        "SELECT * FROM ledger.access_code",
        "SELECT * FROM ledger.disclosure",
        "SELECT * FROM ledger.mail",
        "SELECT * FROM ledger.contact",
        "SELECT * FROM ledger.access_log",
        "SELECT body FROM ledger.mail",
        "SELECT cipher FROM ledger.access_code",
        "SELECT message FROM portal.code_request",
        "SELECT result_id FROM portal.access_event",
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


def test_the_portal_notes_disclosures_to_its_own_schools_alone(portal):
    statement = """
        INSERT INTO ledger.disclosure (result_id, revision, candidate_id, recipient, channel, basis, artefact,
                                       actor)
        VALUES ('R-1', 1, 'C-1', %s, %s, 'attending', 'view', 'test')
    """
    with access.as_schools(portal, {OWN}):
        portal.execute(statement, [OWN, "portal"])
    for recipient, channel in ((FOREIGN, "portal"), (OWN, "paper")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), access.as_schools(portal, {OWN}):
            portal.execute(statement, [recipient, channel])


def test_the_portal_sees_where_its_own_schools_codes_went_and_no_other_mail(line, portal):
    with line.connect() as conn:
        for school in (OWN, FOREIGN):
            (code_id,) = conn.execute(
                """
                INSERT INTO ledger.access_code (organization_code, academic_year, lookup, cipher, nonce,
                                                key_id, issued_at)
                VALUES (%s, 2026, %s, '', '', '', now()) RETURNING code_id
                """,
                [school, school.encode()],
            ).fetchone()
            for kind, code in (("access-code", code_id), ("score-notice", None)):
                conn.execute(
                    """
                    INSERT INTO ledger.mail (message_id, kind, organization_code, code_id, to_address,
                                             subject, body)
                    VALUES (%s, %s, %s, %s, %s, '', '')
                    """,
                    [f"{kind}-{school}", kind, school, code, f"{kind}@{school}.example.org"],
                )
    asked = "SELECT to_address FROM ledger.mail"
    assert portal.execute(asked).fetchall() == []
    portal.rollback()
    with access.as_schools(portal, {OWN}):
        assert portal.execute(asked).fetchall() == [(f"access-code@{OWN}.example.org",)]


def test_the_portal_sees_contacts_who_may_sign_in_and_no_others(line, portal):
    with line.connect() as conn:
        for role in ("primary", "coordinator", "alternate", "billing", "technical"):
            records.contact(conn, OWN, role, email=f"{role}@example.org")
    roles = portal.execute("SELECT role FROM ledger.contact ORDER BY role").fetchall()
    assert roles == [("alternate",), ("coordinator",)]
