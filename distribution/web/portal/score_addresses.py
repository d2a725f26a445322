"""The address of a scores page: filters by their codes, where the page begins, which rows are open."""

import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from distribution.jobs.portal_scores import Cursor, Sort

RESULT_ID = re.compile(r"[A-Za-z0-9-]{1,32}")
FILTERS = {
    "exam": re.compile(r"[A-Za-z0-9-]{1,20}"),
    "funding": re.compile(r"[a-z]{1,20}"),
    "month": re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])"),
    "school": re.compile(r"[A-Za-z0-9]{1,6}"),
    "search": re.compile(r"[A-Za-z0-9_-]{1,40}"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """What stands in the page's address: filters by their codes, a search by its name, never a student."""

    values: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        return dict(self.values).get(name, "")

    def with_(self, **changes: str) -> str:
        """The same address with some values changed, as a query; paging starts again unless it is named."""
        kept = {name: value for name, value in self.values if name not in ("after", "before", "open")}
        merged = {**kept, **changes}
        query = urlencode({name: value for name, value in merged.items() if value})
        return f"?{query}" if query else "?"

    def here(self, **changes: str) -> str:
        """The same page with some values changed."""
        merged = {**dict(self.values), **changes}
        return "?" + urlencode({name: value for name, value in merged.items() if value})


# Coroutines, for they wait for nothing; each value is named, so that the application describes all it takes.
async def read_address(
    exam: str = "",
    funding: str = "",
    month: str = "",
    school: str = "",
    search: str = "",
    sort: str = "",
    after: str = "",
    before: str = "",
    new: str = "",
    descending: str = "",
    all_rows: Annotated[str, Query(alias="all")] = "",
) -> Address:
    """The values of a query that can be what they say; any other is as if it were not there."""
    given = {"exam": exam, "funding": funding, "month": month, "school": school, "search": search}
    read = {name: value for name, value in given.items() if FILTERS[name].fullmatch(value)}
    switches = {"new": new, "descending": descending, "all": all_rows}
    read |= {name: value for name, value in switches.items() if value == "1"}
    if sort in tuple(Sort):
        read["sort"] = sort
    for name, value in (("after", after), ("before", before)):
        if cursor_of(value):
            read[name] = value
            break
    return Address(tuple(read.items()))


TheAddress = Annotated[Address, Depends(read_address)]


def cursor_of(text: str, *, backwards: bool = False) -> Cursor | None:
    """`school.result` → where a page begins."""
    school, _, result = text.partition(".")
    if not (FILTERS["school"].fullmatch(school) and RESULT_ID.fullmatch(result)):
        return None
    return Cursor(school, result, backwards)


@dataclass(frozen=True, slots=True)
class Opened:
    """Which rows are open: those named by `open`, less those that `close` names; `all` opens all."""

    named: frozenset[str]
    closed: frozenset[str]

    def among(self, rows: list[dict[str, object]]) -> frozenset[str]:
        names = {str(row["result_id"]) for row in rows}
        return frozenset((names if "all" in self.named else names & self.named) - self.closed)


async def read_opened(
    named: Annotated[list[str] | None, Query(alias="open")] = None,
    closed: Annotated[list[str] | None, Query(alias="close")] = None,
) -> Opened:
    return Opened(frozenset(named or ()), frozenset(closed or ()))


TheOpened = Annotated[Opened, Depends(read_opened)]
