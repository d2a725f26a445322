"""The words on paper: macros of the templates below `templates/paper/`, called by name."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

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
        self._fixed: dict[str, str] = {}

    def __call__(self, place: str, **values: Any) -> str:
        if values:
            return str(getattr(self._macros, place)(**values))
        # Words that never change are asked for once, not on every sheet.
        if place not in self._fixed:
            self._fixed[place] = str(getattr(self._macros, place)())
        return self._fixed[place]


@cache
def of_piece() -> Words:
    return Words("piece")


@cache
def of_cover_sheet() -> Words:
    return Words("cover_sheet")
