"""The control file: what the sender says about a feed, and whether the feed is what was sent."""

import json
from dataclasses import dataclass

from distribution.errors import FeedRefused
from distribution.filenames import FeedName
from distribution.model import RefusalCode

MAX_BYTES = 64 * 1024
_KINDS: dict[str, type] = {"feed": str, "file": str, "records": int, "score_total": int, "sha256": str}
_OPTIONAL: dict[str, type] = {"parts": int}


@dataclass(frozen=True, slots=True)
class Control:
    """What a control file says; `parts` (feeds of that kind and day) is None where it is not said."""

    feed: str
    file: str
    records: int
    score_total: int
    sha256: str
    parts: int | None = None


def parse(content: bytes) -> Control:
    """The control file's content; more than `MAX_BYTES` need not be handed in.

    Raises FeedRefused `control-unreadable`.
    """
    if len(content) > MAX_BYTES:
        raise _unreadable(f"is larger than {MAX_BYTES:,} bytes")
    try:
        document = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as exc:
        raise _unreadable("is not UTF-8 JSON") from exc
    if not isinstance(document, dict):
        raise _unreadable("is no JSON object")
    missing = [key for key in _KINDS if key not in document]
    if missing:
        raise _unreadable(f"lacks {', '.join(missing)}")
    if len(document) > len(_KINDS) + (1 if "parts" in document else 0):
        raise _unreadable("has keys that it may not have")
    for key, kind in (_KINDS | _OPTIONAL).items():
        if key in document and type(document[key]) is not kind:
            raise _unreadable(f"has a wrong kind of value for {key}")
    if not 1 <= document.get("parts", 1) <= 999:
        raise _unreadable("names a number of parts that is not 1 to 999")
    return Control(**document)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _unreadable(what: str) -> FeedRefused:
    return FeedRefused(
        RefusalCode.CONTROL_UNREADABLE,
        f"The control file {what}.",
        what_to_do="Send a control file with the keys feed, file, records, score_total, sha256.",
    )


def agree_on_name(control: Control, name: FeedName) -> None:
    """Raises FeedRefused `control-mismatch` where the control file is another feed's."""
    _agree("feed", control.feed, str(name.kind))
    _agree("file", control.file, str(name))


def agree_on_bytes(control: Control, *, sha256: str) -> None:
    """Raises FeedRefused `control-mismatch` where the bytes are not those that were sent."""
    _agree("sha256", control.sha256.lower(), sha256)


def agree_on_totals(control: Control, *, records: int, score_total: int) -> None:
    """Raises FeedRefused `control-mismatch` where records or scores do not add up."""
    _agree("records", control.records, records)
    _agree("score_total", control.score_total, score_total)


def _agree(key: str, said: str | int, found: str | int) -> None:
    if said != found:
        # Names come from outside: only numbers are repeated.
        numbers = f" (it says {said}, the feed has {found})" if isinstance(said, int) else ""
        raise FeedRefused(
            RefusalCode.CONTROL_MISMATCH,
            f"`{key}` in the control file does not fit the feed{numbers}.",
            what_to_do="Send the feed and its control file again, the control file last.",
            column=key,
        )
