"""Which deliveries cannot be printed, and why: told before anything is planned."""

from collections.abc import Mapping
from functools import cache

import pandas as pd

from distribution import exams
from distribution.channels.paper import addresses, fonts
from distribution.model import DeliveryHoldReason, PostalAddress

_SET_ON_PAPER = ("last_name", "first_name", "middle_name", "candidate_id", "college_student_id")


def held(contents: pd.DataFrame, addresses_of: Mapping[str, PostalAddress]) -> pd.DataFrame:
    """The deliveries that a person must look at: delivery_id int64, reason str (a `DeliveryHoldReason`).

    `contents` as `ledger.deliveries.contents` gives it. `no-address`: no complete address on file;
    `address-too-long`: it does not fit the window at 8 points; `no-glyph`: a name, an id or an exam's title
    that the fonts cannot set. A fault of the address comes first: it concerns the whole institution.
    """
    recipients = contents["recipient"].unique()
    faults = {code: addresses.fault_of(addresses_of.get(code)) for code in recipients}
    reasons = contents["recipient"].map(faults).astype("str")
    unset = contents["exam_code"].isin(_exams_without_glyphs())
    for column in _SET_ON_PAPER:
        unset |= contents[column].isin(list(fonts.uncovered(contents[column].unique())))
    reasons = reasons.mask(unset & (reasons == ""), str(DeliveryHoldReason.NO_GLYPH))
    return pd.DataFrame({"delivery_id": contents["delivery_id"], "reason": reasons})[reasons != ""]


@cache
def _exams_without_glyphs() -> frozenset[str]:
    """The exams whose title, on some test date, the fonts cannot set."""
    unset = fonts.uncovered({row.title for row in exams.catalogue()})
    return frozenset(row.code for row in exams.catalogue() if row.title in unset)
