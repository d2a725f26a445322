"""Bounces that come after the mail server took the mail: read, booked once, listed for a person."""

import json
from dataclasses import replace
from datetime import date

import pytest

from distribution.cli import app
from distribution.errors import UsageError
from distribution.jobs import book_bounces, keep_codes, reconcile_deliveries
from distribution.jobs.issue_access_codes import issue, listed, preview
from tests.support import mail_servers, records
from tests.support.portal import NOON, code_in, let_in

SCHOOL, OTHER = "100001", "100002"
KIM = "kim@example.org"
DAY = date(2027, 9, 15)

POSTFIX = """\
Return-Path: <>
From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
To: scores@score-distribution.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="9B3.1/mail.example.org"

--9B3.1/mail.example.org
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<{address}>: host mx.example.org said: 550 5.1.1 User unknown

--9B3.1/mail.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org
Arrival-Date: Tue, 15 Jun 2027 09:00:00 -0400 (EDT)

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; {status} User unknown

--9B3.1/mail.example.org
Content-Description: Undelivered Message
Content-Type: message/rfc822

{original}
--9B3.1/mail.example.org--
"""

EXCHANGE = """\
From: postmaster@example.org
To: scores@score-distribution.example
Subject: Undeliverable: your access code
In-Reply-To: {message_id}
References: {message_id}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="_000_"

--_000_
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

PHA+VGhlIGFkZHJlc3Mgd2FzIG5vdCBmb3VuZC48L3A+

--_000_
Content-Type: message/delivery-status

Reporting-MTA: dns;MAIL01.example.org

Final-Recipient: RFC822;{address}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound

--_000_
Content-Type: text/rfc822-headers

From: scores@score-distribution.example
To: {address}
Message-ID: {message_id}

--_000_--
"""


@pytest.fixture
def server():
    return mail_servers.TakesAll()


@pytest.fixture
def line(line, server):
    """Two schools that were mailed their codes on 15 June 2027."""
    with line.connect() as conn:
        for code in (SCHOOL, OTHER):
            records.institution(conn, code)
            records.contact(conn, code)
            records.order(conn, code, date(2027, 1, 1))
        records.contact(conn, SCHOOL, "coordinator", email=KIM, name="Kim Lee")
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        ready = replace(line, settings=settings, now=lambda: NOON)
        issue(ready, year=2027, on=date(2027, 6, 15), approved_by="Kim")
        yield ready


def sent_to(server, code):
    return [mail for mail in server.mails if mail["To"] == f"contact-{code}@example.org"][-1]


def came_back(mail, *, form=POSTFIX, action="failed", status="5.1.1") -> str:
    """What a mail server sends in place of a mail that it took and could not deliver."""
    return form.format(
        address=mail["To"],
        action=action,
        status=status,
        message_id=mail["Message-ID"],
        original=mail.as_string(),
    )


@pytest.fixture
def write(tmp_path):
    def written(name: str, text: str):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return written


def states(line) -> dict[str, str]:
    return {row["organization"]: row["state"] for row in listed(line, year=2027, on=DAY)}


@pytest.mark.parametrize("form", [POSTFIX, EXCHANGE], ids=["postfix", "exchange"])
def test_a_bounce_is_booked_on_the_mail_and_its_code_and_waits_for_a_person(line, server, write, form):
    file = write("returned.eml", came_back(sent_to(server, SCHOOL), form=form))
    told = book_bounces.book(line, file, at=NOON)
    (bounce,) = told["bounces"]
    assert (bounce["organization"], bounce["kind"], bounce["code"]) == (SCHOOL, "access-code", "bounced")
    assert bounce["status"].startswith("5.1.1")
    assert states(line) == {SCHOOL: "bounced", OTHER: "mailed"}
    needs = {each["what"]: each for each in reconcile_deliveries.reconcile(line, on=DAY)["needs_a_person"]}
    assert needs["1 access code came back"]["institution"] == SCHOOL
    assert preview(line, year=2027, on=DAY).bounced == (SCHOOL,)


def test_read_again_it_changes_nothing(line, server, write):
    file = write("returned.eml", came_back(sent_to(server, SCHOOL)))
    book_bounces.book(line, file, at=NOON)
    again = book_bounces.book(line, file, at=NOON)
    assert (again["bounces"], again["already"]) == ([], 1)


