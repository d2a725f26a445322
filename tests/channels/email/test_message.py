"""A mail is plain text, always the same one, and holds its code on a line of its own."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from distribution.channels.email import message, templates
from distribution.errors import PermanentError
from distribution.model import Mail

PLANNED = datetime(2027, 6, 15, 14, 0, tzinfo=UTC)


def mail(**given):
    return Mail(**{"message_id": message.message_id("access-code", "123456|2027"), "to": "kim@example.org",
                   "subject": "Your code", "text": "Hello\n\nABCD-EFGH\n", **given})  # fmt: skip


def built(**given):
    return message.build(mail(**given), sender="Scores <scores@example.org>", dated=PLANNED)


def test_the_same_kind_and_key_give_the_same_message_id():
    assert message.message_id("access-code", "1") == message.message_id("access-code", "1")
    assert message.message_id("access-code", "1") != message.message_id("access-code", "2")
    assert message.message_id("access-code", "1") != message.message_id("correction-notice", "1")


def test_the_same_mail_is_the_same_bytes():
    assert built(text="Grüße\n").as_bytes() == built(text="Grüße\n").as_bytes()


def test_the_date_is_the_day_on_which_the_mail_was_planned():
    assert built()["Date"] == "Tue, 15 Jun 2027 14:00:00 +0000"


@pytest.mark.parametrize("name", ["Łódź High School", "École Ñandú " * 20])
def test_a_name_in_any_alphabet_arrives_and_the_code_stays_readable_on_its_line(name):
    sent = built(text=f"Code of {name}:\n\nABCD-EFGH-JKMN-PQ\n").as_bytes()
    assert b"\r\nABCD-EFGH-JKMN-PQ\r\n" in sent
    read = message_from_bytes(sent, policy=policy.default)
    assert f"Code of {name}:" in read.get_content().splitlines()
    assert read.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    "given", [{"to": "kim@example.org\nBcc: all@example.org"}, {"subject": "a\r\nBcc: b@c.d"}]
)
def test_a_line_break_cannot_add_a_header(given):
    with pytest.raises(PermanentError):
        built(**given)


def test_a_code_goes_into_its_single_place():
    assert message.with_code(f"a\n{message.CODE_MARK}\nb", "ABCD") == "a\nABCD\nb"
    for text in ("no place", f"{message.CODE_MARK} {message.CODE_MARK}"):
        with pytest.raises(PermanentError):
            message.with_code(text, "ABCD")


CODE_VALUES = {
    "organization": "Łódź & Sons <High>", "contact_name": "Kim O'Brien", "year": "2027-28",
    "first_day": "July 1, 2027", "last_day": "June 30, 2028", "code": message.CODE_MARK, "programme": "CLEP",
    "portal_url": "https://portal.example.org", "operations_email": "operations@example.org",
}  # fmt: skip


def test_the_code_mail_says_what_where_and_how_long_and_keeps_names_as_they_are():
    subject, text = templates.render("access-code", **CODE_VALUES)
    assert subject == "Your access code for 2027-28 scores"
    assert message.CODE_MARK in text.splitlines()
    for words in ("Łódź & Sons <High>", "July 1, 2027", "June 30, 2028", "https://portal.example.org",
                  "operations@example.org", "same all year", "do not share"):  # fmt: skip
        assert words in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_line_break_in_a_value_does_not_become_a_second_subject_line():
    subject, _ = templates.render("access-code", **{**CODE_VALUES, "year": "2027-28\nBcc: x"})
    assert "\n" not in subject


def test_a_template_that_asks_for_more_than_it_gets_is_an_error_that_names_it():
    with pytest.raises(PermanentError, match=r"access-code\.txt"):
        templates.render("access-code", year="2027-28")
