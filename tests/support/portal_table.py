"""The table of a scores page as a person reads it: a dictionary of shown texts for each row."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

_GROUND = {"Date of birth": "birth", "Candidate ID": "candidate", "Recommended credits": "credits",
           "Released": "released", "Revision": "revision", "Voucher order": "order",
           "Why you see it": "because"}  # fmt: skip
_CELLS = {"student": "student", "Exam": "exam", "Score": "score", "Tested": "tested", "Paid by": "funding"}


class _Table(HTMLParser):
    """Collects texts by the cell, or the term of a list of facts, that they stand in."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str]] = []
        self._at = self._term = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if tag == "tbody":
            self.rows.append({})
        elif tag == "td":
            self._at = _CELLS.get(given.get("data-label") or (classes[0] if classes else ""), "")
        elif tag == "span" and self._at:
            kind = next((name for name in ("under", "tag", "was") if name in classes), "")
            self._at = f"{self._at.split('/')[0]}{'/' + kind if kind else ''}"
        elif tag == "button" and given.get("name") in ("open", "close") and self.rows:
            self.rows[-1]["result"] = given.get("value") or ""
        elif tag == "dt":
            self._at, self._term = "", ""
        elif tag == "dd":
            self._at = _GROUND.get(self._term.strip(), "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "dd", "table"):
            self._at = ""
        elif tag == "span":
            self._at = self._at.split("/")[0]

    def handle_data(self, text: str) -> None:
        if self.lasttag == "dt":
            self._term += text
        elif self._at and self.rows and text.strip():
            row = self.rows[-1]
            row[self._at] = f"{row.get(self._at, '')} {text.strip()}".strip()


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a page in which all are open, in order."""
    table = _Table()
    table.feed(text)
    return table.rows


def all_pages(get: Callable[[str], str], path: str, query: str = "") -> Iterator[list[dict[str, str]]]:
    """The rows of each page, by following `Next page`; `get` gives the text at an address."""
    following: str | None = query
    while following is not None:
        text = get(f"{path}?{following}&open=all".replace("?&", "?"))
        yield rows_of(text)
        found = re.search(r'rel="next" href="\?([^"]+)"', text)
        following = found[1].replace("&amp;", "&") if found else None
