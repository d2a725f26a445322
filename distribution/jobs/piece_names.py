"""Pieces as people and scanners name them: `0118`, `0118-0121`, `PB-20261123-A 0118`, or a sheet's code."""

import re
from collections.abc import Iterable, Sequence

from distribution.channels.paper import barcodes
from distribution.errors import UsageError

_CODE = r"PB-[0-9]{8}-[A-Z]+\|[^\s|]+\|[^\s|]+\|[0-9A-F]{4}"
# As it is read off a sheet, `0118R1` too: the mark says which print it was, the piece stays the same.
_RANGE = re.compile(r"(?P<first>[0-9]{1,6})(?:R[0-9]+|-(?P<last>[0-9]{1,6}))?", re.IGNORECASE)
_COPY = re.compile(r"(?P<piece>[0-9]{1,6})(?:R(?P<mark>[0-9]+))?", re.IGNORECASE)
_TOKEN = re.compile(
    rf"(?:(?P<code>{_CODE})"
    r"|(?P<batch>PB-[0-9]{8}-[A-Z]+)(?:-(?P<piece>[0-9]{4,6}))?"
    r"|(?P<first>[0-9]{1,6})(?:R[0-9]+|-(?P<last>[0-9]{1,6}))?"
    r"|R[0-9]+)(?:\s+|$)",
    re.IGNORECASE,
)


def numbers(words: Iterable[str], *, pieces: int, of: str = "") -> list[int]:
    """The pieces that numbers, ranges and codes of sheets name, in order, each once.

    `of` is the batch that the codes must be of. Raises UsageError for a word that names no piece, and for a
    piece that the batch of so many pieces does not have.
    """
    found: set[int] = set()
    for word in words:
        named = _of_sheet(word, of) if re.fullmatch(_CODE, word, re.IGNORECASE) else word
        match = _RANGE.fullmatch(named)
        if match is None:
            raise UsageError(f"{word!r} is no piece. Write one as 0118, several as 0118-0121.")
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if last < first:
            raise UsageError(f"{word} ends before it begins. Write {last:04d}-{first:04d}.")
        if not 1 <= first <= last <= pieces:
            raise UsageError(f"{word} is not in this batch: its pieces are 0001-{pieces:04d}.")
        found.update(range(first, last + 1))
    return sorted(found)


def copies(words: Iterable[str]) -> dict[int, int]:
    """Which print of a piece was named, where a code or a mark says it: `0118` on a code → 0, `0118R1` → 1.

    The newest of several. A number that was typed without its mark says nothing of that.
    """
    found: dict[int, int] = {}
    for word in words:
        is_code = re.fullmatch(_CODE, word, re.IGNORECASE)
        match = _COPY.fullmatch(word.split("|")[1] if is_code else word)
        if match and (is_code or match["mark"]):
            piece, mark = int(match["piece"]), int(match["mark"] or 0)
            found[piece] = max(mark, found.get(piece, 0))
    return found


def scanned(words: Sequence[str]) -> dict[str, list[int]]:
    """What was scanned or typed, as pieces by batch: `PB-20261123-A 0118 0119`, or the code of any sheet.

    Raises UsageError where a number has no batch before it, and for a code that was read wrongly.
    """
    text = " ".join(words).strip()
    found: dict[str, set[int]] = {}
    batch_id, place = "", 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise UsageError(
                f"{text[place:].split()[0]!r} is no piece. Scan a sheet's code, or type PB-20261123-A 0118."
            )
        place = match.end()
        first = last = match["piece"] or match["first"]
        if match["code"]:
            batch_id, first = _of_code(match["code"])
            last = first
        batch_id = (match["batch"] or batch_id).upper()
        if not batch_id:
            raise UsageError(f"Piece {match[0].strip()} of which batch? Write PB-20261123-A 0118.")
        if first:
            last = match["last"] or last
            if int(last) < int(first):
                raise UsageError(f"{first}-{last} ends before it begins. Write {last}-{first}.")
            found.setdefault(batch_id, set()).update(range(int(first), int(last) + 1))
    if not found:
        raise UsageError("No piece was named. Scan a sheet's code, or type PB-20261123-A 0118.")
    return {batch: sorted(pieces) for batch, pieces in found.items()}


def _of_sheet(code: str, batch_id: str) -> str:
    """The piece of a sheet's code. Raises UsageError for a sheet of another batch."""
    scanned_batch, piece = _of_code(code)
    if scanned_batch != batch_id:
        raise UsageError(f"{piece} that was scanned is of {scanned_batch}, not of {batch_id}.")
    return piece


def _of_code(code: str) -> tuple[str, str]:
    """Batch and piece of a sheet's code; its check value tells a misread one."""
    words, _, check = code.upper().rpartition("|")
    batch_id, piece, _ = words.split("|")
    number = re.match(r"[0-9]+", piece)
    if barcodes.check_of(words) != check.upper() or number is None:
        raise UsageError(f"{code!r} was not read well: its check value is wrong. Scan the sheet again.")
    return batch_id, number[0]


def listed(pieces: Sequence[int]) -> str:
    """Numbers as people read them, runs joined: `0007, 0118-0121`."""
    runs: list[list[int]] = []
    for piece in sorted(pieces):
        if runs and piece == runs[-1][-1] + 1:
            runs[-1][1:] = [piece]
        else:
            runs.append([piece])
    return ", ".join("-".join(f"{end:04d}" for end in run) for run in runs)
