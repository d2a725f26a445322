"""The yearly mailing: each eligible organisation gets one code by one mail, whatever breaks in between."""

import logging
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from distribution.access_codes import code, vault
from distribution.errors import AnotherRunHoldsTheLock, UsageError
from distribution.jobs.issue_access_codes import issue, issue_missing, listed, preview
from distribution.ledger import codes, embedded, locks
from tests.support import mail_servers, records
from tests.support.dead_runs import wait_until_seen_to_be_dead

DAY = date(2027, 6, 15)
YEAR = 2027
ELIGIBLE = ("100001", "100002", "4471", "D00001")


@pytest.fixture
def line(line):
    """Organisations of every sort, on 15 June 2027."""
    with line.connect() as conn:
        records.institution(conn, "100001", name="Łódź High School")
        records.institution(conn, "100002")
        records.institution(conn, "4471", kind="college", delivery_method="paper")
        records.institution(conn, "D00001", kind="district")
        records.institution(conn, "100005", name="No contact")
        records.institution(conn, "100006", status="closed")
        records.institution(conn, "100007", name="Cancelled its order")
        records.institution(conn, "100008", name="Ordered too early")
        records.institution(conn, "100009", name="Ordered too late")
        for organization in ("100001", "100002", "4471", "D00001", "100006", "100007", "100008", "100009"):
            records.contact(conn, organization)
        records.contact(conn, "100005", valid_to=date(2027, 1, 1))
        records.order(conn, "100001", date(2025, 6, 1))
        records.order(conn, "100001", date(2026, 6, 1))
        records.order(conn, "100002", date(2027, 5, 31))
        records.order(conn, "4471", date(2026, 1, 1), "generating")
        records.order(conn, "D00001", date(2026, 1, 1))
        records.order(conn, "100005", date(2026, 1, 1))
        records.order(conn, "100006", date(2026, 1, 1))
        records.order(conn, "100007", date(2026, 1, 1), "cancelled")
        records.order(conn, "100008", date(2025, 5, 31))
        records.order(conn, "100009", date(2027, 6, 1))
    return replace(line, now=lambda: datetime(2027, 6, 15, 16, 0, tzinfo=UTC))


@pytest.fixture
def server():
    return mail_servers.TakesAll()


def with_server(line, port, **given):
    settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port, **given})
    return replace(line, settings=settings)


def issue_to(line, server, **given):
    with mail_servers.serving(server) as port:
        return issue(with_server(line, port, **given), year=YEAR, on=DAY, approved_by="Kim")


def code_in(mail):
    """The access code that stands alone on a line of a mail."""
    form = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}-[0-9A-Z]{2}")
    found = [each for each in mail.get_content().splitlines() if form.fullmatch(each)]
    assert len(found) == 1
    return found[0]


def states(line):
    with line.connect() as conn:
        return dict(conn.execute("SELECT organization_code, state FROM ledger.access_code").fetchall())


def test_the_preview_puts_every_eligible_organisation_into_one_list_and_changes_nothing(line):
    seen = preview(line, year=YEAR, on=DAY)
    assert (seen.orders_from, seen.orders_to) == ("2025-06-01", "2027-05-31")
    assert seen.to_mail == ELIGIBLE
    assert seen.no_contact == ("100005",)
    assert seen.closed == ("100006",)
    assert seen.eligible == 5 == len(seen.to_mail) + len(seen.kept) + len(seen.no_contact) + len(seen.bounced)
    assert states(line) == {}
    assert list(line.settings.secrets.iterdir()) == []


def test_each_eligible_contact_gets_one_mail_with_its_own_valid_code(line, server):
    outcome = issue_to(line, server)
    assert outcome.mailed == ELIGIBLE
    assert outcome.no_contact == ("100005",)
    assert outcome.counts() == {
        "eligible": 5, "minted": 4, "mailed": 4, "kept": 0, "no_contact": 1, "bounced": 0, "waiting": 0
    }  # fmt: skip
    assert outcome.balanced
    assert sorted(mail["To"] for mail in server.mails) == sorted(
        f"contact-{each}@example.org".lower() for each in ELIGIBLE
    )
    mailed = {code_in(mail) for mail in server.mails}
    assert len(mailed) == 4
    assert {code.parse(each).written() for each in mailed} == mailed
    assert states(line) == dict.fromkeys(ELIGIBLE, "mailed")


