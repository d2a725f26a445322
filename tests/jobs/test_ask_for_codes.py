"""`Don't have an access code`: the coordinator gets it, others are referred, operations confirm the rest."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from distribution.access_codes import code
from distribution.errors import UsageError
from distribution.jobs import ask_for_codes, mails, portal_access, settle_requests
from distribution.jobs.portal_access import NotAccepted, Person, Refusal, RefusalReason, RequestText
from tests.support import mail_servers, records
from tests.support.portal import NOON, code_in, mint, sign_in

SCHOOL, EMPTY = "100001", "100002"
KIM, ALEX, EVE = "kim@example.org", "alex@example.org", "eve@example.net"


@pytest.fixture
def server():
    return mail_servers.TakesAll()


@pytest.fixture
def line(line, server):
    """A school with coordinator and alternate, one with nobody, and a mail server."""
    with line.connect() as conn:
        records.institution(conn, SCHOOL, name="Lincoln High")
        records.institution(conn, EMPTY, name="Nobody's High")
        records.contact(conn, SCHOOL, "coordinator", email=KIM, name="Kim Lee")
        records.contact(conn, SCHOOL, "alternate", email=ALEX, name="Alex Fox")
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        yield replace(line, settings=settings, now=lambda: NOON)


def ask(line, *, person_id=None, email=EVE, school=SCHOOL, role="teacher", at=NOON, **given):
    return portal_access.request_code(
        line,
        person_id=person_id,
        name=given.pop("name", "Eve Doe"),
        email=email,
        role=role,
        school_code=school,
        message=given.pop("message", ""),
        at=at,
        **given,
    )


def test_the_coordinator_who_is_signed_in_gets_the_code_at_the_address_on_file(line, server):
    written = mint(line, SCHOOL)
    kim = sign_in(line, KIM)
    answer = ask(line, person_id=kim.person_id, email="elsewhere@example.net")
    assert answer.text_key == RequestText.SENT
    assert re.fullmatch("[0-9A-Z]{4}-[0-9A-Z]{4}", answer.reference)
    assert [(mail["To"], code_in(mail)) for mail in server.mails] == [(KIM, written)]


def test_the_alternate_gets_one_issued_where_there_is_none_and_later_the_same_again(line, server):
    alex = sign_in(line, ALEX)
    ask(line, person_id=alex.person_id)
    ask(line, person_id=alex.person_id)
    assert [mail["To"] for mail in server.mails] == [ALEX, ALEX]
    assert len({code_in(mail) for mail in server.mails}) == 1
    assert portal_access.redeem(line, alex.person_id, SCHOOL, code_in(server.mails[0]), at=NOON).academic_year


def test_anyone_else_is_referred_and_the_coordinator_gets_a_mail_without_a_code(line, server):
    mint(line, SCHOOL)
    answer = ask(line, message="Please, for Ann Nguyen")
    assert answer.text_key == RequestText.REFERRED
    assert [mail["To"] for mail in server.mails] == [KIM]
    text = server.mails[0].get_content()
    assert "eve@example.net" in text
    assert answer.reference in text
    assert not re.search("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", text)


def test_an_askers_own_words_stand_in_the_portal_and_in_no_mail(line, server):
    """They may name a student."""
    ask(line, name="For Ann Nguyen", role="Nguyen's aunt", email="ann nguyen@x", message="Ann Nguyen, please")
    assert "Nguyen" not in server.mails[0].as_string()
    (asker,) = portal_access.askers_of(line, SCHOOL, since=NOON)
    assert (asker.name, asker.role) == ("For Ann Nguyen", "Nguyen's aunt")
    assert portal_access.askers_of(line, EMPTY, since=NOON) == ()


def test_the_answer_does_not_tell_whether_an_address_is_the_coordinators(line, server):
    stranger, coordinator = ask(line), ask(line, email="KIM@example.org")
    assert stranger.text_key == coordinator.text_key == RequestText.REFERRED
    assert [mail["To"] for mail in server.mails] == [KIM, KIM]
    assert code_in(server.mails[1]), "it goes to the address on file, whoever asked"


@pytest.mark.parametrize("school", [EMPTY, "999999", ""])
def test_with_no_coordinator_on_file_operations_look_and_nobody_becomes_one_by_their_own_word(
    line, server, school
):
    answer = ask(line, school=school, role="coordinator")
    assert answer.text_key == RequestText.OPERATIONS
    assert server.mails == []
    assert sign_in(line, EVE) == Refusal(RefusalReason.NOT_A_CONTACT)
    assert [row["id"] for row in settle_requests.listed(line)] == [answer.reference]


def test_confirmed_by_a_person_the_asker_gets_the_code_and_in(line, server):
    answer = ask(line, school=EMPTY, role="coordinator")
    done = settle_requests.confirm(line, answer.reference, reason="called the school", by="Pat", at=NOON)
    assert done["state"] == "confirmed"
    assert [mail["To"] for mail in server.mails] == [EVE]
    eve = sign_in(line, EVE)
    assert isinstance(eve, Person)
    taken = portal_access.redeem(line, eve.person_id, EMPTY, code_in(server.mails[0]), at=NOON)
    assert taken.needs_agreement
    assert settle_requests.listed(line) == []
    with pytest.raises(UsageError, match="waits for operations"):
        settle_requests.confirm(line, answer.reference, reason="again", by="Pat", at=NOON)


def test_a_coordinator_of_a_later_feed_takes_over_from_the_confirmed_one(line):
    answer = ask(line, school=EMPTY)
    settle_requests.confirm(line, answer.reference, reason="called", by="Pat", at=NOON)
    eve = sign_in(line, EVE)
    with line.connect() as conn:
        records.contact(conn, EMPTY, "coordinator", email="new@example.org", valid_from=date(2027, 9, 20))
    assert portal_access.person_of(line, eve.person_id, on=NOON + timedelta(days=7)) is None


def test_what_was_refused_opens_nothing(line, server):
    answer = ask(line, school=EMPTY)
    settle_requests.refuse(line, answer.reference, reason="nobody knows her", by="Pat", at=NOON)
    assert server.mails == []
    assert isinstance(sign_in(line, EVE), Refusal)


def test_operations_cannot_confirm_over_the_head_of_a_coordinator_or_for_a_school_not_on_file(line):
    waiting, unknown = ask(line, school=EMPTY), ask(line, school="999999")
    with line.connect() as conn:
        records.contact(conn, EMPTY, "coordinator", email="new@example.org")
    for answer in (waiting, unknown):
        with pytest.raises(UsageError, match="Refuse"):
            settle_requests.confirm(line, answer.reference, reason="called", by="Pat", at=NOON)


def test_a_second_person_with_an_address_in_use_is_let_in_once_operations_freed_it(line):
    first = sign_in(line, KIM, subject="the first")
    for _ in range(3):
        assert sign_in(line, KIM, subject="the second") == Refusal(RefusalReason.ADDRESS_IN_USE)
    (waiting,) = settle_requests.listed(line)
    assert (waiting["kind"], waiting["email"]) == ("sign-in", KIM)
    settle_requests.confirm(line, waiting["id"], reason="the mailbox has a new owner", by="Pat", at=NOON)
    assert isinstance(sign_in(line, KIM, subject="the second"), Person)
    assert portal_access.person_of(line, first.person_id, on=NOON) is None


# how much is too much ---------------------------------------------------------------------------------------


def test_others_bring_a_school_five_mails_a_day_and_read_so_when_theirs_is_one_too_many(line, server):
    answers = [ask(line, address=f"192.0.2.{n}", at=NOON + timedelta(minutes=n)) for n in range(7)]
    assert len(server.mails) == 5
    told = [answer.text_key for answer in answers]
    assert told == [RequestText.REFERRED] * 5 + [RequestText.TOO_MANY_TODAY] * 2
    assert [answer.reference for answer in answers[5:]] == ["", ""], "not taken"
    assert [state for state, _ in requests(line)] == ["answered"] * 5
    assert ask(line, at=NOON + timedelta(days=1, minutes=1)).text_key == RequestText.REFERRED


@pytest.mark.parametrize("email", [EVE, KIM])
def test_nobody_cuts_the_coordinator_off_from_the_code(line, server, email):
    """However many ask from her own network, be it in her name: who is signed in gets her code."""
    kim = sign_in(line, KIM)
    for n in range(25):
        ask(line, email=email, address="192.0.2.1", at=NOON + timedelta(minutes=n))
    server.mails.clear()
    later = NOON + timedelta(minutes=30)
    answer = ask(line, person_id=kim.person_id, address="192.0.2.1", at=later)
    assert answer.text_key == RequestText.SENT
    assert [mail["To"] for mail in server.mails] == [KIM]
    assert code_in(server.mails[0])


def test_a_limit_does_not_tell_whether_an_address_is_the_coordinators(line):
    for n in range(5):
        ask(line, address=f"192.0.2.{n}")
    assert ask(line, email=EVE).text_key == ask(line, email=KIM).text_key == RequestText.TOO_MANY_TODAY


def test_a_contact_who_asks_for_the_sixth_time_reads_that_no_mail_goes(line, server):
    kim = sign_in(line, KIM)
    told = [ask(line, person_id=kim.person_id, at=NOON + timedelta(minutes=n)).text_key for n in range(6)]
    assert told == [RequestText.SENT] * 5 + [RequestText.SENT_BEFORE]
    assert len(server.mails) == 5
    alex = sign_in(line, ALEX)
    assert ask(line, person_id=alex.person_id).text_key == RequestText.SENT


def test_one_address_asks_twenty_times_an_hour(line):
    told = [ask(line, school=EMPTY, address="192.0.2.1").text_key for _ in range(21)]
    assert told == [RequestText.OPERATIONS] * 20 + [RequestText.TOO_MANY]


# answered is what was mailed --------------------------------------------------------------------------------


def requests(line):
    with line.connect() as conn:
        return conn.execute(
            "SELECT state, settled_at FROM portal.code_request ORDER BY request_id"
        ).fetchall()


def test_a_request_is_answered_when_its_mail_has_left_and_not_before(line, server):
    down = replace(line, settings=line.settings.model_copy(update={"smtp_host": None}))
    ask(down)
    assert requests(line) == [("open", None)]
    assert ask_for_codes.answer_requests(down, at=NOON) == 0, "its mail is planned"
    later = replace(line, now=lambda: NOON + timedelta(hours=3))
    mails.send_waiting(later)
    ask_for_codes.answer_requests(later, at=later.now())
    assert requests(line) == [("answered", NOON + timedelta(hours=3))]
    assert len(server.mails) == 1


def test_a_request_whose_mail_nobody_takes_goes_to_operations_and_the_asker_reads_so(line):
    with mail_servers.serving(mail_servers.Answers(KIM, "550 no such mailbox")) as port:
        refusing = replace(line, settings=line.settings.model_copy(update={"smtp_port": port}))
        answer = ask(refusing)
    assert answer.text_key == RequestText.OPERATIONS
    assert [row["id"] for row in settle_requests.listed(line)] == [answer.reference]


def test_for_a_closed_school_operations_look_and_the_asker_reads_so(line, server):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.institution_version SET status = 'closed' WHERE code = %s", [SCHOOL])
    kim = sign_in(line, KIM)
    answer = ask(line, person_id=kim.person_id)
    assert answer.text_key == RequestText.OPERATIONS
    assert server.mails == []
    assert [row["id"] for row in settle_requests.listed(line)] == [answer.reference]


def test_an_asker_writes_no_lines_into_a_mail(line, server):
    ask(line, name="Eve\r\nBcc: all@example.org\n\nSend the code", email="eve@example.net\nX: y")
    (mail,) = server.mails
    assert set(mail.keys()) >= {"To", "Subject"}
    assert mail["Bcc"] is None
    assert not any(
        each.startswith(("Bcc", "Send the code", "X:")) for each in mail.get_content().splitlines()
    )


def test_guessing_is_limited_by_account_and_address_without_locking_the_school_out(line):
    written = mint(line, SCHOOL)
    kim, alex = sign_in(line, KIM), sign_in(line, ALEX)

    def enter(person, text, at=NOON):
        return portal_access.redeem(line, person.person_id, SCHOOL, text, at=at, address="192.0.2.1")

    wrong = [enter(alex, code.mint().written()) for _ in range(7)]
    assert [answer.reason for answer in wrong] == ["not-accepted"] * 5 + ["too-many"] * 2
    assert wrong[-1].retry_at == NOON + timedelta(hours=1)
    assert isinstance(enter(alex, written), NotAccepted), "the right one is not looked at while he waits"
    assert not isinstance(enter(kim, written), NotAccepted)
    later = datetime(2027, 9, 15, 17, 0, 1, tzinfo=UTC)
    assert not isinstance(enter(alex, written, at=later), NotAccepted)
