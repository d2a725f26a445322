"""The overview page inside Airflow: for signed-in people alone, counts alone, no outside host."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from distribution.ledger import runs

NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SUMMARY = {
    "exit": 3,
    "balanced": True,
    "received": {"records": 4812, "new": 4731, "corrected": 62, "duplicate": 14, "held": 5},
    "deliveries": {
        "paper": 1237,
        "electronic": 4118,
        "portal": 831,
        "held": 18,
        "failed": 57,
        "waiting": 0,
    },
    "carried": {
        "held": {"opening": 23, "added": 18, "released": 6, "rejected": 1, "closing": 34},
        "waiting": {"opening": 410, "added": 6243, "delivered": 6186, "withdrawn": 0, "closing": 467},
    },
    "batches": ["PB-20261123-A"],
    "files": ["CLEP_4471_20261123_000231.txt"],
    "schools": 143,
}


@pytest.fixture
def app(line, monkeypatch):
    import score_distribution_overview

    monkeypatch.setattr(score_distribution_overview, "_line", lambda: line)
    return score_distribution_overview.make_app()


@pytest.fixture
def signed_in(app):
    from airflow.api_fastapi.core_api.security import get_user

    app.dependency_overrides[get_user] = lambda: "an operator"
    return TestClient(app)


def finished(conn, *, nights_ago=0, **summary):
    began = NIGHT - timedelta(days=nights_ago)
    run = runs.open_run(
        conn, kind=runs.NIGHTLY, on=(began - timedelta(hours=5)).date(), only_channel=None, started_at=began
    )
    conn.execute(
        "UPDATE ledger.run SET state = 'finished', finished_at = %s, exit_code = %s, balanced = %s,"
        " summary = %s WHERE run_id = %s",
        [
            began + timedelta(minutes=11),
            summary["exit"],
            summary["balanced"],
            json.dumps(summary),
            run.run_id,
        ],
    )
    conn.commit()


def test_every_endpoint_turns_away_who_is_not_signed_in_to_airflow(app):
    client = TestClient(app)
    paths = [route.path for route in app.routes if isinstance(route, APIRoute)]
    assert paths == ["/"]
    for path in paths:
        assert client.get(path).status_code in (401, 403)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_framework_s_own_pages_are_not_there(app, path):
    assert TestClient(app).get(path).status_code == 404


def test_before_the_first_night_the_page_says_what_to_do(signed_in):
    answer = signed_in.get("/")
    assert answer.status_code == 200
    assert "No night has run yet." in answer.text
    assert "distribute_scores" in answer.text


def test_the_page_says_the_verdict_what_needs_a_person_and_the_balance(signed_in, conn):
    finished(conn, **SUMMARY)
    text = signed_in.get("/").text
    assert "<h1>The night of Mon 23 Nov 2026 finished. Some files wait for a retry.</h1>" in text
    assert "57 scores did not reach their institution" in text
    assert "34 held" in text
    for count in ("4,812", "4,731", "62", "14"):
        assert f"<b>{count}</b>" in text
    assert "✓ Balanced" in text


def test_a_night_out_of_balance_is_told_before_anything_else(signed_in, conn):
    finished(conn, **SUMMARY | {"exit": 5, "balanced": False})
    text = signed_in.get("/").text
    assert "It is out of balance: sending is blocked." in text
    assert "✓ Balanced" not in text


def test_a_night_at_work_is_told_beside_the_one_before(signed_in, conn):
    finished(conn, nights_ago=3, **SUMMARY)
    runs.open_run(conn, kind=runs.NIGHTLY, on=NIGHT.date(), only_channel=None, started_at=NIGHT)
    conn.commit()
    text = signed_in.get("/").text
    assert "is at work.</h1>" in text
    assert "4,812" in text


def test_the_chart_draws_fourteen_nights_at_most(signed_in, conn):
    for nights_ago in range(20, 0, -1):
        finished(conn, nights_ago=nights_ago, **SUMMARY)
    text = signed_in.get("/").text
    assert len(re.findall("<rect class=electronic ", text)) == 14


def test_the_page_asks_no_outside_host_and_runs_no_script(signed_in, conn):
    finished(conn, **SUMMARY)
    answer = signed_in.get("/")
    assert not re.search(r"https?://|<script|src=|@import", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_name_in_the_navigation_fits_and_its_link_is_relative():
    from score_distribution_plugin import ScoreDistributionPlugin

    (view,) = ScoreDistributionPlugin.external_views
    assert len(view["name"]) <= 10
    assert not view["href"].startswith(("/", "http"))
