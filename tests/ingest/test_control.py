"""The control file must say exactly what the feed is."""

import json
from datetime import date

import pytest

from distribution.errors import FeedRefused
from distribution.filenames import FeedName
from distribution.ingest import control
from distribution.model import FeedKind, RefusalCode

SAID = {"feed": "results", "file": "results-20261122-001.csv", "records": 2, "score_total": 9, "sha256": "ab"}
NAME = FeedName(FeedKind.RESULTS, date(2026, 11, 22), 1)


def _hold_against_the_feed(said: control.Control) -> None:
    control.agree_on_name(said, NAME)
    control.agree_on_bytes(said, sha256="ab")
    control.agree_on_totals(said, records=2, score_total=9)


def test_the_agreed_keys_are_read():
    assert control.parse(json.dumps(SAID).encode()) == control.Control(**SAID)
    assert control.parse(json.dumps(SAID | {"parts": 3}).encode()).parts == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff{}",
        json.dumps(SAID)[:-1].encode(),
        json.dumps({**SAID, "records": "2"}).encode(),
        json.dumps({**SAID, "records": 2.0}).encode(),
        json.dumps({**SAID, "records": True}).encode(),
        json.dumps({**SAID, "sha256": None}).encode(),
        json.dumps({**SAID, "parts": 0}).encode(),
        json.dumps({**SAID, "surprise": 1}).encode(),
        json.dumps({key: SAID[key] for key in SAID if key != "sha256"}).encode(),
        json.dumps(SAID).replace('"records": 2', '"records": 2, "records": 3').encode(),
        json.dumps(SAID).encode() + b" " * control.MAX_BYTES,
        b"[" * 60_000,
    ],
)
def test_a_control_file_of_another_shape_is_unreadable(content):
    with pytest.raises(FeedRefused) as caught:
        control.parse(content)

    assert caught.value.code == RefusalCode.CONTROL_UNREADABLE


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feed", "contacts"),
        ("file", "results-20261122-002.csv"),
        ("records", 3),
        ("score_total", 8),
        ("sha256", "ac"),
    ],
)
def test_a_control_file_that_says_something_else_is_a_mismatch(key, value):
    said = control.Control(**{**SAID, key: value})

    with pytest.raises(FeedRefused) as caught:
        _hold_against_the_feed(said)

    assert (caught.value.code, caught.value.column) == (RefusalCode.CONTROL_MISMATCH, key)
