"""Which pieces go into one print batch: a pure function over a frame of pieces."""

import pandas as pd

MOST_PAGES = 10_000  # keeps a batch's file, and the memory that setting it takes, small

_TOGETHER = ["international", "stock", "sheets"]


def pack_batches(pieces: pd.DataFrame, *, pages_per_sheet: int, most_pages: int = MOST_PAGES) -> pd.DataFrame:
    """Give each piece its batch, its number in it and its pages.

    In: di, stock, country, postal_code (str), sheets (int), international (bool); one row per piece, its
    index kept. Out: the same rows in print order with `batch` (from 0), `piece` (from 1), `first_page` and
    `last_page` (from 1 in the batch), all int.

    A batch holds pieces of one stock and sheet count, domestic or international, at most `most_pages` pages,
    in the order of their postal codes (international ones by country first). Thin pieces come first. The same
    pieces in any order give the same batches, as long as no two are alike in all columns.
    """
    if (pieces["sheets"] < 1).any():
        raise ValueError("a piece has at least one sheet")
    ordered = (
        pieces.assign(_country=pieces["country"].where(pieces["international"], ""))
        .sort_values(["international", "sheets", "stock", "_country", "postal_code", "di"], kind="stable")
        .drop(columns="_country")
    )
    most_pieces = (most_pages // (pages_per_sheet * ordered["sheets"])).clip(lower=1)
    share = ordered.groupby(_TOGETHER, sort=False).cumcount() // most_pieces
    packed = ordered.assign(batch=_numbered(ordered, share))
    packed["piece"] = packed.groupby("batch").cumcount() + 1
    packed["last_page"] = packed.groupby("batch")["sheets"].cumsum() * pages_per_sheet
    packed["first_page"] = packed["last_page"] - packed["sheets"] * pages_per_sheet + 1
    return packed


def _numbered(ordered: pd.DataFrame, share: pd.Series) -> pd.Series:
    """Batches counted from 0 in print order: a new one wherever group or share changes."""
    keys = ordered[_TOGETHER].assign(share=share)
    return (keys != keys.shift()).any(axis=1).cumsum() - 1
