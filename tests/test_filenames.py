"""File names are written and read back by the same rules."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distribution import filenames
from distribution.model import FeedKind

DAY = date(2026, 11, 23)


@given(st.sampled_from(FeedKind), st.dates(min_value=date(2000, 1, 1)), st.integers(1, 999))
def test_a_feed_name_is_read_back_as_it_was_written(kind, day, number):
    name = filenames.FeedName(kind, day, number)
    assert filenames.parse_feed_name(str(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        "results-20261122-000.csv",
        "results-20261131-001.csv",
        "results-20261122-1.csv",
        "result-20261122-001.csv",
        "results-20261122-001.csv.gz",
        "results-20261122-001.CSV",
        "results-20261122-001.csv\n",
        "../results-20261122-001.csv",
        "results-٢٠٢٦١١٢٢-001.csv",
        "",
    ],
)
def test_a_name_outside_the_pattern_is_no_feed(name):
    assert filenames.parse_feed_name(name) is None


def test_the_control_file_stands_beside_its_feed():
    assert filenames.control_name("results-20261122-001.csv") == "results-20261122-001.csv.control.json"


def test_an_electronic_file_carries_its_institution_day_and_sequence():
    parts = {"prefix": "CLEP", "di": "0471", "day": DAY, "sequence": 231, "extension": "txt"}
    assert filenames.electronic_file(**parts) == "CLEP_0471_20261123_000231.txt"
    assert filenames.electronic_file(**parts, encrypted=True) == "CLEP_0471_20261123_000231.txt.pgp"
    assert filenames.sidecar(di="0471", day=DAY, sequence=231) == "CTL_0471_20261123_000231.json"


@pytest.mark.parametrize(("position", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (702, "AAA")])
def test_batches_are_lettered_a_to_z_then_aa(position, letters):
    assert filenames.batch_id(DAY, position) == f"PB-20261123-{letters}"


@given(st.integers(0, 100_000))
def test_a_batch_id_gives_its_position_back(position):
    assert filenames.batch_position(filenames.batch_id(DAY, position)) == position


def test_another_text_is_no_batch_id():
    with pytest.raises(ValueError, match="no batch id"):
        filenames.batch_position("PB-20261123-a")


def test_the_files_of_a_batch_share_its_id():
    assert filenames.batch_pdf("PB-20261123-A") == "PB-20261123-A.pdf"
    assert filenames.batch_cover("PB-20261123-A") == "PB-20261123-A-cover.pdf"
    assert filenames.batch_manifest("PB-20261123-A") == "PB-20261123-A-manifest.csv"
