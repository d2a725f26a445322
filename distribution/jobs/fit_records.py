"""Deliveries as the lines of a file: what does not fit the form of its institution is held, and why."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import psycopg

from distribution.channels.electronic import score_file
from distribution.channels.electronic.score_file import DetailLines, Form
from distribution.ledger import deliveries
from distribution.model import DeliveryHoldReason


@dataclass(frozen=True, slots=True)
class Fitted:
    """The deliveries that fit, their lines, and how many were held."""

    contents: pd.DataFrame
    lines: DetailLines
    held: int


def fit_records(conn: psycopg.Connection, contents: pd.DataFrame, form: Form) -> Fitted:
    """Hold the deliveries whose texts the form cannot carry (`no-glyph`, `name-too-long`); the others' lines.

    `contents`: as `ledger.deliveries.contents` gives them, each institution's deliveries together.
    """
    lines = score_file.format_details(contents, form)
    if not lines.unfit.any():
        return Fitted(contents, lines, 0)
    reasons = np.where(lines.lost, DeliveryHoldReason.NO_GLYPH.value, DeliveryHoldReason.NAME_TOO_LONG.value)
    unfit = contents[["delivery_id"]].assign(reason=reasons)[lines.unfit]
    held = deliveries.hold(conn, unfit)
    fitting = contents[~lines.unfit]
    return Fitted(fitting, score_file.format_details(fitting, form), held)
