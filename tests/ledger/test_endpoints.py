"""Endpoints keep every version, and a change that leads elsewhere may need a second person."""

from dataclasses import replace

import psycopg

from distribution.ledger import endpoints
from distribution.model import Endpoint, Parallel

AT = Endpoint(
    code="4471",
    host="sftp.example.edu",
    username="clep",
    directory="/inbox",
    host_key="ssh-ed25519 AAAA",
    credential="di-4471",
)


def load(conn: psycopg.Connection, *wanted: Endpoint, four_eyes: bool = False) -> int:
    return endpoints.load(conn, wanted, loaded_by="ann", four_eyes=four_eyes)


def test_the_same_content_again_is_nothing(conn: psycopg.Connection) -> None:
    assert load(conn, AT) == 1
    assert load(conn, AT) == 0
    assert load(conn, replace(AT, port=2222)) == 1
    assert endpoints.in_force(conn)["4471"].port == 2222


def test_history_tells_who_loaded_what_and_when(conn: psycopg.Connection) -> None:
    load(conn, AT)
    load(conn, replace(AT, layout="csv-1"))
    newest, first = endpoints.history(conn, "4471")
    assert (newest.endpoint.layout, first.endpoint.layout) == ("csv-1", "fixed-1")
    assert newest.loaded_by == "ann"
    assert newest.loaded_at > first.loaded_at


def test_a_change_of_the_host_waits_for_a_second_person(conn: psycopg.Connection) -> None:
    load(conn, AT, four_eyes=True)
    load(conn, replace(AT, host="elsewhere.example.edu"), four_eyes=True)
    assert endpoints.in_force(conn)["4471"].host == "sftp.example.edu"
    assert endpoints.unconfirmed(conn) == {"4471"}


def test_a_change_that_leads_nowhere_else_needs_no_second_person(conn: psycopg.Connection) -> None:
    load(conn, AT, four_eyes=True)
    load(conn, replace(AT, layout="csv-1", paused_until="2026-12-01"), four_eyes=True)
    assert endpoints.in_force(conn)["4471"].layout == "csv-1"
    assert endpoints.unconfirmed(conn) == frozenset()


def test_a_new_folder_for_a_second_layout_waits_for_a_second_person_and_its_end_does_not(
    conn: psycopg.Connection,
) -> None:
    tried = Parallel(layout="csv-1", folder="/test", until="2027-01-31")
    load(conn, AT, four_eyes=True)
    load(conn, replace(AT, parallel=tried), four_eyes=True)
    assert endpoints.unconfirmed(conn) == {"4471"}
    endpoints.confirm(conn, "4471", actor="bob")
    assert endpoints.in_force(conn)["4471"].parallel == tried
    load(conn, replace(AT, parallel=replace(tried, until="2026-12-31")), four_eyes=True)
    load(conn, AT, four_eyes=True)
    assert endpoints.unconfirmed(conn) == frozenset()


def test_a_pause_or_a_later_last_day_begins_no_second_layout_anew(conn: psycopg.Connection) -> None:
    tried = Parallel(layout="csv-1", folder="/test", until="2027-01-31")
    load(conn, AT)
    assert endpoints.parallel_since(conn, "4471") is None
    load(conn, replace(AT, parallel=tried))
    began = endpoints.history(conn, "4471")[0].confirmed_at
    load(conn, replace(AT, parallel=replace(tried, until="2027-02-28"), paused_until="2026-12-01"))
    assert endpoints.parallel_since(conn, "4471") == began
    load(conn, replace(AT, parallel=replace(tried, layout="wide")))
    assert endpoints.parallel_since(conn, "4471") > began
