"""Transcript requests: one per id, for candidates that are known; their content never changes."""

from distribution.jobs.ingest_feeds import ingest_inbox
from distribution.ledger import transcripts
from tests.support.feeds import result_row, transcript_row, write_feed


def test_a_request_is_recorded_once_and_never_changed(line):
    def take_in(*rows, number):
        write_feed(line.settings.inbox, "transcript_requests", rows, number=number)
        feed = ingest_inbox(line).feeds[-1]
        return feed.new, feed.corrected, feed.duplicate, feed.held

    unknown = transcript_row(request_id="T-2", candidate_id="C-2")
    write_feed(line.settings.inbox, "results", [result_row()])

    assert take_in(transcript_row(), transcript_row(), unknown, number=1) == (1, 0, 1, 1)
    assert take_in(transcript_row(recipient="4480"), unknown, number=2) == (0, 0, 1, 1)
    write_feed(line.settings.inbox, "results", [result_row(result_id="R-2", candidate_id="C-2")], number=2)
    assert take_in(unknown, transcript_row(), number=3) == (1, 0, 1, 0)
    with line.connect() as conn:
        waiting = transcripts.waiting(conn)
        held = conn.execute("SELECT reason, state FROM ledger.hold ORDER BY hold_id").fetchall()
    assert waiting["request_id"].tolist() == ["T-0001", "T-2"]
    assert held == [("unknown-candidate", "corrected"), ("bad-value", "open")]
