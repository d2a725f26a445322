"""Whom somebody named, ends: with who named him, with a feed, by the coordinator, by operations."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from distribution.cli import app
from distribution.errors import UsageError
from distribution.jobs import (
    ask_for_codes,
    ingest_feeds,
    keep_codes,
    mails,
    named_people,
    portal_access,
    settle_requests,
)
from distribution.jobs.portal_access import Person, Refusal, RefusalReason
from distribution.ledger import holders
from tests.support import mail_servers, records
from tests.support.feeds import contact_row, write_feed
from tests.support.portal import NOON, code_in, let_in, log_of, mint, sign_in

SCHOOL, EMPTY = "100001", "100002"
KIM, ALEX, SAM, EVE, NEW = (f"{name}@example.org" for name in ("kim", "alex", "sam", "eve", "new"))
JULY = date(2027, 7, 1)  # before anybody was named


@pytest.fixture
def server():
    return mail_servers.TakesAll()


@pytest.fixture
def line(line, server):
    """A school with coordinator and an alternate of the feed, one with nobody, and a mail server."""
    with line.connect() as conn:
        for school in (SCHOOL, EMPTY):
            records.institution(conn, school)
        records.contact(conn, SCHOOL, "coordinator", email=KIM, name="Kim Lee")
        records.contact(conn, SCHOOL, "alternate", email=ALEX, name="Alex Fox")
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        yield replace(line, settings=settings, now=lambda: NOON)


@pytest.fixture
def kim(line) -> Person:
    return let_in(line, KIM, SCHOOL, mint(line, SCHOOL))


@pytest.fixture
def sam(line, kim) -> Person:
    """The alternate whom Kim named, signed in."""
    name(line, kim)
    person = sign_in(line, SAM)
    assert isinstance(person, Person)
    return person


@pytest.fixture
def eve(line) -> Person:
    """The coordinator whom operations confirmed at the school that had none."""
    asked = ask(line, None, EMPTY, email=EVE)
    settle_requests.confirm(line, asked.reference, reason="called", by="Pat", at=NOON)
    person = sign_in(line, EVE)
    assert isinstance(person, Person)
    return person


def name(line, kim, email=SAM):
    assert portal_access.name_alternate(
        line, kim.person_id, SCHOOL, name=email.split("@")[0].title(), email=email, at=NOON
    ) is None  # fmt: skip


def ask(line, person, school=SCHOOL, *, email="", at=NOON):
    return portal_access.request_code(
        line, person_id=person.person_id if person else None, name="", email=email, role="",
        school_code=school, message="", at=at,
    )  # fmt: skip


def contact(line, school, role, email, **given):
    with line.connect() as conn:
        records.contact(conn, school, role, email=email, **given)


def end_contact(line, email, last=date(2027, 9, 14)):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = %s WHERE email = %s", [last, email])


def stands(line, person, at=NOON) -> bool:
    return portal_access.person_of(line, person.person_id, on=at) is not None


def in_force(line, school=SCHOOL):
    with line.connect() as conn:
        return [each.email for each in holders.holders(conn, [school], on=NOON.date())]


def endings(line, school=SCHOOL):
    ended = portal_access.ended_namings(line, school, since=NOON - timedelta(days=90))
    return [(each.email, each.ended_because) for each in ended]


def code_mails_to(server, email):
    return [mail for mail in server.mails if mail["To"] == email and "access code" in mail["Subject"]]


# with the one who named ------------------------------------------------------------------------------------


def test_an_alternate_loses_access_at_once_with_the_coordinator_who_named_him(line, sam):
    end_contact(line, KIM)
    assert not stands(line, sam)
    assert sign_in(line, SAM) == Refusal(RefusalReason.FORMER_CONTACT)
    assert in_force(line) == [ALEX]


def test_nine_months_later_no_code_goes_to_the_alternate_of_a_coordinator_who_left(line, sam, server):
    end_contact(line, KIM)
    contact(line, SCHOOL, "coordinator", NEW, valid_from=date(2027, 9, 15))
    later = datetime(2028, 7, 3, 16, 0, tzinfo=UTC)
    assert isinstance(sign_in(line, SAM, on=later), Refusal)
    ask(line, None, email=SAM, at=later)
    ask(line, sam, email=SAM, at=later)
    assert code_mails_to(server, SAM) == []
    assert {mail["To"] for mail in server.mails if "asks for" in mail["Subject"]} == {NEW}


@pytest.mark.parametrize("is_noted", [True, False])
def test_he_stays_outside_when_the_coordinator_comes_back_once_the_end_is_noted(line, sam, is_noted):
    end_contact(line, KIM)
    if is_noted:
        assert keep_codes.morning(line, on=NOON.date(), at=NOON)["namings_ended"] == 1
        assert endings(line) == [(SAM, "namer-left")]
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = NULL")
    sign_in(line, KIM)
    assert stands(line, sam) is not is_noted


def test_a_successor_of_the_coordinator_names_anew(line, sam):
    contact(line, SCHOOL, "coordinator", NEW, valid_from=date(2027, 9, 1))
    assert not stands(line, sam)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.access_code SET state = 'revoked'")
    new = let_in(line, NEW, SCHOOL, mint(line, SCHOOL))
    name(line, new)
    assert stands(line, sam)


def test_asked_for_an_earlier_day_the_morning_ends_nobody(line, sam):
    """By the day that it is: on the day asked for Kim was not coordinator yet."""
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_from = '2027-09-01' WHERE email = %s", [KIM])
    keep_codes.morning(line, on=date(2027, 8, 20), at=NOON)
    assert stands(line, sam)


# with a feed -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("valid_from", [JULY, date(2027, 9, 15)])
def test_a_coordinator_of_a_feed_ends_the_confirmed_one_whatever_the_day_from_which_it_counts(
    line, eve, valid_from
):
    contact(line, EMPTY, "coordinator", NEW, valid_from=valid_from)
    assert not stands(line, eve)
    assert in_force(line, EMPTY) == [NEW]
    assert isinstance(sign_in(line, NEW), Person)
    keep_codes.morning(line, on=NOON.date(), at=NOON)
    assert endings(line, EMPTY) == [(EVE, "feed")]


def test_until_the_feeds_coordinator_takes_office_the_confirmed_one_stays(line, eve):
    contact(line, EMPTY, "coordinator", NEW, valid_from=date(2027, 9, 20))
    assert stands(line, eve)
    assert not stands(line, eve, at=NOON + timedelta(days=5))


def test_an_alternate_whom_a_feed_brings_later_ends_the_named_one_and_those_on_file_do_not(line, sam):
    assert in_force(line) == [KIM, ALEX, SAM]
    contact(line, SCHOOL, "alternate", ALEX, name="Alex J. Fox")
    assert stands(line, sam), "the same alternate under a mended name is nobody new"
    contact(line, SCHOOL, "alternate", NEW, valid_from=JULY)
    assert not stands(line, sam)
    keep_codes.morning(line, on=NOON.date(), at=NOON)
    assert endings(line) == [(SAM, "feed")]


def test_the_feed_itself_notes_the_end_so_that_nobody_comes_back_with_the_next_one(line, eve, tmp_path):
    row = contact_row(
        organization_code=EMPTY, role="coordinator", email=NEW, valid_from="2027-07-01", valid_to=""
    )
    feed = write_feed(tmp_path, "contacts", [row], day=NOON.date())
    assert ingest_feeds.ingest_files(line, [feed]).feeds[0].state == "recorded"
    assert endings(line, EMPTY) == [(EVE, "feed")]


# by the coordinator ----------------------------------------------------------------------------------------


def test_the_coordinator_removes_the_alternate_who_is_out_at_once_and_gets_no_code(line, kim, sam, server):
    assert portal_access.remove_alternate(line, kim.person_id, SCHOOL, _named_id(line), at=NOON) is None
    assert not stands(line, sam)
    assert endings(line) == [(SAM, "removed")]
    ask(line, sam, email=SAM)
    assert code_mails_to(server, SAM) == []
    assert log_of(line, "kind", "outcome", "reason")[-2] == ("alternate", "done", "removed")


def test_nobody_but_the_coordinator_removes_and_nobody_of_a_feed_or_another_school_is_removed(line, kim, sam):
    named = _named_id(line)
    alex = sign_in(line, ALEX)
    refused = portal_access.remove_alternate(line, alex.person_id, SCHOOL, named, at=NOON)
    assert refused == Refusal(RefusalReason.CODE_FIRST)
    refused = portal_access.remove_alternate(line, kim.person_id, EMPTY, named, at=NOON)
    assert refused == Refusal(RefusalReason.NOT_YOUR_ORGANIZATION)
    refused = portal_access.remove_alternate(line, kim.person_id, SCHOOL, named + 1, at=NOON)
    assert refused == Refusal(RefusalReason.NOT_NAMED_HERE)
    assert stands(line, sam)


def test_a_code_that_waits_for_the_mail_server_is_taken_back_when_its_addressee_is_removed(
    line, kim, sam, server
):
    down = replace(line, settings=line.settings.model_copy(update={"smtp_host": None}))
    answer = ask(down, sam, email=SAM)
    assert answer.text_key == "sent"
    portal_access.remove_alternate(line, kim.person_id, SCHOOL, _named_id(line), at=NOON)
    mails.send_waiting(line)
    assert code_mails_to(server, SAM) == []
    with line.connect() as conn:
        assert conn.execute("SELECT state FROM ledger.access_code").fetchall() == [("redeemed",)]
    ask_for_codes.answer_requests(line, at=NOON)
    assert [row["id"] for row in settle_requests.listed(line)] == [answer.reference]


def _named_id(line) -> int:
    with line.connect() as conn:
        return conn.execute("SELECT max(named_contact_id) FROM portal.named_contact").fetchone()[0]


# by operations ---------------------------------------------------------------------------------------------


def test_operations_end_a_confirmed_coordinator_and_with_her_whom_she_named(line, eve, server):
    code = code_in(code_mails_to(server, EVE)[0])
    portal_access.redeem(line, eve.person_id, EMPTY, code, at=NOON)
    portal_access.agree(line, eve.person_id, EMPTY, at=NOON)
    portal_access.name_alternate(line, eve.person_id, EMPTY, name="Sam", email=SAM, at=NOON)
    sam = sign_in(line, SAM)
    done = named_people.end(line, EMPTY, "EVE@example.org", reason="not known there", by="Pat", at=NOON)
    assert (done["role"], done["state"]) == ("coordinator", "ended")
    assert not stands(line, eve)
    assert not stands(line, sam)
    assert endings(line, EMPTY) == [(SAM, "namer-left"), (EVE, "operations")]


def test_operations_end_nobody_whom_a_feed_brought_or_who_is_not_there(line):
    for email, why in ((KIM, "contacts feed brought"), (EVE, "Nobody of this address")):
        with pytest.raises(UsageError, match=why):
            named_people.end(line, SCHOOL, email, reason="gone", by="Pat", at=NOON)


def test_the_commands_list_people_and_end_them(line, eve, monkeypatch, capsys):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    with line.connect() as conn:  # as if it had been before today, whatever day that is
        conn.execute("UPDATE portal.named_contact SET valid_from = '2020-01-01'")

    def run(*arguments):
        capsys.readouterr()
        code = app.main(["school", "people", *arguments])
        return code, capsys.readouterr().out

    code, out = run("list", EMPTY, "--json")
    (listed,) = json.loads(out)["people"]
    assert (code, listed["role"], listed["email"], listed["named_by"]) == (0, "coordinator", EVE, "Pat")
    assert run("end", EMPTY, EVE)[0] == 2, "not without a reason"
    code, out = run("end", EMPTY, EVE, "--reason", "left the school", "--json")
    assert (code, json.loads(out)["state"]) == (0, "ended")
    assert run("end", EMPTY, EVE, "--reason", "again")[0] == 2
    assert "no coordinator and no alternate" in run("list", EMPTY)[1]
