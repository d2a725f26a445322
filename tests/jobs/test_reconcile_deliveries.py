"""The morning after: what is open, since when, and who must act."""

import json
from datetime import date

import pytest

from distribution.cli import app
from distribution.jobs import reconcile_deliveries
from distribution.jobs.route_scores import count_owed
from tests.support import nights


@pytest.fixture
def morning(line, conn) -> dict:
    nights.finished_night(conn)
    conn.commit()
    return reconcile_deliveries.reconcile(line, on=nights.DAY)


def test_failed_files_name_the_reason_and_what_stands_behind_them(morning):
    assert [(file["file"], file["failure"]) for file in morning["failed"]] == [
        ("CLEP_4471_20261123_000001.txt", "host-key"),
        ("CLEP_4471_20261123_000002.txt", "behind-another-file"),
    ]
    assert {file["files_in_line"] for file in morning["failed"]} == {2}


def test_every_need_names_the_institution_the_count_and_the_next_step(morning):
    needs = {need["what"]: need for need in morning["needs_a_person"]}
    assert needs["Northfield State University (4471): host-key"]["count"] == 2
    assert needs["Northfield State University (4471): host-key"]["institution"] == "4471"
    assert needs["1 score held: unknown-recipient"]["institution"] == "9981"
    assert all(need["what_to_do"] for need in needs.values())


def test_a_batch_that_is_not_mailed_is_asked_for_after_two_business_days(line, conn):
    nights.finished_night(conn)
    conn.commit()
    later = reconcile_deliveries.reconcile(line, on=date(2026, 11, 30))
    assert later["batches"][0]["days"] == 4  # Thanksgiving does not count
    assert "Batch PB-20261123-A is not mailed" in [need["what"] for need in later["needs_a_person"]]


def test_both_sides_of_the_balance_are_counted_anew(line, conn, morning):
    assert morning["owed"]["owed"] == count_owed(line, on=nights.DAY)
    assert morning["owed"]["waiting"] == 3
    assert morning["owed"]["held"] == 1
    assert morning["balanced"] is (not morning["faults"])


def test_a_delivery_that_routing_does_not_owe_is_a_fault(morning):
    # The night's resends and its receiver 9981 were never chosen by the student.
    assert any(fault.startswith("Owed: ") for fault in morning["faults"])
    assert morning["needs_a_person"][0]["level"] == "Blocked"


def test_a_ledger_that_holds_nothing_is_balanced_and_needs_nobody(line):
    document = reconcile_deliveries.reconcile(line, on=nights.DAY)
    assert document["balanced"] is True
    assert document["needs_a_person"] == []


def test_no_student_is_named(morning):
    text = json.dumps(morning, ensure_ascii=False)
    assert not [secret for secret in nights.STUDENT if secret in text]


def test_the_command_says_that_nothing_needs_a_person(line, monkeypatch, capsys):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    assert app.main(["reconcile"]) == 0
    assert capsys.readouterr().out.endswith("Balanced.\n\nNothing needs a person.\n")


def test_the_command_ends_with_5_out_of_balance(line, conn, monkeypatch, capsys):
    nights.finished_night(conn)
    conn.commit()
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    assert app.main(["reconcile", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["balanced"] is False
