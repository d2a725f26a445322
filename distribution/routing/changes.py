"""What the routing changes in the ledger: what is owed now against what is on file. Pure."""

from dataclasses import dataclass

import pandas as pd

from distribution.model import Action, DeliveryHoldReason, DeliveryState, FileKind, ResultStatus
from distribution.routing.rules import KEY

# These holds come from a channel's own look at the content; only a change at the institution lifts them.
_CHANNEL_HOLDS = [
    DeliveryHoldReason.NO_ADDRESS.value,
    DeliveryHoldReason.ADDRESS_TOO_LONG.value,
    DeliveryHoldReason.NO_GLYPH.value,
    DeliveryHoldReason.NAME_TOO_LONG.value,
]
# These wait for a person's release.
_PERSONS_HOLDS = [
    DeliveryHoldReason.AMBIGUOUS_DELIVERY.value,
    DeliveryHoldReason.VOLUME_ANOMALY.value,
]
# What a change of the institution may lift from a delivery that was asked for once more: no rule owes it.
_LIFTED_BY_A_CHANGE = [
    *_CHANNEL_HOLDS,
    DeliveryHoldReason.NO_ENDPOINT.value,
    DeliveryHoldReason.CHANGE_UNCONFIRMED.value,
]
_OPEN = [
    DeliveryState.PENDING.value,
    DeliveryState.HELD.value,
    DeliveryState.CLAIMED.value,
    DeliveryState.FAILED.value,
]


@dataclass(frozen=True, slots=True)
class Changes:
    """`added`: rows of `rules.COLUMNS`; `settled`: as `ledger.deliveries.settle` wants it;
    `superseded` and `cancelled`: delivery ids to withdraw for that reason."""

    added: pd.DataFrame
    settled: pd.DataFrame
    superseded: list[int]
    cancelled: list[int]


def between(
    owed: pd.DataFrame, on_file: pd.DataFrame, versions: pd.DataFrame, changes: pd.DataFrame
) -> Changes:
    """Compare what is owed with what is on file.

    `owed`: `rules.owed`; `on_file`: `ledger.routing_facts.on_file`; `versions`: result_id and status of the
    newest revision; `changes`: code, changed_at of each institution (ISO texts in one zone).
    """
    keys_on_file = pd.MultiIndex.from_frame(on_file[KEY])
    missing = owed[~pd.MultiIndex.from_frame(owed[KEY]).isin(keys_on_file)]
    open_ones = on_file[on_file["state"].isin(_OPEN) & (on_file["left"] != "true")]
    same = open_ones.merge(owed, on=KEY, suffixes=("_was", ""), validate="one_to_one")
    not_owed = open_ones[~pd.MultiIndex.from_frame(open_ones[KEY]).isin(pd.MultiIndex.from_frame(owed[KEY]))]
    moved, added, gone = _taken_over(not_owed, missing)
    settled = pd.concat([_settled(same, changes), moved], ignore_index=True)
    cancelled = gone["result_id"].isin(
        versions.loc[versions["status"] == ResultStatus.CANCELLED, "result_id"]
    )
    return Changes(
        added=added,
        settled=settled,
        superseded=gone.loc[~cancelled, "delivery_id"].tolist(),
        cancelled=gone.loc[cancelled, "delivery_id"].tolist(),
    )


_SETTLED = ["delivery_id", "recipient", "channel", "state", "state_reason", "action"]
_SAME_CLAIM = ["result_id", "revision", "designated", "occasion"]


def _taken_over(
    not_owed: pd.DataFrame, missing: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Deliveries whose recipient's successor took over keep their row: (moved, still missing, gone)."""
    moved = not_owed.merge(missing, on=_SAME_CLAIM, suffixes=("_was", "")).drop_duplicates("delivery_id")
    moved = moved.drop_duplicates(KEY)
    found = pd.MultiIndex.from_frame(moved[KEY])
    still_missing = missing[~pd.MultiIndex.from_frame(missing[KEY]).isin(found)]
    gone = not_owed[~not_owed["delivery_id"].isin(moved["delivery_id"])]
    return moved[_SETTLED], still_missing, gone


def _settled(same: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Open deliveries that now stand otherwise: channel, hold, or action."""
    if same.empty:
        return same[_SETTLED]
    changed_at = same["recipient"].map(dict(zip(changes["code"], changes["changed_at"], strict=True)))
    unchanged = changed_at.fillna("") < same["held_since"]
    stays_held = (same["state_was"] == DeliveryState.HELD) & (
        same["state_reason_was"].isin(_PERSONS_HOLDS)
        | (
            same["state_reason_was"].isin(_CHANNEL_HOLDS)
            & unchanged
            & (same["channel_was"] == same["channel"])
        )
    )
    on_its_way = same["state_was"].isin([DeliveryState.CLAIMED.value, DeliveryState.FAILED.value])
    differs = (same["channel_was"] != same["channel"]) | (same["action_was"] != same["action"])
    held_otherwise = (same["state_was"] != same["state"]) | (
        (same["state"] == DeliveryState.HELD) & (same["state_reason_was"] != same["state_reason"])
    )
    now_held = same["state"] == DeliveryState.HELD
    changed = differs | (~on_its_way & held_otherwise) | (on_its_way & now_held)
    return same.loc[changed & ~stays_held, _SETTLED]


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """Delivery ids of what was asked for once more: to let go on, and to withdraw for either reason."""

    freed: list[int]
    superseded: list[int]
    cancelled: list[int]


def of_asked_again(again: pd.DataFrame, versions: pd.DataFrame, changes: pd.DataFrame) -> AskedAgain:
    """What becomes of deliveries that a person asked for once more and that have not left.

    `again`: `ledger.routing_facts.asked_again`; `versions`: result_id, revision and status of the newest
    revision; `changes` as for `between`. A score that was cancelled or withheld meanwhile does not go, nor
    does a replaced revision, but in a RESEND: that is the same records as before. What an institution's
    form could not carry goes on once the institution changed.
    """
    newest = again[["result_id"]].merge(versions, on="result_id", how="left", validate="many_to_one")
    status, revision = newest["status"].set_axis(again.index), newest["revision"].set_axis(again.index)
    shows_a_score = again["action"] != Action.CANCELLATION
    cancelled = shows_a_score & (status == ResultStatus.CANCELLED)
    replaced = (again["revision"] < revision) & (again["file_kind"] != FileKind.RESEND)
    gone = ~cancelled & ((shows_a_score & (status != ResultStatus.SCORED)) | replaced)
    changed_at = again["recipient"].map(dict(zip(changes["code"], changes["changed_at"], strict=True)))
    mended = (
        (again["state"] == DeliveryState.HELD)
        & again["state_reason"].isin(_LIFTED_BY_A_CHANGE)
        & (changed_at.fillna("") >= again["held_since"])
    )
    ids = again["delivery_id"]
    return AskedAgain(
        freed=ids[mended & ~cancelled & ~gone].tolist(),
        superseded=ids[gone].tolist(),
        cancelled=ids[cancelled].tolist(),
    )
