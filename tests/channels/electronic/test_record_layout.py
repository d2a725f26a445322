"""Layouts are data that cannot contradict themselves."""

from collections.abc import Callable

import pytest

from distribution.channels.electronic import record_layout, specification
from distribution.channels.electronic.record_layout import Layout, LayoutFault, RecordKind
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
    with pytest.raises(UsageError, match="csv-1, fixed-1, flat-pgp, wide"):
        record_layout.load("fixed-9")


def test_a_group_that_repeats_stands_at_each_of_its_places() -> None:
    wide = record_layout.load("wide")
    places = {field.name: field.start for field in wide.columns(RecordKind.DETAIL)}
    group = next(field for field in wide.records[RecordKind.DETAIL] if field.repeat)
    assert (wide.slots, group.name) == (10, "action")
    assert places["action_2"] - places["action_1"] == group.repeat.length
    assert "action" not in places


@pytest.mark.parametrize(
    ("repeat", "says"),
    [("{times: 2, length: 4}", "is 5 long"), ("{times: 0, length: 5}", "is 5 long")],
)
def test_a_group_is_as_long_as_its_fields(repeat: str, says: str) -> None:
    wrong = GOOD.replace(
        "{name: result_id, start: 2, length: 5,", f"{{name: result_id, start: 2, length: 5, repeat: {repeat},"
    )
    with pytest.raises(LayoutFault, match=says):
        record_layout.parse(wrong)


@pytest.mark.parametrize("name", record_layout.names())
def test_the_specification_has_the_contracts_shape(name: str) -> None:
    spec = record_layout.spec(record_layout.load(name))
    assert list(spec) == ["layout", "version", "kind", "extension", "records"]
    assert list(spec["records"]) == ["H", "D", "T"]
    for fields in spec["records"].values():
        assert fields[0]["name"] == "record"
        for field in fields:
            shape = ["name", "start", "length", "type", "format", "description"]
            assert list(field) == shape + (["repeat"] if "repeat" in field else [])
            assert set(field.get("repeat", {})) <= {"times", "length"}


@pytest.mark.parametrize("name", record_layout.names())
@pytest.mark.parametrize("write", [specification.markdown, specification.page, specification.table])
def test_each_form_for_people_names_every_field(name: str, write: Callable[[Layout], str]) -> None:
    layout = record_layout.load(name)
    text = write(layout)
    assert all(field.name in text for fields in layout.records.values() for field in fields)


def test_what_sets_two_layouts_apart_is_told_field_by_field() -> None:
    found = specification.differences(record_layout.load("fixed-1"), record_layout.load("flat-pgp"))
    title = {"record": "D", "field": "exam_title", "what": "field", "one": "there", "other": None}
    assert title in found
    assert {"record": "", "field": "", "what": "pgp", "one": False, "other": True} in found
    assert specification.differences(record_layout.load("wide"), record_layout.load("wide")) == []