def test_the_mailed_code_is_found_in_the_ledger_by_its_keyed_hash(line, server):
    issue_to(line, server)
    keys = vault.open_keys(line.settings.secrets, may_make=lambda: False)
    to_first = next(mail for mail in server.mails if mail["To"] == "contact-100001@example.org")
    with line.connect() as conn:
        found = conn.execute(
            "SELECT organization_code, academic_year, approved_by FROM ledger.access_code WHERE lookup = %s",
            [vault.lookup_of(keys, code.parse(code_in(to_first)))],
        ).fetchone()
    assert found == ("100001", YEAR, "Kim")
    assert "Łódź High School" in to_first.get_content()


def test_a_rerun_mails_nobody_new_and_mints_nothing(line, server):
    issue_to(line, server)
    again = issue_to(line, server)
    assert (again.minted, again.mailed, again.kept) == (0, (), ELIGIBLE)
    assert again.balanced
    assert len(server.mails) == 4


def test_an_organisation_that_has_a_code_of_the_year_keeps_it(line, server):
    with line.connect() as conn:
        keys = vault.open_keys(line.settings.secrets, may_make=lambda: True)
        sealed = vault.seal(keys, code.mint(), organization="100002", year=YEAR)
        stored = codes.StoredCode("100002", YEAR, sealed.lookup, sealed.cipher, sealed.nonce, sealed.key_id)
        codes.record(conn, [stored], issued_at=line.now(), approved_by="")
        conn.execute("UPDATE ledger.access_code SET state = 'redeemed'")
    outcome = issue_to(line, server)
    assert outcome.kept == ("100002",)
    assert "contact-100002@example.org" not in {mail["To"] for mail in server.mails}


def test_the_database_itself_refuses_a_second_live_code(conn):
    stored = [codes.StoredCode("100001", YEAR, bytes([number]), b"c", b"n", "1") for number in (1, 2)]
    for each in stored:
        codes.record(conn, [each], issued_at=datetime(2027, 6, 15, tzinfo=UTC), approved_by="")
    assert conn.execute("SELECT count(*), min(lookup) FROM ledger.access_code").fetchone() == (1, b"\x01")


def test_without_a_mail_server_mails_wait_with_the_code_left_out_and_leave_once_there_is_one(line, server):
    outcome = issue(line, year=YEAR, on=DAY, approved_by="Kim")
    assert outcome.waiting == ELIGIBLE
    assert outcome.balanced
    kept = list(line.settings.mail_outbox.iterdir())
    assert len(kept) == 4
    again = issue(line, year=YEAR, on=DAY, approved_by="Kim")
    assert (again.minted, again.waiting) == (0, ELIGIBLE)
    sent = issue_to(line, server)
    assert (sent.minted, sent.mailed) == (0, ELIGIBLE)
    assert list(line.settings.mail_outbox.iterdir()) == []
    for mail in server.mails:
        assert all(code_in(mail).encode() not in path.read_bytes() for path in kept if path.exists())


def test_a_refused_address_is_bounced_and_a_new_contact_gets_the_same_code(line):
    refusing = mail_servers.Answers("contact-100001@example.org", "550 no such user")
    outcome = issue_to(line, refusing)
    assert outcome.bounced == ("100001",)
    assert len(outcome.mailed) == 3
    assert outcome.balanced
    assert issue_to(line, refusing).bounced == ("100001",)
    with line.connect() as conn:
        before = conn.execute("SELECT lookup FROM ledger.access_code WHERE state = 'bounced'").fetchone()
        records.contact(conn, "100001", email="new@example.org", valid_from=date(2027, 6, 15))
    outcome = issue_to(line, refusing)
    assert (outcome.mailed, outcome.minted) == (("100001",), 0)
    with line.connect() as conn:
        after = conn.execute(
            "SELECT lookup, state FROM ledger.access_code WHERE organization_code = '100001'"
        ).fetchone()
    assert after == (before[0], "mailed")
    assert refusing.mails[-1]["To"] == "new@example.org"


