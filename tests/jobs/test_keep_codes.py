"""Codes through the year: the reminder, sending again, revoking; notices of new scores; open doors."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from distribution.cli import app
from distribution.errors import UsageError
from distribution.jobs import keep_codes, portal_access, portal_notices, reconcile_deliveries, standing
from distribution.jobs.issue_access_codes import issue, listed
from distribution.jobs.portal_access import NotAccepted
from distribution.jobs.stage_scores import stage_scores
from tests.support import mail_servers, records
from tests.support.portal import NOON, code_in, let_in, mint, sign_in

SCHOOL, OTHER, DISTRICT = "100001", "100002", "D00001"
KIM = "kim@example.org"
DAY = date(2027, 9, 15)


@pytest.fixture
def server():
    return mail_servers.TakesAll()


@pytest.fixture
def line(line, server):
    """Two schools that ordered and were mailed their codes on 15 June 2027."""
    with line.connect() as conn:
        for code in (SCHOOL, OTHER):
            records.institution(conn, code, district_code=DISTRICT if code == OTHER else "")
            records.contact(conn, code)
            records.order(conn, code, date(2027, 1, 1))
        records.institution(conn, DISTRICT, kind="district")
        records.contact(conn, SCHOOL, "coordinator", email=KIM, name="Kim Lee")
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        ready = replace(line, settings=settings, now=lambda: NOON)
        issue(ready, year=2027, on=date(2027, 6, 15), approved_by="Kim")
        yield ready


def sent_to(server, code):
    return [mail for mail in server.mails if mail["To"] == f"contact-{code}@example.org"]


def test_the_reminder_takes_the_same_code_once_to_those_who_have_not_used_it(line, server):
    let_in(line, KIM, SCHOOL, code_in(sent_to(server, SCHOOL)[0]))
    first = keep_codes.remind(line, year=2027, on=date(2027, 8, 16))
    again = keep_codes.remind(line, year=2027, on=date(2027, 8, 17))
    assert (first.reminded, first.unused) == ((OTHER,), 1)
    assert (again.reminded, again.already) == ((), (OTHER,))
    assert len(sent_to(server, SCHOOL)) == 1
    mailed, reminded = sent_to(server, OTHER)
    assert code_in(mailed) == code_in(reminded)
    assert reminded["Subject"].startswith("Reminder")


@pytest.mark.parametrize(
    ("day", "is_due"),
    [
        ("2027-08-13", False),
        ("2027-08-16", True),
        ("2027-08-18", True),
        ("2028-08-15", True),
        ("2027-09-30", True),
        ("2027-10-01", False),
    ],
)
def test_the_reminder_is_due_from_15_august_until_30_september(line, server, day, is_due):
    on = date.fromisoformat(day)
    if on.year == 2028:
        mint(line, SCHOOL, year=2028)
    done = keep_codes.remind_if_due(line, on=on)
    assert (done is not None and bool(done.reminded)) is is_due
    again = keep_codes.remind_if_due(line, on=on)
    assert again is None or again.reminded == (), "once each"


def test_who_got_the_code_within_two_weeks_is_not_reminded_yet(line):
    """The codes were mailed on DAY."""
    assert keep_codes.remind_if_due(line, on=DAY + timedelta(days=1)).reminded == ()
    assert keep_codes.remind_if_due(line, on=DAY + timedelta(days=15)).reminded == (SCHOOL, OTHER)


def test_a_code_is_sent_again_as_the_same_code(line, server):
    document = keep_codes.resend(line, SCHOOL, on=DAY)
    assert (document["state"], document["mailed_to"]) == ("mailed", "contact-100001@example.org")
    first, second = sent_to(server, SCHOOL)
    assert code_in(first) == code_in(second)
    assert first["Message-ID"] != second["Message-ID"], "or the reader's program drops it"


def test_a_revoked_code_is_dead_at_once_and_a_new_one_is_mailed(line, server):
    old = code_in(sent_to(server, SCHOOL)[0])
    kim = let_in(line, KIM, SCHOOL, old)
    document = keep_codes.revoke(line, SCHOOL, reason="posted on a wall", by="Pat", on=DAY)
    assert [each["state"] for each in document["codes"]] == ["revoked", "mailed"]
    new = code_in(sent_to(server, SCHOOL)[1])
    assert new != old
    assert isinstance(portal_access.redeem(line, kim.person_id, SCHOOL, old, at=NOON), NotAccepted)
    assert portal_access.person_of(line, kim.person_id, on=NOON).organizations[0].is_open
    assert not isinstance(portal_access.redeem(line, kim.person_id, SCHOOL, new, at=NOON), NotAccepted)
    with line.connect() as conn:
        assert conn.execute("SELECT count(*) FROM portal.redemption").fetchone() == (1,)
    assert {row["reason"] for row in listed(line, year=2027, on=DAY)} == {"posted on a wall", None}


def test_without_a_contact_nothing_is_sent_again_and_a_revoked_code_has_no_successor_yet(line):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-07-01' WHERE role = 'primary'")
    with pytest.raises(UsageError, match="primary contact"):
        keep_codes.resend(line, SCHOOL, on=DAY)
    document = keep_codes.revoke(line, SCHOOL, reason="leaked", by="Pat", on=DAY)
    assert (document["mailed_to"], [each["state"] for each in document["codes"]]) == ("", ["revoked"])
    with pytest.raises(UsageError, match="no live code"):
        keep_codes.resend(line, SCHOOL, on=DAY)


# notices ----------------------------------------------------------------------------------------------------


def staged(line, school, *results, at=NOON):
    with line.connect() as conn:
        for result_id in results:
            records.owe(conn, records.result(conn, result_id, last_name="Secretname"), school)
    stage_scores(line, run_id=f"N-{school}-{results[0]}", on=at.date())
    with line.connect() as conn:
        conn.execute(
            "UPDATE portal.staged_score SET staged_at = %s WHERE result_id = ANY(%s)", [at, list(results)]
        )


def notice(line, *, days=0):
    at = NOON + timedelta(days=days)
    return portal_notices.send_notices(line, on=at.date(), at=at)


def notices(server):
    return [mail for mail in server.mails if "new or changed" in mail["Subject"]]


def test_a_notice_holds_counts_and_a_link_and_comes_weekly(line, server):
    staged(line, SCHOOL, "R-1", "R-2", at=NOON - timedelta(hours=9))
    assert (notice(line), notice(line)) == (1, 0)
    (mail,) = notices(server)
    assert mail["To"] == KIM
    assert "New scores:     2" in mail.get_content()
    assert line.settings.portal_url in mail.get_content()
    assert not re.search("Secretname|R-1|00123", mail.as_string())
    staged(line, SCHOOL, "R-3", at=NOON + timedelta(hours=9))
    assert notice(line, days=1) == 0, "Thursday of the same week"
    assert notice(line, days=5) == 1, "Monday of the next"
    assert "New scores:     1" in notices(server)[1].get_content()
    assert notice(line, days=12) == 0, "nothing came"


def test_where_to_choose_how_often_is_where_the_notice_says(line, server):
    staged(line, SCHOOL, "R-1", at=NOON - timedelta(hours=2))
    notice(line)
    assert "under Home" in notices(server)[0].get_content()


def test_earlier_results_that_are_taken_in_are_no_news(line, server):
    staged(line, SCHOOL, "R-1", "R-2", at=NOON - timedelta(hours=2))
    with line.connect() as conn:
        conn.execute("UPDATE ledger.result_version SET history = true WHERE result_id = 'R-1'")
    assert notice(line) == 1
    assert "New scores:     1" in notices(server)[0].get_content()
    with line.connect() as conn:
        conn.execute("UPDATE ledger.result_version SET history = true")
        conn.execute("DELETE FROM ledger.notice")
    assert notice(line) == 0


@pytest.mark.parametrize(("frequency", "expected"), [("daily", [1, 1]), ("weekly", [1, 0]), ("none", [0, 0])])
def test_a_person_chooses_how_often(line, frequency, expected):
    kim = sign_in(line, KIM)
    portal_access.set_notice(line, kim.person_id, SCHOOL, frequency, at=NOON)
    told = []
    for day in (0, 1):
        staged(line, SCHOOL, f"R-{day}", at=NOON + timedelta(days=day, hours=-2))
        told.append(notice(line, days=day))
    assert told == expected


def test_a_district_hears_of_its_schools(line, server):
    with line.connect() as conn:
        records.contact(conn, DISTRICT, "coordinator", email="dana@example.org")
    staged(line, OTHER, "R-1", at=NOON - timedelta(hours=2))
    notice(line)
    assert [mail["To"] for mail in notices(server)] == ["dana@example.org"]


def ask(line, school, *, at):
    return portal_access.request_code(
        line,
        person_id=None,
        name="Eve",
        email="eve@example.net",
        role="",
        school_code=school,
        message="",
        at=at,
    )


# what operations see ----------------------------------------------------------------------------------------


def needs(line, on=DAY):
    return {need["what"]: need for need in reconcile_deliveries.reconcile(line, on=on)["needs_a_person"]}


def test_schools_with_scores_and_nobody_able_to_sign_in_are_listed(line, monkeypatch, capsys):
    with line.connect() as conn:
        conn.execute("DELETE FROM ledger.mail WHERE organization_code = %s", [SCHOOL])
        conn.execute("DELETE FROM ledger.access_code WHERE organization_code = %s", [SCHOOL])
    staged(line, SCHOOL, "R-1")
    staged(line, OTHER, "R-2")
    with line.connect() as conn:
        conn.execute("UPDATE portal.staged_score SET released_on = %s", [DAY])
    seen = needs(line)
    assert seen["1 school with scores and nobody able to sign in: no-code"]["institution"] == SCHOOL
    assert seen["1 school with scores and nobody able to sign in: no-coordinator"]["institution"] == OTHER
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    capsys.readouterr()
    unopened = standing.unopened_schools(line)
    assert [(row["code"], row["scores"], row["why"]) for row in unopened] == [
        (SCHOOL, 1, "no-code"),
        (OTHER, 1, "no-coordinator"),
    ]
    assert all(row["what_to_do"] for row in unopened)
    assert app.main(["school", "unopened", "--json"]) == 0
    assert "schools" in json.loads(capsys.readouterr().out)
    with line.connect() as conn:
        records.contact(conn, DISTRICT, "coordinator", email="dana@example.org")
    mint(line, DISTRICT)
    mint(line, SCHOOL)
    assert not any("nobody able to sign in" in what for what in needs(line))


def test_requests_bounced_codes_and_foreign_students_wait_for_a_person(line, server):
    kim = let_in(line, KIM, SCHOOL, code_in(sent_to(server, SCHOOL)[0]))
    staged(line, SCHOOL, "R-1")
    portal_access.mark_not_our_student(line, kim.person_id, SCHOOL, "R-1", at=NOON)
    portal_access.request_code(
        line,
        person_id=None,
        name="Eve",
        email="eve@example.net",
        role="",
        school_code=OTHER,
        message="",
        at=NOON,
    )
    with line.connect() as conn:
        conn.execute("UPDATE ledger.access_code SET state = 'bounced' WHERE organization_code = %s", [OTHER])
    seen = needs(line)
    assert "1 request for an access code waits" in seen
    assert seen["1 access code came back"]["institution"] == OTHER
    assert seen["1 score marked as not our student"]["institution"] == SCHOOL


def test_the_mornings_work_answers_ends_and_can_be_done_again(line):
    sign_in(line, KIM)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2027-09-01' WHERE role = 'coordinator'")
    first = keep_codes.morning(line, on=DAY, at=NOON)
    assert first == {
        "requests": 0,
        "alternates": 0,
        "namings_ended": 0,
        "bindings_ended": 1,
        "sessions_ended": 0,
        "reminded": 0,
    }
    assert keep_codes.morning(line, on=DAY, at=NOON)["bindings_ended"] == 0


# the command line -------------------------------------------------------------------------------------------


@pytest.fixture
def command(line, monkeypatch, capsys):
    settings = {
        "DISTRIBUTION_HOME": str(line.settings.home),
        "DISTRIBUTION_DATABASE_URL": line.url,
        "DISTRIBUTION_SMTP_HOST": "127.0.0.1",
        "DISTRIBUTION_SMTP_PORT": str(line.settings.smtp_port),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        capsys.readouterr()
        code = app.main(["codes", *arguments])
        return code, capsys.readouterr().out

    return run


def test_the_commands_remind_resend_and_revoke(line, command):
    code, out = command("resend", SCHOOL, "--date", "2027-09-15", "--json")
    assert (code, json.loads(out)["state"]) == (0, "mailed")
    code, out = command("remind", "--year", "2027-28", "--date", "2027-08-16", "--json")
    assert (code, json.loads(out)["reminded"]) == (0, [SCHOOL, OTHER])
    assert command("revoke", SCHOOL, "--reason", "leaked", "--date", "2027-09-15")[0] == 2, "it asks first"
    code, out = command("revoke", SCHOOL, "--reason", "leaked", "--date", "2027-09-15", "--yes", "--json")
    assert [each["state"] for each in json.loads(out)["codes"]] == ["revoked", "mailed"]


def test_the_commands_list_confirm_and_refuse_requests(line, command):
    now = datetime.now(UTC)
    answers = [ask(line, school, at=now) for school in (OTHER, "999999")]
    _, out = command("requests", "list", "--json")
    assert [row["organization"] for row in json.loads(out)["requests"]] == [OTHER, "999999"]
    assert command("requests", "confirm", answers[0].reference, "--reason", "called")[0] == 0
    assert command("requests", "refuse", answers[1].reference, "--reason", "unknown")[0] == 0
    assert command("requests", "refuse", answers[1].reference, "--reason", "unknown")[0] == 2
    _, out = command("requests", "list")
    assert "No request waits" in out
