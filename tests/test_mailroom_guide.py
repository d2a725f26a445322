"""The mailroom's guide shows what is printed today, and names every word that a batch can answer with."""

import re
from pathlib import Path

import pytest
from PIL import Image

from distribution.channels.paper import proof
from distribution.model import BatchState
from tools import mailroom_pictures

GUIDE = (Path(__file__).resolve().parents[1] / "docs" / "mailroom-guide.md").read_text("utf-8")
MOST_BYTES = 120_000  # a picture loads at once, also over a slow line


@pytest.fixture(scope="module")
def drawn() -> dict[str, Image.Image]:
    return mailroom_pictures.pictures()


def test_the_pictures_show_what_is_printed_today(drawn):
    for name, picture in drawn.items():
        assert proof.difference_to(picture, mailroom_pictures.TARGET / name) is None, f"{name}: make docs"


def test_each_picture_is_small_and_stands_in_the_guide_with_words_for_who_cannot_see_it(drawn):
    shown = dict(re.findall(r"!\[([^\]]+)\]\(pictures/([^)]+)\)", GUIDE))
    assert sorted(shown.values()) == sorted(drawn)
    assert all(len(words) > 20 for words in shown)
    assert max((mailroom_pictures.TARGET / name).stat().st_size for name in drawn) < MOST_BYTES


def test_the_guide_walks_through_every_state_of_a_batch_and_every_hold_of_paper():
    for word in (*BatchState, "spoiled", "returned", "no-address", "address-too-long", "no-glyph"):
        assert str(word) in GUIDE
