"""Packing pieces into batches: alike together, in ZIP order, never too many."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distribution.routing.batching import pack_batches


def pieces(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    """Rows of di, sheets, postal code, country; letters up to three sheets."""
    frame = pd.DataFrame(rows, columns=["di", "sheets", "postal_code", "country"])
    return frame.assign(
        stock=frame["sheets"].le(3).map({True: "letter", False: "flat"}),
        international=frame["country"] != "US",
    )


def packed(*rows: tuple[str, int, str, str], **limits: int) -> list[list[str]]:
    """The DIs of each batch in order."""
    frame = pack_batches(pieces(*rows), pages_per_sheet=2, **limits)
    return [list(group["di"]) for _, group in frame.groupby("batch")]


def test_pieces_of_one_thickness_go_together_in_zip_order():
    rows = [("4471", 1, "90210", "US"), ("4472", 3, "10001", "US"), ("4473", 1, "00501", "US")]
    assert packed(*rows) == [["4473", "4471"], ["4472"]]


def test_pieces_abroad_go_apart_by_country():
    rows = [("1", 1, "80331", "DE"), ("2", 1, "99999", "US"), ("3", 1, "1010", "AT"), ("4", 1, "10115", "DE")]
    assert packed(*rows) == [["2"], ["3", "4", "1"]]


def test_flats_of_different_thickness_are_different_batches():
    assert packed(("1", 4, "1", "US"), ("2", 5, "1", "US"), ("3", 4, "0", "US")) == [["3", "1"], ["2"]]


def test_a_batch_never_holds_more_pages_than_the_limit():
    rows = [(f"{number:04d}", 1, f"{number:05d}", "US") for number in range(25)]
    assert [len(batch) for batch in packed(*rows, most_pages=20)] == [10, 10, 5]


def test_pieces_and_pages_are_counted_from_one_without_a_gap():
    frame = pack_batches(pieces(("2", 3, "2", "US"), ("1", 3, "1", "US")), pages_per_sheet=2)
    assert frame[["di", "piece", "first_page", "last_page"]].values.tolist() == [
        ["1", 1, 1, 6],
        ["2", 2, 7, 12],
    ]


def test_a_piece_without_a_sheet_is_refused():
    with pytest.raises(ValueError, match="at least one sheet"):
        pack_batches(pieces(("1", 0, "1", "US")), pages_per_sheet=2)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 9999).map("{:04d}".format),
            st.integers(1, 12),
            st.sampled_from(["00501", "10001", "90210-0001"]),
            st.sampled_from(["US", "US", "DE"]),
        ),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=40,
    ),
    data=st.data(),
)
def test_the_order_of_arrival_changes_nothing_and_no_piece_is_lost(rows, data):
    batches = packed(*rows, most_pages=60)
    assert packed(*data.draw(st.permutations(rows)), most_pages=60) == batches
    assert sorted(di for batch in batches for di in batch) == sorted(row[0] for row in rows)
    thickness = {row[0]: row[1] for row in rows}
    assert all(len({thickness[di] for di in batch}) == 1 for batch in batches)
