"""Texts as the ledger keeps them: NFC, blanks trimmed; whole columns at a time."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

BLANKS = " \u00a0"
_CONTROLS = "[\\x00-\\x1f\\x7f\u0080-\u009f\u2028\u2029]"
# Embeddings, overrides and isolates turn the order of what is printed; joiners and marks do not.
_BIDI = "[\u202a-\u202e\u2066-\u2069]"
_NO_NAME = "\\A[\\p{M}\u200b-\u200d\u2060\ufeff \u00a0]+\\z"


def arrow(series: pd.Series) -> pa.ChunkedArray:
    """The column's Arrow array (large_string or string)."""
    array = pa.array(series)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _bytes_of(chunk: pa.Array) -> np.ndarray:
    """The bytes of all texts of a chunk, one after another."""
    _, offsets, texts = chunk.buffers()
    if texts is None or len(chunk) == 0:
        return np.empty(0, dtype=np.uint8)
    width = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    places = np.frombuffer(offsets, dtype=width)[chunk.offset : chunk.offset + len(chunk) + 1]
    return np.frombuffer(texts, dtype=np.uint8)[places[0] : places[-1]]


def is_plain(series: pd.Series) -> bool:
    """True when every text is of printable ASCII: nothing to normalise, nothing forbidden."""
    blocks = [_bytes_of(chunk) for chunk in arrow(series).chunks]
    return all(block.size == 0 or (block.min() >= 0x20 and block.max() < 0x7F) for block in blocks)


def _has_byte(series: pd.Series, byte: int) -> bool:
    return any((_bytes_of(chunk) == byte).any() for chunk in arrow(series).chunks)


def matches(series: pd.Series, pattern: str) -> pd.Series:
    """Per text (bool), whether the whole of it matches an RE2 pattern; `.` is any character but a newline."""
    return _flags(pc.match_substring_regex(arrow(series), f"\\A(?:{pattern})\\z"), series)


def _finds(series: pd.Series, pattern: str) -> pd.Series:
    return _flags(pc.match_substring_regex(arrow(series), pattern), series)


def _flags(found: pa.ChunkedArray, series: pd.Series) -> pd.Series:
    return pd.Series(found.to_numpy(zero_copy_only=False), index=series.index, dtype=bool)


def has_control(series: pd.Series) -> pd.Series:
    """Per text (bool), whether a control character or line separator stands in it."""
    if is_plain(series):
        return pd.Series(False, index=series.index)
    return _finds(series, _CONTROLS)


def has_forbidden(series: pd.Series) -> pd.Series:
    """`has_control`, or a character that turns the direction of writing."""
    if is_plain(series):
        return pd.Series(False, index=series.index)
    return _finds(series, f"{_CONTROLS}|{_BIDI}")


def is_no_name(series: pd.Series) -> pd.Series:
    """Per text (bool), whether it is of combining marks or invisible characters only, or holds U+FFFD."""
    if is_plain(series):
        return pd.Series(False, index=series.index)
    return _finds(series, f"{_NO_NAME}|\ufffd")


def length(series: pd.Series) -> pd.Series:
    """Per text (int), its characters."""
    return pd.Series(pc.utf8_length(arrow(series)).to_numpy(), index=series.index)


def normalised(series: pd.Series, *, one_blank: bool = False) -> pd.Series:
    """The texts as NFC, trimmed of U+0020 and U+00A0; `one_blank` makes one space of every run inside."""
    plain = is_plain(series)
    if plain and not _has_byte(series, 0x20):
        return series
    texts = arrow(series)
    if not plain:
        texts = pc.utf8_normalize(texts, form="NFC")
    texts = pc.utf8_trim(texts, characters=BLANKS)
    if one_blank:
        texts = pc.replace_substring_regex(texts, pattern=f"[{BLANKS}]+", replacement=" ")
    return pd.Series(texts.to_pandas(), dtype="str").set_axis(series.index)
