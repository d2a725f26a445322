"""Mails of a night: corrections are told to the institution, and what waits is sent."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from distribution.jobs import mails as post
from distribution.ledger import mails
from tests.support import mail_servers, records

RUN = "N20261123-01"


@pytest.fixture
def line(line):
    """A run in which 4471 was sent a file with one new, two corrected and one cancelled record."""
    with line.connect() as conn:
        records.run(conn, RUN)
        records.contact(conn, "4471", "technical", email="tech@example.edu")
        score_file(conn, "CLEP_4471_20261123_000007.txt", ["N", "C", "C", "X"])
    return line


def score_file(conn, name, actions, **given):
    """A score file with a D record for each action."""
    number = conn.execute("SELECT count(*) + 1 FROM ledger.score_file").fetchone()[0]
    row = {"name": name, "di": "4471", "run_id": RUN, "state": "delivered", "number": number,
           "delivered_at": datetime(2026, 11, 24, 3, 5, tzinfo=UTC), **given}  # fmt: skip
    file_id = conn.execute(
        """
        INSERT INTO ledger.score_file (name, di, sequence, previous_sequence, business_date, created_at,
                                       run_id, layout, layout_version, encoding, newline, control, state,
                                       delivered_at)
        VALUES (%(name)s, %(di)s, %(number)s, %(number)s - 1, '2026-11-23', '2026-11-24 03:00Z',
                %(run_id)s, 'fixed-1', 1, 'utf-8', 'crlf', 'inline', %(state)s, %(delivered_at)s)
        RETURNING file_id
        """,
        row,
    ).fetchone()[0]
    for position, action in enumerate(actions):
        version = records.result(conn, f"R-{number}-{position}")
        records.owe(
            conn, version, row["di"], action, channel="electronic", state="delivered", file_id=file_id
        )


def send(line, server):
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        return post.send_waiting(replace(line, settings=settings))


def test_corrections_are_told_to_the_technical_contact_by_file_name_and_counts_alone(line):
    server = mail_servers.TakesAll()
    assert post.plan_correction_notices(line, run_id=RUN) == 1
    assert send(line, server).sent == 1
    notice = server.mails[0]
    assert notice["To"] == "tech@example.edu"
    assert notice["Subject"] == "Corrections in CLEP_4471_20261123_000007.txt"
    text = notice.get_content()
    for words in ("Corrections (action C):   2", "Cancellations (action X): 1", "New scores (action N):    1",
                  "Records in all:           4"):  # fmt: skip
        assert words in text
    for secret in ("Nguyễn", "Ann", "00123", "R-1-1", "FINACC", "55"):
        assert secret not in text


def test_a_notice_is_planned_and_sent_once(line):
    server = mail_servers.TakesAll()
    post.plan_correction_notices(line, run_id=RUN)
    send(line, server)
    assert post.plan_correction_notices(line, run_id=RUN) == 0
    assert send(line, server) == post.MailOutcome()
    assert len(server.mails) == 1


def test_files_without_corrections_and_files_that_did_not_leave_are_not_told(line):
    with line.connect() as conn:
        score_file(conn, "CLEP_4471_20261123_000008.txt", ["N", "N"])
        score_file(conn, "CLEP_4471_20261123_000009.txt", ["C"], state="failed", delivered_at=None)
    assert post.plan_correction_notices(line, run_id=RUN) == 1


NEXT = "N20261124-01"


def next_run(line):
    """The run of the night after; what the one before had to tell was told."""
    post.plan_correction_notices(line, run_id=RUN)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.run SET state = 'finished', finished_at = '2026-11-24 05:00Z'")
        conn.execute(
            """
            INSERT INTO ledger.run (run_id, kind, business_date, started_at)
            VALUES (%s, 'nightly', '2026-11-24', '2026-11-25 03:00Z')
            """,
            [NEXT],
        )


@pytest.mark.parametrize(
    ("delivered_at", "run_id"),
    [
        (datetime(2026, 11, 25, 3, 5, tzinfo=UTC), RUN),  # by the next run, which the file waited for
        (datetime(2026, 11, 24, 13, 5, tzinfo=UTC), RUN),  # by a retry or a release in the morning
        (datetime(2026, 11, 24, 13, 5, tzinfo=UTC), None),  # sent again by hand, in no run
    ],
)
def test_a_file_that_arrives_after_its_run_is_told_once_by_the_next(line, delivered_at, run_id):
    next_run(line)
    with line.connect() as conn:
        late = {"delivered_at": delivered_at, "run_id": run_id}
        score_file(conn, "CLEP_4471_20261123_000008.txt", ["X"], **late)
    assert post.plan_correction_notices(line, run_id=NEXT) == 1
    assert post.plan_correction_notices(line, run_id=NEXT) == 0


def test_what_arrived_long_before_is_not_told_at_once_when_a_ledger_is_taken_over(line):
    next_run(line)
    with line.connect() as conn:
        for number in range(8, 20):
            old = {"delivered_at": datetime(2026, 11, 20, 3, number, tzinfo=UTC), "run_id": None}
            score_file(conn, f"CLEP_4471_20261120_{number:06}.txt", ["C"], **old)
    assert post.plan_correction_notices(line, run_id=NEXT) == 0


def test_records_that_were_taken_out_of_a_file_are_not_counted(line):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.delivery SET state = 'withdrawn' WHERE action = 'C'")
    post.plan_correction_notices(line, run_id=RUN)
    with line.connect() as conn:
        (waiting,) = mails.waiting(conn)
    assert "Corrections (action C):   0" in waiting.body


def test_without_a_technical_contact_nobody_is_told_and_the_log_says_so(line, caplog):
    with line.connect() as conn:
        conn.execute("UPDATE ledger.contact SET valid_to = '2026-11-22'")
    assert post.plan_correction_notices(line, run_id=RUN) == 0
    assert "4471 has no technical contact" in caplog.text


def test_without_a_server_a_mail_lies_whole_in_the_outbox_until_there_is_one(line):
    post.plan_correction_notices(line, run_id=RUN)
    assert post.send_waiting(line) == post.MailOutcome(outbox=1)
    kept = list(line.settings.mail_outbox.glob("*.eml"))
    assert len(kept) == 1
    lying = kept[0].read_bytes()
    server = mail_servers.TakesAll()
    assert send(line, server) == post.MailOutcome(sent=1)
    assert server.raw[0].rstrip() == lying.rstrip()
    assert not kept[0].exists()


def test_a_server_that_is_down_leaves_every_mail_waiting_and_the_night_goes_on(line):
    post.plan_correction_notices(line, run_id=RUN)
    settings = line.settings.model_copy(
        update={"smtp_host": "127.0.0.1", "smtp_port": mail_servers.free_port()}
    )
    assert post.send_waiting(replace(line, settings=settings)) == post.MailOutcome(failed=1)
    with line.connect() as conn:
        assert [(mail.state, mail.attempts) for mail in mails.waiting(conn)] == [("planned", 0)]
    assert send(line, mail_servers.TakesAll()).sent == 1


def test_a_mail_put_off_by_the_server_waits_for_the_next_run_and_the_others_go(line):
    with line.connect() as conn:
        records.contact(conn, "5000", "technical", email="other@example.edu")
        score_file(conn, "CLEP_5000_20261123_000001.txt", ["C"], di="5000")
    post.plan_correction_notices(line, run_id=RUN)
    busy = mail_servers.Answers("tech@example.edu", "450 try later")
    assert send(line, busy) == post.MailOutcome(sent=1, failed=1)
    assert send(line, mail_servers.TakesAll()) == post.MailOutcome(sent=1)


def test_a_mail_refused_for_good_is_left_to_a_person(line):
    post.plan_correction_notices(line, run_id=RUN)
    assert send(line, mail_servers.Answers("tech@example.edu", "550 unknown")).failed == 1
    assert send(line, mail_servers.TakesAll()) == post.MailOutcome()
    with line.connect() as conn:
        state = conn.execute("SELECT state, last_error FROM ledger.mail").fetchone()
    assert state[0] == "bounced"
    assert "550" in state[1]


def test_contacts_that_are_not_in_force_get_nothing(line):
    with line.connect() as conn:
        records.contact(conn, "5000", "technical", valid_from=date(2026, 11, 24))
        found = mails.contacts_in_force(conn, role="technical", on=date(2026, 11, 23))
    assert found == {"4471": "tech@example.edu"}
