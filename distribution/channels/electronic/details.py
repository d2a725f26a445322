"""Deliveries as columns of D records: what is derived, what is left out, what an encoding can hold."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from anyascii import anyascii

from distribution import exams
from distribution.model import Action, DeliveryReason

_HOLDS = {"ascii": r"^[\x00-\x7f]*$", "latin-1": r"^[\x{00}-\x{ff}]*$"}


def columns_of(contents: pd.DataFrame) -> pa.Table:
    """The values of every D field but `record` and `filler`, one row per delivery, all text; empty = absent.

    `contents`: the columns of `ledger.deliveries.contents`, all text but delivery_id. An X record carries
    neither score nor credits.
    """
    cancelled = (contents["action"] == Action.CANCELLATION).to_numpy()
    values = contents.rename(columns={"reasons": "reason"}).assign(
        scaled_score=contents["scaled_score"].mask(cancelled, ""),
        replaces_revision=contents["replaces_revision"].mask(
            (contents["action"] == Action.NEW).to_numpy(), ""
        ),
        # That a file is sent again stands in its header; its records stay what they were.
        reason=contents["reasons"].str.replace(rf" ?\b{DeliveryReason.RESEND}$", "", regex=True),
    )
    table = pa.Table.from_pandas(values.drop(columns="delivery_id").astype("str"), preserve_index=False)
    return _with_catalogue(table)


def _with_catalogue(values: pa.Table) -> pa.Table:
    """Add exam_title and recommended_credits: one look-up per exam, spell of the catalogue and score."""
    exam, tested, score = (
        values.column(name).combine_chunks().dictionary_encode()
        for name in ("exam_code", "test_date", "scaled_score")
    )
    spell = _spells(tested.dictionary)[_numbers(tested.indices)]
    number = (_numbers(exam.indices) * (spell.max(initial=0) + 1) + spell) * (len(score.dictionary) + 1)
    _, first, which = np.unique(number + _numbers(score.indices), return_index=True, return_inverse=True)
    examples = zip(
        *(column.take(pa.array(first)).to_pylist() for column in (exam, tested, score)), strict=True
    )
    found = [_of_the_catalogue(*example) for example in examples]
    for position, name in enumerate(("exam_title", "recommended_credits")):
        texts = pa.array([row[position] for row in found], pa.large_string())
        values = values.append_column(name, texts.take(pa.array(which)))
    return values


def _numbers(indices: pa.Array) -> np.ndarray:
    return indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _spells(test_dates: pa.Array) -> np.ndarray:
    """Which spell between two changes of the catalogue each test date lies in."""
    changes = {row.valid_from for row in exams.catalogue()}
    changes |= {
        date.fromordinal(row.valid_to.toordinal() + 1) for row in exams.catalogue() if row.valid_to < date.max
    }
    starts = sorted(day.isoformat() for day in changes)
    # ISO dates sort as texts.
    return np.searchsorted(
        np.array(starts, dtype="U10"), np.array(test_dates.to_pylist(), "U10"), side="right"
    )


def _of_the_catalogue(exam_code: str, test_date: str, score: str) -> tuple[str, str]:
    tested = date.fromisoformat(test_date)
    credit = exams.recommended_credits(exam_code, int(score), tested) if score else None
    return exams.title_of(exam_code, tested), "" if credit is None else str(credit)


@dataclass(frozen=True, slots=True)
class Held:
    """Texts as an encoding holds them; those that lost a letter must not be sent."""

    texts: pa.Array
    spelled: np.ndarray
    lost: np.ndarray


def held_by(encoding: str, texts: pa.Array) -> Held:
    """The texts as the encoding can hold them.

    Only characters that the encoding lacks are spelled out in ASCII (`Łukasz` → `Lukasz`); none becomes `?`.
    Marks and punctuation for which nothing stands are left out; a letter or digit for which nothing stands,
    and a text of which nothing is left, is lost.
    """
    nothing = np.zeros(len(texts), dtype=bool)
    if encoding == "utf-8":
        return Held(texts, nothing, nothing)
    fits = pc.match_substring_regex(texts, _HOLDS[encoding]).to_numpy(zero_copy_only=False)
    if fits.all():
        return Held(texts, nothing, nothing)
    spelled, lost = np.array(texts.to_pylist(), dtype=object), nothing.copy()
    found = [_spelled_out(text, encoding) for text in spelled[~fits]]
    spelled[~fits] = [text for text, _ in found]
    lost[~fits] = [is_lost for _, is_lost in found]
    return Held(pa.array(spelled, pa.large_string()), ~fits, lost)


def _spelled_out(text: str, encoding: str) -> tuple[str, bool]:
    """The text spelled out, and whether a letter of it was lost."""
    highest = 0x7F if encoding == "ascii" else 0xFF
    written = [letter if ord(letter) <= highest else _in_ascii(letter) for letter in text]
    whole = "".join(written).strip()
    lost = any(not new and _says_something(letter) for letter, new in zip(text, written, strict=True))
    return whole, lost or not whole


@cache
def _in_ascii(letter: str) -> str:
    # For marks such as the Arabic question mark the library knows no better than `?`.
    return anyascii(letter).replace("?", "")


def _says_something(letter: str) -> bool:
    """True for a letter or digit. Modifier letters (`Lm`: the Japanese length mark) only colour others."""
    category = unicodedata.category(letter)
    return category[0] in "LN" and category != "Lm"
