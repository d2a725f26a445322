"""Who is owed which revision (contract section 7), as a pure function over frames."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from distribution.exams import Programme, last_reportable_day
from distribution.model import (
    Action,
    DeliveryHoldReason,
    DeliveryReason,
    DeliveryState,
    Funding,
    InstitutionKind,
    ResultStatus,
)

FIRST = "first"
TRANSCRIPT_PREFIX = "transcript:"
KEY = ["result_id", "revision", "recipient", "occasion"]
COLUMNS = [
    "result_id",
    "revision",
    "academic_year",
    "recipient",
    "designated",
    "occasion",
    "action",
    "reasons",
    "channel",
    "state",
    "state_reason",
]
_REASON_ORDER = [reason.value for reason in DeliveryReason]
_SCHOOLS = [InstitutionKind.HIGH_SCHOOL.value, InstitutionKind.DISTRICT.value]


@dataclass(frozen=True, slots=True)
class MasterData:
    """What the rules look things up in. Frames are text.

    `destinations`: `destinations.of`. `orders`: order_id, organization_code. `requests`: request_id,
    candidate_id, recipient, requested_on, routed_at ('' = not routed yet).
    """

    destinations: pd.DataFrame
    orders: pd.DataFrame
    requests: pd.DataFrame
    programme: Programme
    dantes_code: str | None


def owed(versions: pd.DataFrame, got: pd.DataFrame, master: MasterData) -> pd.DataFrame:
    """The deliveries that are owed now and have not left.

    `versions`: the newest revision of each result: result_id, revision (int64), academic_year, status,
    candidate_id, test_date, funding, voucher_order_id, attending_code, recipient_1, recipient_2, history
    (t|f), first_recorded_at (sortable text); text but for the revision. `got`: what may have left of these
    results: result_id, revision (int64), recipient, occasion, action. Returns `COLUMNS` (revision int64, the
    rest text), one row per delivery, in no stated order.

    A result whose newest revision someone already got yields nothing for them: what left is a fact of the
    ledger, not of the rules.
    """
    standing = _standing(got, master.destinations)
    named = _first_claims(versions, master)
    claims = pd.concat([named, _transcript_claims(versions, master, got)], ignore_index=True)
    claims = _with_destination(claims, master.destinations)
    designated = _one_per_recipient(claims)
    told = _to_those_who_got_one(versions, designated, standing, master.destinations)
    decided = pd.concat([_to_the_designated(versions, designated, standing), told], ignore_index=True)
    return decided[COLUMNS].reset_index(drop=True)


def _standing(got: pd.DataFrame, destinations: pd.DataFrame) -> pd.DataFrame:
    """What each recipient holds of each result: result_id, recipient, held_revision, held_action, by_choice.

    A closed recipient's holdings count as its successor's. `by_choice` tells those who got it for more than
    a transcript.
    """
    if got.empty:
        return pd.DataFrame(
            {
                "result_id": pd.Series(dtype="str"),
                "recipient": pd.Series(dtype="str"),
                "held_revision": pd.Series(dtype="int64"),
                "held_action": pd.Series(dtype="str"),
                "by_choice": pd.Series(dtype="bool"),
            }
        )
    successors = dict(zip(destinations["code"], destinations["recipient"], strict=True))
    mapped = got.assign(
        recipient=got["recipient"].map(successors).astype("str").fillna(got["recipient"]),
        by_choice=~got["occasion"].str.startswith(TRANSCRIPT_PREFIX),
    ).sort_values(["result_id", "recipient", "revision"], kind="stable")
    return mapped.groupby(["result_id", "recipient"], sort=False, as_index=False).agg(
        held_revision=("revision", "last"),
        held_action=("action", "last"),
        by_choice=("by_choice", "any"),
    )


def _first_claims(versions: pd.DataFrame, master: MasterData) -> pd.DataFrame:
    """One row per (result, code, reason) that the result itself names."""
    kinds = master.destinations[["code", "kind"]]
    current = versions[versions["history"] == "f"]
    chosen = [
        _claim(versions, versions[column], DeliveryReason.RECIPIENT)
        for column in ("recipient_1", "recipient_2")
    ]
    # Old results are owed to schools only, whoever was chosen at the time.
    recipients = pd.concat(chosen, ignore_index=True)
    old = recipients["result_id"].isin(versions.loc[versions["history"] == "t", "result_id"])
    schools = recipients["designated"].isin(kinds.loc[kinds["kind"].isin(_SCHOOLS), "code"])
    recipients = recipients[~old | schools]

    organizations = dict(zip(master.orders["order_id"], master.orders["organization_code"], strict=True))
    by_voucher = versions[versions["funding"] == Funding.VOUCHER]
    vouchers = _claim(
        by_voucher,
        by_voucher["voucher_order_id"].map(organizations).fillna(""),
        DeliveryReason.VOUCHER,
    )
    vouchers = vouchers[vouchers["designated"].isin(kinds.loc[kinds["kind"].isin(_SCHOOLS), "code"])]

    attending = _claim(versions, versions["attending_code"], DeliveryReason.ATTENDING)
    high_schools = kinds.loc[kinds["kind"] == InstitutionKind.HIGH_SCHOOL, "code"]
    attending = attending[
        attending["designated"].isin(high_schools)
        & ~attending["designated"].isin(master.programme.no_school_codes)
    ]

    funded = current[current["funding"] == Funding.DANTES]
    dantes = _claim(
        funded,
        pd.Series(master.dantes_code or "", index=funded.index, dtype="str"),
        DeliveryReason.DANTES,
    )
    claims = pd.concat([recipients, vouchers, attending, dantes], ignore_index=True)
    return claims.assign(occasion=FIRST)


def _claim(rows: pd.DataFrame, codes: pd.Series, reason: DeliveryReason) -> pd.DataFrame:
    claims = pd.DataFrame({"result_id": rows["result_id"], "designated": codes, "reason": reason.value})
    return claims[claims["designated"] != ""]


def _transcript_claims(versions: pd.DataFrame, master: MasterData, got: pd.DataFrame) -> pd.DataFrame:
    """One row per request and reportable result of its candidate that the request has not brought yet.

    Results that were first recorded after the request was routed are not part of it.
    """
    asked = master.requests.merge(
        versions[["candidate_id", "result_id", "test_date", "first_recorded_at"]], on="candidate_id"
    )
    if asked.empty:
        return pd.DataFrame(columns=["result_id", "designated", "reason", "occasion"], dtype="str")
    last_days = {
        day: last_reportable_day(date.fromisoformat(day), rules=master.programme).isoformat()
        for day in asked["test_date"].unique()
    }
    asked = asked.assign(
        occasion=TRANSCRIPT_PREFIX + asked["request_id"], last_day=asked["test_date"].map(last_days)
    )
    asked = asked[
        (asked["last_day"] >= asked["requested_on"])
        & ((asked["routed_at"] == "") | (asked["first_recorded_at"] <= asked["routed_at"]))
    ]
    brought = pd.MultiIndex.from_frame(got[["result_id", "occasion"]])
    asked = asked[~pd.MultiIndex.from_frame(asked[["result_id", "occasion"]]).isin(brought)]
    return pd.DataFrame(
        {
            "result_id": asked["result_id"],
            "designated": asked["recipient"],
            "reason": DeliveryReason.TRANSCRIPT.value,
            "occasion": asked["occasion"],
        }
    )


def _with_destination(claims: pd.DataFrame, destinations: pd.DataFrame) -> pd.DataFrame:
    """Claims with recipient, channel, state and state_reason of the code they name."""
    placed = claims.merge(
        destinations.rename(columns={"code": "designated"}),
        on="designated",
        how="left",
        validate="many_to_one",
    )
    unknown = placed["recipient"].isna()
    placed = placed.assign(
        recipient=placed["recipient"].where(~unknown, placed["designated"]),
        channel=placed["channel"].fillna(""),
        state=placed["state"].fillna(DeliveryState.HELD.value),
        state_reason=placed["state_reason"].where(~unknown, DeliveryHoldReason.UNKNOWN_RECIPIENT.value),
        kind=placed["kind"].fillna(""),
    )
    return _closed_schools_are_staged(placed)


def _closed_schools_are_staged(placed: pd.DataFrame) -> pd.DataFrame:
    """Only recipients are held for a closed code; a closed school's students are staged under it."""
    closed_school = (
        (placed["state_reason"] == DeliveryHoldReason.RECIPIENT_CLOSED)
        & placed["kind"].isin(_SCHOOLS)
        & (placed["reason"] != DeliveryReason.RECIPIENT)
    )
    return placed.assign(
        channel=placed["channel"].where(~closed_school, "portal"),
        state=placed["state"].where(~closed_school, DeliveryState.PENDING.value),
        state_reason=placed["state_reason"].where(~closed_school, ""),
    )


