"""Files say what their layout promises: an independent reader, written from the specification, agrees."""

import csv
import hashlib
import io
import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distribution.channels.electronic import record_layout, score_file
from distribution.channels.electronic.record_layout import Control
from distribution.channels.electronic.score_file import Form, Header

CREATED = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
HEADER = Header("4471", 231, 230, CREATED, "NEW")
COLUMNS = {
    "action": "N",
    "result_id": "R-1",
    "revision": "1",
    "replaces_revision": "",
    "candidate_id": "00123",
    "last_name": "Nguyễn",
    "first_name": "Anh",
    "middle_name": "",
    "birth_date": "2005-02-28",
    "gender": "F",
    "exam_code": "FRENCH",
    "test_date": "2026-10-03",
    "scored_on": "",
    "scaled_score": "59",
    "reasons": "recipient",
    "attending_code": "",
    "test_center_code": "",
    "email": "",
    "postal_code": "",
    "college_student_id": "",
}


def frame(*rows: dict[str, str]) -> pd.DataFrame:
    filled = pd.DataFrame([COLUMNS | row for row in rows], columns=list(COLUMNS)).astype("str")
    return filled.assign(delivery_id=range(len(rows)))


def form(layout: str = "fixed-1", **given: object) -> Form:
    loaded = record_layout.load(layout)
    return Form(**{"layout": loaded, "control": loaded.control, **given})


def composed(form_: Form, *rows: dict[str, str], header: Header = HEADER) -> score_file.ScoreFile:
    return score_file.compose(header, score_file.format_details(frame(*rows), form_), form_)


def read_by_spec(data: bytes, form_: Form) -> dict[str, list[dict[str, str]]]:
    """A partner's reader: knows the JSON specification, the encoding and nothing else."""
    spec = json.loads(json.dumps(record_layout.spec(form_.layout)))
    text = data.decode(form_.encoding)
    found: dict[str, list[dict[str, str]]] = {"H": [], "D": [], "T": []}
    if spec["kind"] == "csv":
        rows = list(csv.reader(io.StringIO(text, newline="")))
        if not form_.is_inline:
            found["D"] = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
            return found
        for row in rows:
            names = [field["name"] for field in spec["records"][row[0]]]
            found[row[0]].append(dict(zip(names, row, strict=True)))
        return found
    for line in text.splitlines():
        fields = spec["records"][line[0] if form_.is_inline else "D"]
        cells = {f["name"]: line[f["start"] - 1 : f["start"] - 1 + f["length"]] for f in fields}
        found[line[0]].append({name: cell.strip() for name, cell in cells.items()})
    return found


ALL_FORMS = [
    form(layout, encoding=encoding, newline=newline, control=control)
    for layout in ("fixed-1", "csv-1")
    for encoding in ("utf-8", "latin-1", "ascii")
    for newline in ("crlf", "lf")
    for control in Control
]


@pytest.mark.parametrize(
    "form_", ALL_FORMS, ids=lambda f: f"{f.layout.layout}-{f.encoding}-{f.newline}-{f.control}"
)
def test_a_reader_written_from_the_specification_gets_every_value_back(form_: Form) -> None:
    rows = (
        {"last_name": "O'Brien", "first_name": 'Ann "Nan", Jr', "candidate_id": "007"},
        {"result_id": "R-2", "action": "C", "revision": "2", "replaces_revision": "1", "last_name": "Null"},
        {"result_id": "R-3", "action": "X", "revision": "2", "scaled_score": "55", "last_name": "NA"},
    )
    found = read_by_spec(composed(form_, *rows).data, form_)["D"]
    assert [record["last_name"] for record in found] == ["O'Brien", "Null", "NA"]
    assert found[0]["first_name"] == 'Ann "Nan", Jr'
    assert found[0]["candidate_id"] == "007"
    assert [record["scaled_score"] for record in found] == ["59", "59", ""]
    assert [record["exam_title"] for record in found] == ["French Language"] * 3
    assert [record["recommended_credits"].lstrip("0") for record in found] == ["9", "9", ""]
    assert [record["replaces_revision"].lstrip("0") for record in found] == ["", "1", ""]


