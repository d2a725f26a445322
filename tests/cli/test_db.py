"""`db`: what must hold is counted, and a backup comes back whole."""

import json
import stat

import psycopg
import pytest

from distribution.cli import app
from distribution.errors import AnotherRunHoldsTheLock, PermanentError
from distribution.ledger import backup, connection, invariants, locks, upgrade


@pytest.fixture
def settings_of_line(line, monkeypatch):
    monkeypatch.setenv("DISTRIBUTION_HOME", str(line.settings.home))
    monkeypatch.setenv("DISTRIBUTION_DATABASE_URL", line.url)
    return line


def record_feed(conn: psycopg.Connection, *, held: int) -> None:
    conn.execute(
        "INSERT INTO ledger.feed (kind, file_name, state, records, new, held)"
        " VALUES ('results', 'results-20261122-001.csv', 'recorded', 3, 2, %s)",
        [held],
    )


def test_an_empty_ledger_breaks_nothing(settings_of_line, capsys):
    assert app.main(["db", "check", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["holds"] is True
    assert {found["name"]: found["broken"] for found in document["invariants"]} == dict.fromkeys(
        (invariant.name for invariant in invariants.INVARIANTS), 0
    )


def test_a_feed_whose_rows_went_missing_is_told(settings_of_line, conn, capsys):
    record_feed(conn, held=0)
    conn.commit()
    assert app.main(["db", "check"]) == 1
    told = [text for text in capsys.readouterr().out.splitlines() if text.startswith("received ")]
    assert told[0].split()[1] == "1"


def test_a_second_upgrade_says_the_same(settings_of_line, capsys):
    assert app.main(["db", "upgrade"]) == 0
    first = capsys.readouterr().out
    assert app.main(["db", "upgrade"]) == 0
    assert capsys.readouterr().out == first


def test_a_backup_is_private_and_comes_back_whole(settings_of_line, conn, tmp_path):
    record_feed(conn, held=1)
    conn.commit()
    file = tmp_path / "ledger.backup"
    assert app.main(["db", "backup", str(file)]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    conn.execute("UPDATE ledger.feed SET held = 7")
    conn.commit()
    assert app.main(["db", "restore", str(file), "--yes"]) == 0
    with connection.connect(settings_of_line.url) as fresh:
        assert fresh.execute("SELECT held FROM ledger.feed").fetchall() == [(1,)]
    assert upgrade.is_current(settings_of_line.url)


def test_a_restore_asks_first(settings_of_line, tmp_path):
    file = tmp_path / "ledger.backup"
    file.write_bytes(b"")
    assert app.main(["db", "restore", str(file)]) == 2


def test_what_is_no_backup_leaves_the_ledger_as_it_was(conn, url, tmp_path):
    record_feed(conn, held=1)
    conn.commit()
    file = tmp_path / "notes.txt"
    file.write_text("not a backup")
    with pytest.raises(PermanentError, match="pg_restore"):
        backup.restore(url, file)
    assert conn.execute("SELECT count(*) FROM ledger.feed").fetchone() == (1,)


def test_nothing_is_restored_while_a_run_is_at_work(conn, url, tmp_path):
    file = tmp_path / "ledger.backup"
    backup.dump(url, file)
    with locks.held(conn, locks.RUN), pytest.raises(AnotherRunHoldsTheLock):
        backup.restore(url, file)