def _one_per_recipient(claims: pd.DataFrame) -> pd.DataFrame:
    """One row per result, recipient and occasion, with all the reasons that stand on it."""
    ordered = claims.assign(
        place=claims["reason"].map({reason: at for at, reason in enumerate(_REASON_ORDER)})
    ).sort_values(["result_id", "recipient", "occasion", "place"], kind="stable")
    keys = ["result_id", "recipient", "occasion"]
    first = ordered.drop_duplicates(keys)
    reasons = _reasons_by(keys, ordered)
    # A school that is both chosen and attended is staged: one open reason is enough.
    open_ones = ordered[ordered["state"] == DeliveryState.PENDING].drop_duplicates(keys)
    first = pd.concat([open_ones, first]).drop_duplicates(keys)
    return first.merge(reasons, on=keys, validate="one_to_one")[
        [*keys, "designated", "reasons", "channel", "state", "state_reason"]
    ]


def _reasons_by(keys: list[str], ordered: pd.DataFrame) -> pd.DataFrame:
    """The reasons of each key, parted by a space; most have one, so only the others are joined."""
    distinct = ordered.drop_duplicates([*keys, "reason"])
    several = distinct.duplicated(keys, keep=False)
    joined = distinct[several].groupby(keys, sort=False)["reason"].agg(" ".join).rename("reasons")
    alone = distinct.loc[~several, [*keys, "reason"]].rename(columns={"reason": "reasons"})
    return pd.concat([alone, joined.reset_index()], ignore_index=True) if several.any() else alone


