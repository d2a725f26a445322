"""Marks *not our student*: operations list them, confirm or refuse; the coordinator reads their words."""

import json
from datetime import date

import psycopg
import pytest

from distribution.channels.portal import access
from distribution.cli import app
from distribution.errors import UsageError
from distribution.jobs import portal_access, reconcile_deliveries, settle_marks
from distribution.jobs.stage_scores import stage_scores
from distribution.ledger import invariants
from distribution.ledger.connection import Role
from tests.support import records
from tests.support.portal import NOON, let_in, mint

SCHOOL, OTHER = "100001", "100002"
KIM = "kim@example.org"


def staged(line, *rows, run="N20261123-01"):
    """Stage revisions: (school, result, values)."""
    with line.connect() as conn:
        for school, result_id, given in rows:
            version = records.result(conn, result_id, **given)
            records.owe(conn, version, school, "N" if version["revision"] == 1 else "C")
    stage_scores(line, run_id=run, on=date(2026, 11, 23))


def in_view(line, school=SCHOOL):
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, {school}):
        return sorted(row[0] for row in conn.execute("SELECT result_id FROM portal.score").fetchall())


@pytest.fixture
def line(line):
    """A school with two scores, one of which another school got too; the first one is marked."""
    with line.connect() as conn:
        for school in (SCHOOL, OTHER):
            records.institution(conn, school)
        records.contact(conn, SCHOOL, "coordinator", email=KIM)
    staged(line, (SCHOOL, "R-1", {}), (SCHOOL, "R-2", {}))
    with line.connect() as conn:
        version = conn.execute("SELECT * FROM ledger.result_version WHERE result_id = 'R-1'")
        row = dict(zip([column.name for column in version.description], version.fetchone(), strict=True))
        records.owe(conn, row, OTHER)
    stage_scores(line, run_id="N20261123-02", on=date(2026, 11, 23))
    kim = let_in(line, KIM, SCHOOL, mint(line, SCHOOL))
    assert portal_access.mark_not_our_student(line, kim.person_id, SCHOOL, "R-1", at=NOON) is None
    return line


@pytest.fixture
def mark(line) -> int:
    (waiting,) = settle_marks.listed(line)
    assert (waiting["school"], waiting["result"], waiting["marked_by"]) == (SCHOOL, "R-1", KIM)
    return waiting["id"]


def journal(line):
    with line.connect() as conn:
        return conn.execute(
            "SELECT result_id, recipient, basis, actor FROM ledger.disclosure WHERE basis LIKE 'not-our%' "
            "ORDER BY disclosure_id"
        ).fetchall()


def test_a_confirmed_score_is_withdrawn_at_that_school_with_the_reason_and_others_keep_it(line, mark):
    done = settle_marks.confirm(line, mark, reason="The board moved  it.", by="pat", at=NOON)
    assert (done["state"], done["reason"]) == ("confirmed", "The board moved it.")
    assert (in_view(line), in_view(line, OTHER)) == (["R-2"], ["R-1"])
    with line.connect() as conn:
        rows = conn.execute(
            "SELECT school_code, shown, withdrawn_reason FROM portal.staged_score WHERE result_id = 'R-1' "
            "ORDER BY school_code"
        ).fetchall()
        assert rows == [(SCHOOL, False, "The board moved it."), (OTHER, True, None)]
        assert [each.broken for each in invariants.findings(conn)] == [0] * len(invariants.INVARIANTS)
    assert settle_marks.listed(line) == []


def test_who_settled_a_mark_and_how_stands_in_the_logs_that_only_grow(line, mark):
    settle_marks.confirm(line, mark, reason="It is so.", by="pat", at=NOON)
    assert journal(line)[-1] == ("R-1", SCHOOL, "not-our-student confirmed", "pat")
    with line.connect() as conn:
        logged = conn.execute("SELECT actor, command, result_ids FROM ledger.access_log").fetchall()
    assert logged[-1] == ("pat", f"school marks {mark} confirmed", ["R-1"])


