"""The gate lets through what a strict reader reads, row by row and cell by cell, and nothing else."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distribution.errors import FeedRefused
from distribution.ingest import gate, read
from distribution.ingest.gate import Limits
from distribution.model import FeedKind, RefusalCode

LIMITS = Limits()


def refusal(content: bytes, limits: Limits = LIMITS) -> FeedRefused:
    with pytest.raises(FeedRefused) as caught:
        gate.check(content, limits=limits)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"a,b\n1,\xff\n", RefusalCode.ENCODING, 2),
        ("a,b\n1,ü\n".encode("latin-1"), RefusalCode.ENCODING, 2),
        ("a,b\n1,ü\n".encode("utf-16"), RefusalCode.ENCODING, 1),
        (b"a,b\n1,\xed\xa0\x80\n", RefusalCode.ENCODING, 2),
        (b"a,b\n1,\xc3", RefusalCode.ENCODING, 2),
        (b"a,b\n1,\x00\n", RefusalCode.NUL, 2),
        (b"a,b\r1,2\r", RefusalCode.BARE_CR, 1),
        (b'a,b\n1,"x\ry"\n', RefusalCode.BARE_CR, 2),
        (b"a,b\n1,2\n3,4\r", RefusalCode.BARE_CR, 3),
        (b'a,b\n1,"2\n3,4\n', RefusalCode.QUOTE, 2),
        (b'a,b\n1,"2"x\n', RefusalCode.QUOTE, 2),
        (b'a,b\n1,"2" \n', RefusalCode.QUOTE, 2),
        (b'a,b\n1,2\n3,4"4\n', RefusalCode.QUOTE, 3),
        (b"a,b\n1\n", RefusalCode.ROW_SHAPE, 2),
        (b"a,b\n1,2\n\n1,2,3\n", RefusalCode.ROW_SHAPE, 4),
        (b'a,b\n"1\n1",2\n3\n', RefusalCode.ROW_SHAPE, 4),
        (b"", RefusalCode.COLUMNS, 1),
        (b"\n\r\n", RefusalCode.COLUMNS, 1),
    ],
)
def test_bytes_that_no_strict_reader_takes_are_refused_with_their_line(content, code, line):
    refused = refusal(content)

    assert (refused.code, refused.line) == (code, line)


def test_lines_and_cells_may_be_as_long_as_the_limit_and_no_longer():
    limits = Limits(line_bytes=10, cell_bytes=6)

    gate.check(b"a,b\n123456,789\r\n", limits=limits)
    gate.check(b'a,b\n"1""456",\n', limits=Limits(line_bytes=20, cell_bytes=5))
    assert refusal(b"a,b\n1234567,8\n", limits).code is RefusalCode.TOO_LARGE
    assert refusal(b"a,b\n12345,67890\n", limits).code is RefusalCode.TOO_LARGE
    assert refusal(b"a,b\n1,2\n12345,67890", limits).line == 3


def test_blank_lines_are_no_rows_and_lines_are_counted_as_an_editor_counts_them():
    shape = gate.check(b'\xef\xbb\xbf\na,b\r\n\n1,"x\ny\nz"\r\n\r\n2,3', limits=LIMITS)

    assert shape.header == b"a,b"
    assert shape.lines.tolist() == [4, 8]


cells = st.text(alphabet='a,"\n ü', max_size=4)
loose = st.text(alphabet='a,"\n\r', max_size=30).map(lambda text: ("h,h\n" + text).encode())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=2), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_csv_writer_writes_is_read_back_the_same(rows, newline):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([["h1", "h2"], *rows])
    content = text.getvalue().encode()

    shape = gate.check(content, limits=LIMITS)
    table = read._parse(content, ["h1", "h2"], shape=shape)

    assert [[row["h1"], row["h2"]] for row in table.to_pylist()] == rows


@settings(max_examples=600, deadline=None)
@given(loose)
def test_the_gate_agrees_with_pythons_strict_reader(content):
    try:
        lines = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
        expected = [row for row in lines if row]
    except csv.Error:
        expected = None
    try:
        shape = gate.check(content, limits=LIMITS)
    except FeedRefused as refused:
        stricter = refused.code in (RefusalCode.QUOTE, RefusalCode.BARE_CR)
        assert expected is None or stricter or any(len(row) != 2 for row in expected)
        return
    table = read._parse(content, ["h1", "h2"], shape=shape)
    assert expected is not None
    assert [[row["h1"], row["h2"]] for row in table.to_pylist()] == expected[1:]


@pytest.mark.parametrize("size", [1, 5, 7, 64])
def test_rows_are_found_wherever_the_blocks_part_the_bytes(monkeypatch, size):
    content = b'a,b\r\n\r\n"1,\n1","2""2"\r\nx,y\n"","\n"\n'
    whole = gate.check(content, limits=LIMITS).lines.tolist()

    monkeypatch.setattr(gate, "_BLOCK", size)

    assert gate.check(content, limits=LIMITS).lines.tolist() == whole == [3, 5, 6]


@pytest.mark.parametrize(
    "header",
    ["order_id", "order_id,organization_code,ordered_on,quantity,status,status",
     "order_id,organization_code,ordered_on,quantity,status,surprise",
     "Order_ID,organization_code,ordered_on,quantity,status"],
)  # fmt: skip
def test_missing_repeated_and_unknown_columns_are_refused(header):
    with pytest.raises(FeedRefused) as caught:
        read.read_rows(f"{header}\n".encode(), kind=FeedKind.VOUCHER_ORDERS, limits=LIMITS)

    assert caught.value.code == RefusalCode.COLUMNS
    assert "surprise" not in str(caught.value)


def test_columns_are_found_by_name_and_x_columns_may_stand_anywhere():
    content = (
        b"x_note,status,quantity,ordered_on,organization_code,order_id\n=1+1,fulfilled,5,2026-01-01,4471,V1\n"
    )

    frame = read.read_rows(content, kind=FeedKind.VOUCHER_ORDERS, limits=LIMITS)

    assert frame.loc[0, "order_id"] == "V1"
    assert frame.loc[0, "x_note"] == "=1+1"
