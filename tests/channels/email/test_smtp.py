"""What a mail server answers decides whether a mail is tried again."""

from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import AuthResult

from distribution.channels.email import message, smtp
from distribution.errors import PermanentError, TransientError
from distribution.model import Mail
from tests.support import mail_servers

CODE = "ABCD-EFGH-JKMN-PQ"


def mail(to="kim@example.org"):
    return message.build(
        Mail(message_id=message.message_id("test", to), to=to, subject="Code", text=f"Hello\n{CODE}\n"),
        sender="scores@example.org",
        dated=datetime(2027, 6, 15, tzinfo=UTC),
    )


def send(handler, to="kim@example.org", **options):
    with mail_servers.serving(handler, **options) as port, smtp.session(at(port)) as session:
        smtp.send(session, mail(to))


def at(port, **given):
    return smtp.MailServer(host="127.0.0.1", port=port, seconds=5, **given)


def test_a_mail_arrives_as_it_was_made():
    server = mail_servers.TakesAll()
    send(server)
    assert [each["Message-ID"] for each in server.mails] == [message.message_id("test", "kim@example.org")]
    assert CODE in server.mails[0].get_content().splitlines()


@pytest.mark.parametrize(
    ("reply", "after_data", "error"),
    [
        ("450 mailbox busy", False, smtp.MailDeferred),
        ("452 no space", True, smtp.MailDeferred),
        ("550 no such user", False, smtp.MailRefused),
        ("554 spam", True, smtp.MailRefused),
    ],
)
def test_the_servers_number_tells_later_from_never(reply, after_data, error):
    with pytest.raises(error):
        send(mail_servers.Answers("kim@example.org", reply, after_data=after_data))


def test_later_is_temporary_and_never_is_permanent():
    assert issubclass(smtp.MailDeferred, TransientError)
    assert issubclass(smtp.MailServerUnavailable, TransientError)
    assert issubclass(smtp.MailRefused, PermanentError)
    assert issubclass(smtp.SignInRefused, PermanentError)


def test_a_server_that_repeats_the_mail_in_its_answer_does_not_bring_it_into_our_errors():
    with pytest.raises(smtp.MailRefused) as refused:
        send(mail_servers.Answers("kim@example.org", f"554 spam: {CODE}", after_data=True))
    assert CODE not in str(refused.value)
    assert refused.value.__suppress_context__
    assert refused.value.__cause__ is None


def test_a_line_that_breaks_after_the_mail_is_temporary():
    server = mail_servers.DropsAfterData(times=1)
    with pytest.raises(smtp.MailServerUnavailable):
        send(server)
    assert len(server.mails) == 1


def test_a_server_that_is_not_there_is_temporary():
    with pytest.raises(smtp.MailServerUnavailable), smtp.session(at(mail_servers.free_port())):
        pass


@pytest.mark.parametrize(("password", "is_right"), [("right", True), ("wrong", False)])
def test_the_password_signs_in_and_a_wrong_one_is_for_a_person(password, is_right):
    def check(server, session, envelope, mechanism, given):
        return AuthResult(success=given.password == b"right", handled=False)

    server = mail_servers.TakesAll()
    options = {"authenticator": check, "auth_require_tls": False, "auth_required": True}
    with mail_servers.serving(server, **options) as port:
        host = at(port, username="scores", password=password)
        if is_right:
            with smtp.session(host) as session:
                smtp.send(session, mail())
        else:
            with pytest.raises(smtp.SignInRefused), smtp.session(host):
                pass
    assert len(server.mails) == is_right


def test_a_server_without_tls_gets_nothing_when_tls_is_asked_for():
    server = mail_servers.TakesAll()
    with (
        mail_servers.serving(server) as port,
        pytest.raises(smtp.SignInRefused),
        smtp.session(at(port, starttls=True)),
    ):
        pass
    assert server.mails == []


def test_a_password_does_not_show_itself():
    assert "secret" not in repr(smtp.MailServer(host="h", password="secret"))


def test_a_kept_mail_lies_whole_under_the_name_of_its_message_id(tmp_path):
    path = smtp.keep(tmp_path / "mail", mail())
    assert smtp.keep(tmp_path / "mail", mail()) == path
    assert [file.name for file in (tmp_path / "mail").iterdir()] == [path.name]
    assert path.read_bytes() == mail().as_bytes()
    assert path.stat().st_mode & 0o077 == 0