def test_a_later_revision_of_a_confirmed_score_stays_out_of_that_schools_reach(line, mark):
    settle_marks.confirm(line, mark, reason="It is so.", by="pat", at=NOON)
    staged(line, (SCHOOL, "R-1", {"revision": 2, "scaled_score": 60}), run="N20261124-01")
    assert in_view(line) == ["R-2"]
    with line.connect() as conn:
        shown = conn.execute(
            "SELECT bool_or(shown) FROM portal.staged_score WHERE result_id = 'R-1' AND school_code = %s",
            [SCHOOL],
        ).fetchone()
    assert shown == (False,)


def test_a_refused_mark_brings_the_score_back_and_may_be_made_again(line, mark):
    settle_marks.refuse(line, mark, reason="She enrolled with you in May.", by="pat", at=NOON)
    assert in_view(line) == ["R-1", "R-2"]
    assert journal(line)[-1][2] == "not-our-student refused"
    kim = let_in(line, KIM, SCHOOL, "")
    assert portal_access.mark_not_our_student(line, kim.person_id, SCHOOL, "R-1", at=NOON) is None
    assert in_view(line) == ["R-2"]
    assert [row["state"] for row in settle_marks.listed(line, all_of_them=True)] == ["refused", "open"]


def test_a_confirmation_is_taken_back_by_a_refusal_and_the_newest_revision_is_shown(line, mark):
    settle_marks.confirm(line, mark, reason="It is so.", by="pat", at=NOON)
    staged(line, (SCHOOL, "R-1", {"revision": 2, "scaled_score": 60}), run="N20261124-01")
    settle_marks.refuse(line, mark, reason="It was not so.", by="pat", at=NOON)
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, {SCHOOL}):
        rows = conn.execute("SELECT revision, scaled_score FROM portal.score WHERE result_id = 'R-1'")
        assert rows.fetchall() == [(2, 60)]


def test_only_an_open_mark_is_confirmed_and_words_are_needed(line, mark):
    with pytest.raises(UsageError, match="a sentence"):
        settle_marks.refuse(line, mark, reason="  ", by="pat", at=NOON)
    settle_marks.confirm(line, mark, reason="It is so.", by="pat", at=NOON)
    with pytest.raises(UsageError, match="marks list --all"):
        settle_marks.confirm(line, mark, reason="Again.", by="pat", at=NOON)
    with pytest.raises(UsageError, match="No mark 999"):
        settle_marks.refuse(line, 999, reason="No such.", by="pat", at=NOON)


def test_the_portal_can_make_marks_and_settle_none(line, mark):
    with line.connect(role=Role.PORTAL) as conn, access.as_schools(conn, {SCHOOL}):
        insert = (
            "INSERT INTO portal.not_our_student (school_code, result_id, person_id, marked_at, state) "
            "SELECT school_code, 'R-2', person_id, marked_at, 'confirmed' FROM portal.not_our_student"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute(insert)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
            conn.execute("UPDATE portal.not_our_student SET state = 'refused'")


def test_a_mark_waits_for_a_person_until_it_is_settled(line, mark):
    def needed():
        found = reconcile_deliveries.reconcile(line, on=date(2027, 9, 15))["needs_a_person"]
        return [each["what"] for each in found if "not our student" in each["what"]]

    assert needed() == ["1 score marked as not our student"]
    settle_marks.refuse(line, mark, reason="She is yours.", by="pat", at=NOON)
    assert needed() == []


def test_marks_are_listed_and_settled_on_the_command_line(line, mark, monkeypatch, capsys):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    monkeypatch.setenv("DISTRIBUTION_ACTOR", "pat")
    assert app.main(["school", "marks", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["marks"]
    assert (row["id"], row["school"], row["result"], row["state"]) == (mark, SCHOOL, "R-1", "open")
    assert app.main(["school", "marks", "confirm", str(mark)]) == 2, "words are needed"
    assert app.main(["school", "marks", "confirm", str(mark), "--reason", "So it is.", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "confirmed"
    assert app.main(["school", "marks", "confirm", str(mark), "--reason", "Again."]) == 2
    assert app.main(["school", "marks", "refuse", str(mark), "--reason", "It was not so."]) == 0
    assert app.main(["school", "marks", "list"]) == 0
    assert "No mark waits" in capsys.readouterr().out
    assert journal(line)[-1][3] == "pat"
