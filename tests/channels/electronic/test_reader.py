"""`layout check` finds the place of a fault and never shows what stands there."""

import json

import pytest

from distribution.channels.electronic import reader, record_layout, sample
from distribution.errors import UsageError

FIXED = sample.sample(record_layout.load("fixed-1"))
CSV = sample.sample(record_layout.load("csv-1"))


def places(data: bytes, **given: object) -> list[tuple[int, int, str]]:
    return [(fault.line, fault.column, fault.field) for fault in reader.check(data, **given).faults]


def test_a_sound_file_has_no_fault() -> None:
    reading = reader.check(FIXED.data)
    assert (reading.layout.layout, reading.details, reading.score_total, reading.faults) == (
        "fixed-1",
        5,
        218,
        (),
    )


def test_a_sound_csv_file_agrees_with_its_sidecar() -> None:
    assert reader.check(CSV.data, sidecar=CSV.sidecar).faults == ()


def test_a_line_of_several_results_is_counted_as_one_and_its_results_each() -> None:
    wide = sample.sample(record_layout.load("wide"))
    reading = reader.check(wide.data, sidecar=wide.sidecar)
    assert (reading.details, reading.results, reading.score_total, reading.faults) == (4, 5, 218, ())
    assert reader.check(wide.data).layout.layout == "wide"


def test_a_fault_in_a_later_slot_is_found_in_its_place() -> None:
    wide = sample.sample(record_layout.load("wide"))
    place = next(f for f in wide_columns() if f.name == "action_2")
    lines = wide.data.decode().split("\r\n")
    lines[0] = lines[0][: place.start - 1] + "Q" + lines[0][place.start :]
    found = places("\r\n".join(lines).encode(), sidecar=wide.sidecar)
    assert (1, place.start, "action_2") in found


def wide_columns() -> tuple[record_layout.Field, ...]:
    return record_layout.load("wide").columns(record_layout.RecordKind.DETAIL)


def test_a_score_that_is_no_number_is_found_by_line_and_column() -> None:
    layout = record_layout.load("fixed-1")
    start = next(f.start for f in layout.records["D"] if f.name == "scaled_score")
    lines = FIXED.data.decode().split("\r\n")
    lines[2] = lines[2][: start - 1] + "5x" + lines[2][start + 1 :]
    found = places("\r\n".join(lines).encode())
    assert (3, start, "scaled_score") in found


def test_a_date_that_is_none_is_found_in_its_csv_cell() -> None:
    found = places(CSV.data.replace(b"2026-10-05", b"2026-13-05"))
    column = [f.name for f in record_layout.load("csv-1").records["D"]].index("test_date") + 1
    assert found == [(3, column, "test_date")]


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (lambda data: data[:-702], (6, 1, "record")),
        (lambda data: data.replace(b"ZZTESTNull", b"ZZTESTNul"), (4, 700, "")),
        (lambda data: data.replace(b"\nDN", b"\nQN", 1), (2, 1, "record")),
        (lambda data: data.replace(b"\nDN", b"\nDZ", 1), (2, 2, "action")),
        (lambda data: data.replace(b"zztest@", b"zztext@", 1), (7, 20, "sha256")),
    ],
)
def test_damage_is_found_where_it_is(damage, place: tuple[int, int, str]) -> None:  # type: ignore[no-untyped-def]
    assert place in places(damage(FIXED.data))


def test_a_byte_that_is_not_of_the_encoding_is_found() -> None:
    damaged = FIXED.data.replace(b"ZZTESTNull", b"ZZTEST\xe9ull")
    assert [(line, field) for line, _, field in places(damaged)] == [(4, "")]


def test_a_sidecar_of_another_file_is_told() -> None:
    other = json.dumps({**json.loads(CSV.sidecar), "details": 9, "sha256": "0" * 64}).encode()
    assert [fault.field for fault in reader.check(CSV.data, sidecar=other).faults] == ["details", "sha256"]


def test_no_fault_shows_a_value() -> None:
    damaged = FIXED.data.replace(b"2005-02-28", b"2005-02-99").replace(b"ZZTESTNull", b"ZZTESTNul")
    text = json.dumps([fault.fault for fault in reader.check(damaged).faults])
    assert "2005" not in text
    assert "ZZTEST" not in text


def test_a_file_of_no_layout_asks_for_one() -> None:
    with pytest.raises(UsageError, match="--layout"):
        reader.check(b"hello\n")


@pytest.mark.parametrize("layout", record_layout.names())
def test_a_data_file_alone_has_no_fault_and_says_whether_its_control_was_checked(layout: str) -> None:
    made = sample.sample(record_layout.load(layout))
    reading = reader.check(made.data, layout=layout)
    assert reading.faults == ()
    assert reading.is_controlled == (made.sidecar is None)
    assert reader.check(made.data, sidecar=made.sidecar, layout=layout).is_controlled


def test_a_fixed_file_that_carries_its_control_may_not_come_without() -> None:
    bare = FIXED.data.split(b"\r\n", 1)[1][:-702]
    assert places(bare, layout="fixed-1") == [(1, 1, "record"), (6, 1, "record")]


def test_a_line_that_is_cut_off_is_told_without_a_control_file_too() -> None:
    cut = CSV.data[: CSV.data.rindex(b",")]
    assert "the file may be cut off" in " ".join(fault.fault for fault in reader.check(cut).faults)