def _to_the_designated(
    versions: pd.DataFrame, designated: pd.DataFrame, standing: pd.DataFrame
) -> pd.DataFrame:
    """Deliveries of the newest revision to those it names, as N or C; withheld ones are held."""
    rows = designated.merge(
        versions[["result_id", "revision", "academic_year", "status"]],
        on="result_id",
        validate="many_to_one",
    ).merge(standing, on=["result_id", "recipient"], how="left", validate="many_to_one")
    holds_one = rows["held_revision"].notna() & (rows["held_action"] != Action.CANCELLATION)
    has_newest = rows["held_revision"].fillna(-1) >= rows["revision"]
    first = rows["occasion"] == FIRST
    withheld = rows["status"] == ResultStatus.WITHHELD
    wanted = (rows["status"] != ResultStatus.CANCELLED) & ~(first & has_newest) & ~(withheld & holds_one)
    rows = rows.assign(
        action=Action.NEW.value,
        state=rows["state"].where(~withheld, DeliveryState.HELD.value),
        state_reason=rows["state_reason"].where(~withheld, DeliveryHoldReason.WITHHELD.value),
    )
    corrects = holds_one & (rows["held_revision"] < rows["revision"])
    rows["action"] = rows["action"].where(~corrects, Action.CORRECTION.value)
    return rows[wanted]


def _to_those_who_got_one(
    versions: pd.DataFrame,
    designated: pd.DataFrame,
    standing: pd.DataFrame,
    destinations: pd.DataFrame,
) -> pd.DataFrame:
    """C or X for those who got an older revision and whom the newest one no longer names.

    A cancelled score is X for everyone who holds one; a scored one is X for a recipient that it removed, C
    for one who got it by transcript. A withheld one sends them nothing.
    """
    holders = standing[standing["held_action"] != Action.CANCELLATION].merge(
        versions[["result_id", "revision", "academic_year", "status"]], on="result_id"
    )
    holders = holders[
        (holders["held_revision"] < holders["revision"]) & (holders["status"] != ResultStatus.WITHHELD)
    ]
    cancelled = holders["status"] == ResultStatus.CANCELLED
    named_first = pd.MultiIndex.from_frame(
        designated.loc[designated["occasion"] == FIRST, ["result_id", "recipient"]]
    )
    named = pd.MultiIndex.from_frame(holders[["result_id", "recipient"]]).isin(named_first)
    holders = holders.assign(
        action=Action.CANCELLATION.value,
        reasons=DeliveryReason.RECIPIENT.value,
        designated=holders["recipient"],
        occasion=FIRST,
    )
    by_transcript_only = ~holders["by_choice"].astype("bool")
    holders["reasons"] = holders["reasons"].where(~by_transcript_only, DeliveryReason.TRANSCRIPT.value)
    holders["action"] = holders["action"].where(cancelled | ~by_transcript_only, Action.CORRECTION.value)
    holders = holders[cancelled | ~named]
    return _with_destination(holders.assign(reason="").drop(columns="recipient"), destinations)