def test_a_contact_that_changes_while_the_mail_waits_is_the_only_one_to_get_it(line, server):
    issue(line, year=YEAR, on=DAY, approved_by="Kim")
    with line.connect() as conn:
        records.contact(conn, "100001", email="new@example.org", valid_from=date(2027, 6, 15))
    issue_to(line, server)
    to = [mail["To"] for mail in server.mails]
    assert "new@example.org" in to
    assert "contact-100001@example.org" not in to
    assert len(to) == 4


def test_a_server_that_drops_the_line_after_the_mail_gets_the_same_mail_again(line):
    dropping = mail_servers.DropsAfterData(times=1)
    outcome = issue_to(line, dropping)
    assert outcome.mailed == ELIGIBLE
    assert len(dropping.mails) == 5
    assert dropping.raw[0] == dropping.raw[1]
    assert dropping.mails[0]["Message-ID"] == dropping.mails[1]["Message-ID"]
    assert code_in(dropping.mails[0]) == code_in(dropping.mails[1])


def test_a_server_that_always_drops_the_line_is_left_after_the_set_attempts(line):
    dropping = mail_servers.DropsAfterData(times=1000)
    outcome = issue_to(line, dropping, mail_attempts=2)
    assert outcome.waiting == ELIGIBLE
    assert len(dropping.mails) == 4 * 2
    assert outcome.balanced


def test_after_too_many_unanswered_attempts_a_person_must_look(line):
    dropping = mail_servers.DropsAfterData(times=1000)
    for _ in range(3):
        issue_to(line, dropping)
    assert issue_to(line, dropping).bounced == ELIGIBLE
    assert len(dropping.mails) == 4 * 9


_ISSUE = """
import sys
from datetime import UTC, date, datetime
from distribution.jobs import issue_access_codes
from distribution.jobs.wiring import Line
from distribution.settings import Settings
home, url, port = sys.argv[1:]
settings = Settings(home=home, database_url=url, smtp_host="127.0.0.1", smtp_port=int(port))
line = Line(settings=settings, url=url, now=lambda: datetime(2027, 6, 15, 16, 0, tzinfo=UTC))
print("ready", flush=True)
sys.stdin.readline()
issue_access_codes.issue(line, year=2027, on=date(2027, 6, 15), approved_by="Kim")
"""


