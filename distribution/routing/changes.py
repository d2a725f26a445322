"""What the routing changes in the ledger: what is owed now against what is on file. Pure."""

from dataclasses import dataclass

import pandas as pd

from distribution.model import DeliveryHoldReason, DeliveryState, ResultStatus
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
