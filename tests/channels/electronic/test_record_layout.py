"""Layouts are data that cannot contradict themselves."""

import pytest

from distribution.channels.electronic import record_layout
from distribution.channels.electronic.record_layout import LayoutFault
from distribution.errors import UsageError

GOOD = """
layout: t-1
version: 1
kind: fixed
extension: txt
control: inline
record_length: 6
records:
  H: [{name: record, start: 1, length: 1, type: text, format: H, description: x},
      {name: di, start: 2, length: 5, type: text, format: "", description: x}]
  D: [{name: record, start: 1, length: 1, type: text, format: D, description: x},
      {name: result_id, start: 2, length: 5, type: text, format: "", description: x}]
  T: [{name: record, start: 1, length: 1, type: text, format: T, description: x},
      {name: details, start: 2, length: 5, type: number, format: "", description: x}]
"""


def test_a_layout_without_faults_is_taken() -> None:
    assert record_layout.parse(GOOD).record_length == 6


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("{name: details, start: 2", "{name: details, start: 3", "gap"),
        ("{name: details, start: 2", "{name: details, start: 1", "overlap"),
        ("record_length: 6", "record_length: 7", "7 characters long"),
        ("start: 2, length: 5, type: number", "start: 2, length: 4, type: number", "end at 5"),
        ("name: result_id", "name: record", "stands twice"),
        ("type: number", "type: money", "cannot be read"),
        ("kind: fixed", "kind: xml", "cannot be read"),
    ],
)
def test_a_layout_that_contradicts_itself_is_refused(right: str, wrong: str, says: str) -> None:
    with pytest.raises(LayoutFault, match=says):
        record_layout.parse(GOOD.replace(right, wrong))


def test_an_unknown_layout_is_named_with_those_on_file() -> None:
    with pytest.raises(UsageError, match="csv-1, fixed-1"):
        record_layout.load("fixed-9")


@pytest.mark.parametrize("name", record_layout.names())
def test_the_specification_has_the_contracts_shape(name: str) -> None:
    spec = record_layout.spec(record_layout.load(name))
    assert list(spec) == ["layout", "version", "kind", "extension", "records"]
    assert list(spec["records"]) == ["H", "D", "T"]
    for fields in spec["records"].values():
        assert fields[0]["name"] == "record"
        assert all(
            list(field) == ["name", "start", "length", "type", "format", "description"] for field in fields
        )


def test_the_page_for_people_names_every_field() -> None:
    layout = record_layout.load("fixed-1")
    page = record_layout.spec_markdown(layout)
    assert all(f"`{field.name}`" in page for fields in layout.records.values() for field in fields)
