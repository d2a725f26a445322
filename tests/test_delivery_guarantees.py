"""The table of simpler clients in the guarantees page: every host, and sums that are the sums of its rows."""

import re
from collections import Counter

import pytest

from tests.proofs.naive_clients import BEGIN, DOCUMENT, DOWN, END, HOSTS, UP
from tests.support.naive_clients import CLIENTS

_CELL = re.compile(r"(?P<lost>\d+) / (?P<twice>\d+) / (?P<cut>\d+)(?: \((?P<open>\d+) not done\))?$")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """The cells by host, without emphasis; `host` is the row of names."""
    text = DOCUMENT.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return {first.strip(" *"): [cell.strip(" *") for cell in others] for first, *others in lines}


def _counts(cell: str) -> Counter[str]:
    found = _CELL.match(cell)
    assert found is not None, cell
    return Counter({name: int(count or 0) for name, count in found.groupdict().items()})


def test_each_host_has_a_row(rows: dict[str, list[str]]) -> None:
    assert list(rows) == ["host", *(setting.name for setting in HOSTS), "all"]
    assert rows["host"] == list(CLIENTS)


def test_the_last_row_adds_up(rows: dict[str, list[str]]) -> None:
    for column in range(len(CLIENTS)):
        counts = [_counts(rows[setting.name][column]) for setting in HOSTS]
        assert sum(counts, Counter()) == +_counts(rows["all"][column])
        assert max(max(each.values()) for each in counts) <= len(UP) + len(DOWN)


def test_this_line_loses_repeats_and_cuts_nothing(rows: dict[str, list[str]]) -> None:
    for setting in HOSTS:
        counts = _counts(rows[setting.name][list(CLIENTS).index("this line")])
        assert (counts["lost"], counts["twice"], counts["cut"]) == (0, 0, 0), setting.name
