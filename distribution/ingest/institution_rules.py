"""The rules of the institutions feed: codes by kind, methods, addresses, districts and successors."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from distribution.ingest import text
from distribution.model import SCHOOL_KINDS, Channel, InstitutionKind

_DEFAULT_ZONE = "America/New_York"
_CONTENT = [
    "code", "name", "kind", "district_code", "delivery_method", "attention", "address_1", "address_2", "city",
    "state", "postal_code", "country", "status", "successor_code", "time_zone", "valid_from",
]  # fmt: skip


def prepare(rows: pd.DataFrame) -> None:
    """Fill in what an empty cell means: the portal for schools and districts, New York for the zone."""
    empty = rows["delivery_method"] == ""
    rows["delivery_method"] = rows["delivery_method"].mask(_is_school(rows) & empty, Channel.PORTAL.value)
    rows["time_zone"] = rows["time_zone"].where(rows["time_zone"] != "", _DEFAULT_ZONE)


def _is_school(rows: pd.DataFrame) -> pd.Series:
    return rows["kind"].isin([str(kind) for kind in SCHOOL_KINDS])


def faults(
    rows: pd.DataFrame, on_file: pd.DataFrame, sound: np.ndarray
) -> Iterator[tuple[np.ndarray | pd.Series, str]]:
    """Which rows (bool) are held `bad-value`, each with its column.

    `on_file`: `code`, `kind`, `successor_code` of the newest versions. Districts and successors are looked
    up in the whole feed; a row that is itself held is no one's district or successor.
    """
    alone = [*_faults_of_a_row(rows), (_repeated(rows), "code")]
    yield from alone
    good = sound.copy()
    for found, _ in alone:
        good &= ~np.asarray(found, dtype=bool)
    district, successor = _broken_references(rows, on_file, good)
    yield district, "district_code"
    yield successor, "successor_code"


def _faults_of_a_row(rows: pd.DataFrame) -> Iterator[tuple[pd.Series, str]]:
    school = _is_school(rows)
    yield text.length(rows["code"]) != school.map({True: 6, False: 4}), "code"
    yield school & (rows["delivery_method"] != Channel.PORTAL), "delivery_method"
    # A DI's address may be empty: where it is needed, its deliveries are held, not its row.
    yield school & (rows["address_1"] == ""), "address_1"
    yield school & (rows["city"] == ""), "city"
    domestic = rows["country"] == "US"
    yield school & domestic & (rows["state"] == ""), "state"
    yield school & domestic & (rows["postal_code"] == ""), "postal_code"
    yield school & (rows["country"] == ""), "country"


def _repeated(rows: pd.DataFrame) -> pd.Series:
    """Rows whose code stands in the feed with other content too."""
    distinct = rows.loc[~rows.duplicated(_CONTENT), "code"].value_counts()
    return rows["code"].isin(distinct.index[distinct > 1])


def _broken_references(
    rows: pd.DataFrame, on_file: pd.DataFrame, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Unknown districts; unknown, own or circular successors. A row that falls may make others fall."""
    district, successor = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    while True:
        known = _overlaid(on_file, rows.loc[good & ~district & ~successor])
        kinds = known.set_index("code")["kind"]
        districts = kinds.index[kinds == InstitutionKind.DISTRICT]
        lost = (rows["district_code"] != "") & ~rows["district_code"].isin(districts)
        unknown = (rows["successor_code"] != "") & ~rows["successor_code"].isin(kinds.index)
        circular = rows["code"].isin(_circular(known)) & (rows["successor_code"] != "")
        now_district = district | (lost.to_numpy(dtype=bool) & good)
        now_successor = successor | ((unknown | circular).to_numpy(dtype=bool) & good)
        if (now_district == district).all() and (now_successor == successor).all():
            return district, successor
        district, successor = now_district, now_successor


def _overlaid(on_file: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """What would be on file with these rows recorded: one row per code."""
    columns = ["code", "kind", "successor_code"]
    return pd.concat([on_file[columns], rows[columns]]).drop_duplicates("code", keep="last")


def _circular(known: pd.DataFrame) -> list[str]:
    """The codes whose successors lead back to themselves."""
    named = known[known["successor_code"] != ""]
    successor = dict(zip(named["code"], named["successor_code"], strict=True))
    circular = []
    for code in successor:
        seen, at = {code}, successor[code]
        while at in successor and at not in seen:
            seen.add(at)
            at = successor[at]
        if at == code:
            circular.append(code)
    return circular
