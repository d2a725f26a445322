"""The words on paper: macros of the templates below `templates/paper/`, called by name."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2

_MOST_KEPT = 1 << 12
_FOLDER = Path(__file__).resolve().parents[3] / "templates" / "paper"


class Words:
    """One template's macros: `Words("piece")("reported", day="…")`."""

    def __init__(self, template: str):
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - the words go onto paper, not into a page
            keep_trailing_newline=False,
        )
        self._macros = environment.get_template(f"{template}.txt").module
        self._said = lru_cache(maxsize=_MOST_KEPT)(self._say)

    def __call__(self, place: str, **values: Any) -> str:
        # Most words are said again and again: they are set once, not on every sheet.
        return self._said(place, tuple(values.items()))

    def _say(self, place: str, values: tuple[tuple[str, Any], ...]) -> str:
        return str(getattr(self._macros, place)(**dict(values)))


@cache
def of_piece() -> Words:
    return Words("piece")


@cache
def of_calibration() -> Words:
    return Words("calibration")


@cache
def of_cover_sheet() -> Words:
    return Words("cover_sheet")
