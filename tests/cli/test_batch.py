"""`batch list`, `show` and `cover`: what the mailroom sees of its batches."""

import json

import pytest
from typer.testing import CliRunner

from distribution.cli import app, batch
from distribution.jobs import print_batches, wiring
from distribution.jobs.wiring import Line
from tests.support import records


@pytest.fixture
def batched(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A line with one batch of one piece."""
    address = {"address_1": "1 Main Street", "city": "Springfield", "state": "IL", "postal_code": "62701"}
    with line.connect() as conn:
        records.institution(conn, "4471", kind="college", delivery_method="paper", **address)
        records.owe(conn, records.result(conn), "4471", channel="paper")
        run_id = records.run(conn)
    print_batches.print_batches(line, run_id=run_id, on=line.today())
    monkeypatch.setattr(wiring, "open_line", lambda: line)
    return line


def said(*words: str) -> str:
    result = CliRunner().invoke(batch.app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_proof_refuses_a_return_address_that_stands_in_the_window(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DISTRIBUTION_RETURN_ADDRESS", "House|Office|Street|Town NY 00000")
    assert app.main(["batch", "proof", "--out", str(tmp_path / "proof")]) == app.USAGE
    said = capsys.readouterr().err
    assert "DISTRIBUTION_RETURN_ADDRESS" in said
    assert "has 4 lines" in said
    assert not (tmp_path / "proof").exists()


def test_the_list_is_whole_and_names_each_batchs_files(batched):
    document = json.loads(said("list", "--json"))
    assert document["schema_version"] == 1
    (listed,) = document["batches"]
    assert (listed["id"], listed["state"], listed["pieces"], listed["pages"]) == (
        "PB-20261123-A",
        "ready",
        1,
        2,
    )
    assert listed["pdf"] == str(batched.settings.paper_outbox / "PB-20261123-A.pdf")
    assert "PB-20261123-A" in said("list")


def test_a_batch_shows_its_pieces_but_no_student(batched):
    document = json.loads(said("show", "PB-20261123-A", "--json"))
    assert document["piece_list"] == [
        {
            "id": "0001",
            "recipient": "4471",
            "state": "ready",
            "mark": "",
            "sheets": 1,
            "first_page": 1,
            "last_page": 2,
            "reports": 1,
        }
    ]
    assert "Nguyễn" not in said("show", "PB-20261123-A")


def test_the_cover_says_where_it_stands(batched):
    cover = batched.settings.paper_outbox / "PB-20261123-A-cover.pdf"
    cover.unlink()
    assert said("cover", "PB-20261123-A").strip() == str(cover)
    assert cover.is_file()


def test_an_empty_list_says_what_makes_batches(line, monkeypatch):
    monkeypatch.setattr(wiring, "open_line", lambda: line)
    assert "run nightly" in said("list")