# What ingest lets through: no control characters, no line breaks, trimmed.
NAMES = st.text(
    st.characters(
        min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs", "Cf")
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(names=st.lists(NAMES, min_size=1, max_size=4), layout=st.sampled_from(["fixed-1", "csv-1"]))
def test_any_name_survives_in_utf8(names: list[str], layout: str) -> None:
    form_ = form(layout)
    data = composed(form_, *({"last_name": name} for name in names)).data
    if form_.layout.kind == "fixed":
        assert all(len(line) in (0, 700) for line in data.decode().split("\r\n"))
        start = next(f.start for f in form_.layout.records["D"] if f.name == "last_name")
        read = [line[start - 1 : start + 59].rstrip(" ") for line in data.decode().split("\r\n")[1:-2]]
    else:
        read = [record["last_name"] for record in read_by_spec(data, form_)["D"]]
    assert read == names


def test_every_record_of_a_fixed_file_is_of_one_length() -> None:
    lines = composed(form(), {"last_name": "Łukasz"}, {"last_name": "Πέτρος"}).data.decode().split("\r\n")
    assert {len(line) for line in lines[:-1]} == {700}
    assert lines[-1] == ""


def test_the_trailer_counts_sums_and_hashes_all_that_stands_before_it() -> None:
    made = composed(
        form(), {"scaled_score": "59"}, {"scaled_score": "20"}, {"action": "X", "scaled_score": "70"}
    )
    before = made.data[: made.data.rindex(b"\r\nT") + 2]
    trailer = read_by_spec(made.data, form())["T"][0]
    assert (trailer["details"], trailer["score_total"]) == ("00000003", "0000000079")
    assert trailer["sha256"] == hashlib.sha256(before).hexdigest()
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()
    assert (made.details, made.score_total) == (3, 79)


def test_an_absent_number_is_blank_and_never_zeros() -> None:
    first = Header("4471", 1, 0, CREATED, "NEW")
    data = composed(form(), {"scaled_score": "", "exam_code": "FRENCH"}, header=first).data
    start = next(f.start for f in form().layout.records["D"] if f.name == "scaled_score")
    header, detail = data.decode().split("\r\n")[:2]
    assert detail[start - 1 : start + 3] == "    "
    assert header[30:42] == "000001      "


def test_a_sidecar_says_all_that_header_and_trailer_say() -> None:
    form_ = form("csv-1")
    made = composed(form_, {}, {"result_id": "R-2"})
    assert json.loads(made.sidecar) == {
        "layout": "csv-1",
        "version": 1,
        "di": "4471",
        "sequence": 231,
        "previous_sequence": 230,
        "created": "2026-11-24T03:00:00Z",
        "kind": "NEW",
        "original": None,
        "details": 2,
        "score_total": 118,
        "sha256": hashlib.sha256(made.data).hexdigest(),
    }
    assert made.sidecar_sha256 == hashlib.sha256(made.sidecar).hexdigest()
    assert made.data.startswith(b"action,result_id,")


def test_names_that_an_encoding_lacks_are_spelled_out_and_counted() -> None:
    lines = score_file.format_details(
        frame({"last_name": "Łukasz"}, {"last_name": "García"}), form(encoding="latin-1")
    )
    text = bytes(lines.text).decode("latin-1")
    assert "Lukasz" in text
    assert "García" in text
    assert lines.transliterated.tolist() == [True, False]
    assert "?" not in text


def test_a_name_longer_than_its_field_is_marked_and_never_cut() -> None:
    lines = score_file.format_details(
        frame({"last_name": "Щ" * 40}, {"last_name": "Щ" * 5}), form(encoding="ascii")
    )
    assert lines.too_long.tolist() == [True, False]


def test_a_file_cut_out_of_many_equals_the_file_made_alone() -> None:
    rows = [{"result_id": f"R-{number}", "last_name": "Łukasz" * (number % 3 + 1)} for number in range(20)]
    for form_ in (form(), form(encoding="latin-1"), form("csv-1")):
        lines = score_file.format_details(frame(*rows), form_)
        cut = score_file.compose(HEADER, lines, form_, start=7, stop=13)
        assert cut == composed(form_, *rows[7:13])


def test_a_void_file_has_header_and_trailer_only() -> None:
    made = composed(form(), header=Header("4471", 5, 4, CREATED, "VOID"))
    found = read_by_spec(made.data, form())
    assert (len(found["H"]), len(found["D"]), made.details) == (1, 0, 0)
    assert found["T"][0]["details"] == "00000000"


def test_a_resend_keeps_the_reason_of_the_first_time() -> None:
    first = read_by_spec(composed(form(), {"reasons": "recipient dantes"}).data, form())["D"]
    again = read_by_spec(composed(form(), {"reasons": "recipient dantes resend"}).data, form())["D"]
    assert first == again


def test_title_and_credits_are_those_of_the_test_date() -> None:
    found = read_by_spec(
        composed(
            form(),
            {"exam_code": "AMELIT", "test_date": "2014-12-31", "scaled_score": "50"},
            {"exam_code": "AMELIT", "test_date": "2015-01-01", "scaled_score": "50"},
            {"exam_code": "AMELIT", "test_date": "2015-01-01", "scaled_score": "49"},
        ).data,
        form(),
    )["D"]
    assert [record["recommended_credits"] for record in found] == ["06", "03", ""]