def test_killed_between_the_mail_and_the_ledger_the_rerun_sends_the_same_mail_with_the_same_code(line):
    killing = mail_servers.KillsTheSender()
    with mail_servers.serving(killing) as port:
        sender = subprocess.Popen(
            [sys.executable, "-c", _ISSUE, str(line.settings.home), line.url, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert sender.stdout.readline() == "ready\n"
        killing.pid = sender.pid
        sender.communicate("go\n")
    assert sender.returncode == -9
    wait_until_seen_to_be_dead(line)
    assert len(killing.mails) == 1
    with line.connect() as conn:
        cut = conn.execute("SELECT message_id FROM ledger.mail WHERE state = 'sending'").fetchall()
    assert cut == [(killing.mails[0]["Message-ID"],)]
    outcome = issue_to(line, killing)
    assert (outcome.minted, outcome.mailed) == (0, ELIGIBLE)
    assert len(killing.mails) == 5
    assert killing.raw[0] == killing.raw[1]
    assert len({code_in(mail) for mail in killing.mails}) == 4


def test_no_code_is_anywhere_but_in_the_mails(line, server, caplog, capfd, tmp_path):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.INFO, logger="mail.log")  # the receiving server's own: it may quote what it got
    issue(line, year=YEAR, on=DAY, approved_by="Kim")
    refusing = mail_servers.Answers("contact-100002@example.org", "550 no such user")
    refused = issue_to(line, refusing)
    mailed = [code_in(mail) for mail in refusing.mails]
    with line.connect() as conn:
        ids = [row[0] for row in conn.execute("SELECT code_id FROM ledger.access_code")]
        issued = [_opened(line, conn, code_id) for code_id in ids]
    assert set(mailed) < set(issued)
    assert len(issued) == 4
    places = {
        "logs": caplog.text,
        "output": "".join(capfd.readouterr()),
        "outcome": f"{refused!r} {refused.document()} {preview(line, year=YEAR, on=DAY)!r}",
        "listing": str(listed(line, year=None, on=DAY)),
        "database": _dump(line.url),
        **{str(path): path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()},
    }
    assert "access_code" in places["database"]
    assert "100001" in places["database"]
    for place, text in places.items():
        for each in issued:
            for form in (each, each.replace("-", ""), each.lower(), each.replace("-", "").lower()):
                assert form not in text, place


def _opened(line, conn, code_id):
    stored = codes.read(conn, code_id)
    keys = vault.open_keys(line.settings.secrets, may_make=lambda: False)
    sealed = vault.Sealed(stored.lookup, stored.cipher, stored.nonce, stored.key_id)
    return vault.unseal(keys, sealed, organization=stored.organization_code, year=YEAR).written()


def _dump(url):
    """The whole database as text, by PostgreSQL's own tool."""
    tool = embedded.tools() / "pg_dump"
    done = subprocess.run([tool, "--inserts", url], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_mailings_at_one_time_are_not_possible(line):
    with (
        line.connect(autocommit=True) as other,
        locks.held(other, locks.CODES),
        pytest.raises(AnotherRunHoldsTheLock),
    ):
        issue(line, year=YEAR, on=DAY, approved_by="Kim")


def test_codes_are_not_issued_with_new_keys_while_codes_of_lost_ones_are_on_file(line, server):
    issue_to(line, server)
    (line.settings.secrets / "code-vault-1.key").unlink()
    with line.connect() as conn:
        records.institution(conn, "100010")
        records.contact(conn, "100010")
        records.order(conn, "100010", date(2027, 1, 1))
    with pytest.raises(vault.VaultKey):
        issue_to(line, server)
    assert "100010" not in states(line)


def test_codes_of_a_year_that_is_over_expire_and_cannot_be_issued(line, server):
    issue_to(line, server)
    assert {row["state"] for row in listed(line, year=YEAR, on=date(2028, 7, 1))} == {"expired"}
    assert {row["state"] for row in listed(line, year=YEAR, on=date(2028, 6, 30))} == {"mailed"}
    with pytest.raises(UsageError, match="over"):
        issue(line, year=YEAR, on=date(2028, 7, 1), approved_by="Kim")


def test_who_orders_in_the_running_year_gets_a_code_the_next_day(line, server):
    issue_to(line, server)
    with line.connect() as conn:
        records.order(conn, "100008", date(2027, 9, 8))
    with mail_servers.serving(server) as port:
        ready = with_server(line, port)
        same_day = issue_missing(ready, on=date(2027, 9, 8))
        next_day = issue_missing(ready, on=date(2027, 9, 9))
        later = issue_missing(ready, on=date(2027, 9, 10))
    assert same_day.mailed == ("100009",), "the order of June, after the yearly window"
    assert next_day.mailed == ("100008",)
    assert later.mailed == ()
    assert later.kept == ("100008", "100009")


def test_the_listing_names_states_and_never_a_code(line, server):
    issue_to(line, server)
    rows = listed(line, year=YEAR, on=DAY)
    assert [(row["organization"], row["academic_year"], row["state"]) for row in rows] == [
        (each, "2027-28", "mailed") for each in ELIGIBLE
    ]
    assert not {"cipher", "lookup", "nonce"} & set(rows[0])
