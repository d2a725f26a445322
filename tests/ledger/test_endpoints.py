"""Endpoints keep every version, and a change that leads elsewhere may need a second person."""

from dataclasses import replace

import psycopg

from distribution.ledger import endpoints
from distribution.model import Endpoint

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
