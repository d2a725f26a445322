"""Rows of the ledger as a night would have made them; a test names only what it is about."""

import itertools
from datetime import date

import psycopg

from distribution.academic_year import academic_year_of

_LINES = itertools.count(2)


def feed(conn: psycopg.Connection) -> int:
    """A recorded results feed."""
    return conn.execute(
        """
        INSERT INTO ledger.feed (kind, file_name, state)
        VALUES ('results', %s, 'recorded')
        RETURNING feed_id
        """,
        [f"results-20261122-{next(_LINES):03d}.csv"],
    ).fetchone()[0]


def result(conn: psycopg.Connection, result_id: str = "R-1", revision: int = 1, **given: object) -> dict:
    """A recorded revision; it becomes the latest one of its result."""
    row = {
        "result_id": result_id,
        "revision": revision,
        "status": "scored",
        "candidate_id": "00123",
        "last_name": "Nguyễn",
        "first_name": "Ann",
        "birth_date": date(2008, 5, 1),
        "exam_code": "FINACC",
        "test_date": date(2026, 11, 20),
        "scaled_score": 55,
        "funding": "self",
        "kind": "new" if revision == 1 else "corrected",
        "line": next(_LINES),
        **given,
    }
    if row["status"] != "scored":
        row["scaled_score"] = None
    row["academic_year"] = academic_year_of(row["test_date"])
    row["feed_id"] = feed(conn)
    conn.execute("UPDATE ledger.result_version SET latest = false WHERE result_id = %s", [result_id])
    _insert(conn, "ledger.result_version", row)
    return row


def owe(conn: psycopg.Connection, version: dict, recipient: str, action: str = "N", **given: object) -> int:
    """A pending portal delivery of a revision; its id."""
    row = {
        "result_id": version["result_id"],
        "revision": version["revision"],
        "academic_year": version["academic_year"],
        "recipient": recipient,
        "designated": recipient,
        "action": action,
        "reasons": ["attending"],
        "channel": "portal",
        "state": "pending",
        "owed_on": date(2026, 11, 23),
        **given,
    }
    return _insert(conn, "ledger.delivery", row, returning="delivery_id")


def institution(conn: psycopg.Connection, code: str, **given: object) -> None:
    row = {
        "code": code,
        "name": f"School {code}",
        "kind": "high_school",
        "delivery_method": "portal",
        "status": "active",
        "country": "US",
        "valid_from": date(2020, 1, 1),
        **given,
    }
    _insert(conn, "ledger.institution_version", row)


def contact(conn: psycopg.Connection, code: str, role: str = "primary", **given: object) -> None:
    row = {
        "organization_code": code,
        "role": role,
        "name": f"Contact of {code}",
        "email": f"contact-{code}@example.org".lower(),
        "valid_from": date(2020, 1, 1),
        **given,
    }
    _insert(conn, "ledger.contact", row)


def order(conn: psycopg.Connection, code: str, ordered_on: date, status: str = "fulfilled") -> None:
    row = {
        "order_id": f"V-{next(_LINES)}",
        "organization_code": code,
        "ordered_on": ordered_on,
        "quantity": 10,
        "status": status,
    }
    _insert(conn, "ledger.voucher_order", row)


def run(conn: psycopg.Connection, run_id: str = "N20261123-01") -> str:
    """A nightly run that began on the test's night."""
    row = {
        "run_id": run_id,
        "kind": "nightly",
        "business_date": date(2026, 11, 23),
        "started_at": "2026-11-24 03:00:00+00",
    }
    _insert(conn, "ledger.run", row)
    return run_id


def _insert(conn: psycopg.Connection, table: str, row: dict, *, returning: str = "true") -> int:
    columns, places = ", ".join(row), ", ".join(f"%({column})s" for column in row)
    return conn.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING {returning}", row
    ).fetchone()[0]
