"""The mailroom is told of each batch once, as soon as it stands, whatever becomes of the night after that."""

from dataclasses import replace
from datetime import date

import pytest

from distribution.jobs import distribute_scores, print_batches
from distribution.jobs.tell_mailroom import tell_mailroom
from distribution.jobs.wiring import Line
from distribution.model import FeedKind
from tests.support import mail_servers, records
from tests.support.feeds import institution_row, result_row, write_feed
from tests.support.paper import NIGHT, all_rows

RUN = "N20261123-01"
TUESDAY = date(2026, 11, 24)


@pytest.fixture
def line(line: Line) -> Line:
    """A line whose mailroom has an address; its mails are kept in the outbox."""
    return replace(line, settings=line.settings.model_copy(update={"mailroom_email": "mailroom@example.org"}))


def told(line: Line) -> list[str]:
    """The subjects of the mailroom's mails, in order."""
    query = "SELECT subject FROM ledger.mail WHERE kind = 'mailroom-volumes' ORDER BY mail_id"
    return [subject for (subject,) in all_rows(line, query)]


def two_batches(line: Line) -> None:
    with line.connect() as conn:
        records.run(conn, RUN)
        conn.execute(
            """
            INSERT INTO ledger.batch (batch_id, business_date, run_id, stock, sheets_per_piece, pieces,
                                      sheets, pages, created_at, proved_at, mail_by)
            VALUES ('PB-20261123-A', '2026-11-23', %s, 'no10-window', 1, 12, 12, 24, '2026-11-24 03:00Z',
                    '2026-11-24 03:01Z', '2026-11-24 20:00Z'),
                   ('PB-20261123-B', '2026-11-23', %s, 'flat-9x12', 0, 1, 15, 30, '2026-11-24 03:00Z',
                    '2026-11-24 03:01Z', NULL)
            """,
            [RUN, RUN],
        )


def test_the_mailroom_reads_its_batches_where_it_has_an_address(line):
    two_batches(line)
    nobody = replace(line, settings=line.settings.model_copy(update={"mailroom_email": None}))
    assert tell_mailroom(nobody) == 0
    server = mail_servers.TakesAll()
    with mail_servers.serving(server) as port:
        settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        assert tell_mailroom(replace(line, settings=settings)) == 1
    assert server.mails[0]["Subject"] == "2 print batches of 2026-11-23"
    text = server.mails[0].get_content().replace("\r\n", "\n")
    assert "PB-20261123-A: 12 pieces, 12 sheets (1 in each), #10 window\n    mail by Tuesday 24 Nov" in text
    assert "mail by Tuesday 24 November, 15:00\nPB-20261123-B: 1 piece, 15 sheets, 9 × 12 flat\n\nIn" in text
    assert "In all: 13 pieces, 27 sheets." in text


def test_a_batch_is_told_once_and_keeps_that_it_was(line):
    two_batches(line)
    assert [tell_mailroom(line), tell_mailroom(line)] == [1, 0]
    events = all_rows(line, "SELECT batch_id, event FROM ledger.batch_event ORDER BY batch_id")
    assert events == [("PB-20261123-A", "announced"), ("PB-20261123-B", "announced")]


def test_what_is_not_written_yet_or_printed_already_is_not_told(line):
    two_batches(line)
    with line.connect() as conn:
        conn.execute("UPDATE ledger.batch SET proved_at = NULL WHERE batch_id = 'PB-20261123-A'")
        conn.execute("UPDATE ledger.batch SET state = 'printed' WHERE batch_id = 'PB-20261123-B'")
    assert tell_mailroom(line) == 0


def test_a_mail_that_could_not_leave_leaves_with_the_next_telling(line):
    two_batches(line)
    busy = mail_servers.Answers("mailroom@example.org", "450 try later")
    for server in (busy, mail_servers.TakesAll()):
        with mail_servers.serving(server) as port:
            settings = line.settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
            tell_mailroom(replace(line, settings=settings))
    assert all_rows(line, "SELECT state, attempts FROM ledger.mail") == [("sent", 2)]


def test_a_night_tells_the_mailroom_before_files_and_schools_and_once(line, monkeypatch):
    write_feed(line.settings.inbox, FeedKind.INSTITUTIONS, [institution_row()], day=NIGHT)
    write_feed(line.settings.inbox, FeedKind.RESULTS, [result_row()], day=NIGHT)
    with monkeypatch.context() as broken:
        broken.setattr(distribute_scores, "_build", _power_cut)
        with pytest.raises(OSError, match="power cut"):
            distribute_scores.run_nightly(line, on=NIGHT)
    assert told(line) == ["1 print batch of 2026-11-23"]
    assert len(list(line.settings.mail_outbox.iterdir())) == 1, "it has left as far as it can"
    distribute_scores.run_nightly(line, on=NIGHT)
    distribute_scores.run_nightly(line, on=TUESDAY)
    assert told(line) == ["1 print batch of 2026-11-23"]


def _power_cut(*_given: object) -> None:
    raise OSError("power cut")


def test_the_next_night_tells_the_batches_of_one_that_was_broken_off(line):
    write_feed(line.settings.inbox, FeedKind.INSTITUTIONS, [institution_row()], day=NIGHT)
    write_feed(line.settings.inbox, FeedKind.RESULTS, [result_row()], day=NIGHT)
    run_id = distribute_scores.open_run(line, on=NIGHT)
    distribute_scores.ingest(line, run_id)
    distribute_scores.route(line, run_id)
    print_batches.print_batches(line, run_id=run_id, on=NIGHT)
    assert told(line) == []
    more = result_row(result_id="R-0002", candidate_id="C-0002")
    write_feed(line.settings.inbox, FeedKind.RESULTS, [more], day=TUESDAY)
    document = distribute_scores.run_nightly(line, on=TUESDAY)
    assert document["batches"] == ["PB-20261124-A"]
    assert told(line) == ["1 print batch of 2026-11-23", "1 print batch of 2026-11-24"]