def test_a_mended_contact_gets_the_same_code_after_the_bounce(line, server, write):
    first = sent_to(server, SCHOOL)
    book_bounces.book(line, write("returned.eml", came_back(first)), at=NOON)
    with line.connect() as conn:
        records.contact(conn, SCHOOL, email="new@example.org", valid_from=date(2027, 9, 1))
    issue(line, year=2027, on=DAY, approved_by="Kim")
    assert server.mails[-1]["To"] == "new@example.org"
    assert code_in(server.mails[-1]) == code_in(first)
    assert states(line)[SCHOOL] == "mailed"
    late = book_bounces.book(line, write("late.eml", came_back(first)), at=NOON)
    assert late["already"] == 1
    assert states(line)[SCHOOL] == "mailed"


def test_an_old_bounce_does_not_undo_a_later_mail_of_the_same_code(line, server, write):
    first = sent_to(server, SCHOOL)
    keep_codes.resend(line, SCHOOL, on=DAY)
    told = book_bounces.book(line, write("returned.eml", came_back(first)), at=NOON)
    assert told["bounces"][0]["code"] == "mailed"


def test_a_delay_is_no_bounce_and_a_mail_of_others_is_unknown(line, server, write):
    late = came_back(sent_to(server, SCHOOL), action="delayed", status="4.4.1")
    strange = came_back(sent_to(server, OTHER)).replace(
        sent_to(server, OTHER)["Message-ID"], "<x@example.net>"
    )
    told = book_bounces.book(line, write("late.eml", late), at=NOON)
    assert (told["bounces"], told["delayed"]) == ([], 1)
    told = book_bounces.book(line, write("strange.eml", strange), at=NOON)
    assert (told["bounces"], told["unknown"]) == ([], 1)
    assert set(states(line).values()) == {"mailed"}


def test_a_code_that_was_redeemed_stays_so_and_the_contact_waits_for_a_person(line, server, write):
    mail = sent_to(server, SCHOOL)
    let_in(line, KIM, SCHOOL, code_in(mail))
    told = book_bounces.book(line, write("returned.eml", came_back(mail)), at=NOON)
    assert told["bounces"][0]["code"] == "redeemed"
    needs = {each["what"]: each for each in reconcile_deliveries.reconcile(line, on=DAY)["needs_a_person"]}
    assert needs["1 contact whose mail came back"]["institution"] == SCHOOL


def test_a_mailbox_holds_many_and_what_is_no_notification_is_counted(line, server, write):
    def boxed(text):
        return f"From MAILER-DAEMON Tue Jun 15 13:00:00 2027\n{text}\n"

    holiday = "From: pat@example.org\nSubject: Out of office\n\nBack on Monday.\n"
    both = [came_back(sent_to(server, SCHOOL)), came_back(sent_to(server, OTHER), form=EXCHANGE), holiday]
    told = book_bounces.book(line, write("bounces.mbox", "".join(map(boxed, both))), at=NOON)
    assert sorted(each["organization"] for each in told["bounces"]) == [SCHOOL, OTHER]
    assert told["unreadable"] == 1


def test_a_list_names_addresses_and_status(line, server, write):
    rows = (
        "Address,Status\r\n"
        f"Contact-{SCHOOL}@example.org,5.1.1\r\n"
        f"contact-{OTHER}@example.org,4.2.2\r\n"
        "nobody@example.net,5.1.1\r\n"
    )
    told = book_bounces.book(line, write("bounces.csv", rows), at=NOON)
    assert [each["organization"] for each in told["bounces"]] == [SCHOOL]
    assert (told["delayed"], told["unknown"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("note.eml", "From: pat@example.org\nSubject: Hello\n\nNo report.\n"),
        ("list.csv", "name,status\nPat,5.1.1\n"),
        ("empty.csv", "address\n"),
        ("empty.mbox", ""),
    ],
)
def test_another_file_is_a_usage_error_that_says_what_to_give(line, write, name, text):
    with pytest.raises(UsageError, match="delivery status notification"):
        book_bounces.book(line, write(name, text), at=NOON)


def test_the_command_names_organisations_and_never_a_word_of_the_returned_mail(
    line, server, write, capsys, caplog, monkeypatch
):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    mail = sent_to(server, SCHOOL)
    file = write("returned.eml", came_back(mail))
    with caplog.at_level("DEBUG"):
        assert app.main(["codes", "bounce", str(file), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["bounces"][0]["organization"] == SCHOOL
    assert app.main(["codes", "bounce", str(file)]) == 0
    assert "were booked before" in capsys.readouterr().out
    assert app.main(["codes", "bounce", str(file) + ".none"]) == 2
    code = code_in(mail)
    with line.connect() as conn:
        noted = conn.execute("SELECT last_error FROM ledger.mail WHERE state = 'bounced'").fetchall()
    for told in (captured.out, captured.err, caplog.text, str(noted)):
        assert code not in told
        assert mail["To"] not in told
