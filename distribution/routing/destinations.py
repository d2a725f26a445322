"""Where each code on file leads: which recipient, by which channel, or why not."""

import pandas as pd

from distribution.model import SCHOOL_KINDS, Channel, DeliveryHoldReason, DeliveryState

_CHANNELS = {channel.value for channel in Channel}
COLUMNS = ("code", "recipient", "kind", "channel", "state", "state_reason")


def of(institutions: pd.DataFrame, *, endpoints: frozenset[str], unconfirmed: frozenset[str]) -> pd.DataFrame:
    """The destination of every institution on file.

    `institutions`: the versions in force (code, kind, delivery_method, status, successor_code; text).
    `endpoints`: DIs with an endpoint in force; `unconfirmed`: those whose changed endpoint waits for a
    second person. Returns `COLUMNS`, all text, one row per code: `recipient` is the code that a delivery goes
    to (the successor's where one took over), `kind` the recipient's, `channel` '' where there is none.
    """
    known = {
        code: (kind, method, status, successor)
        for code, kind, method, status, successor in zip(
            institutions["code"],
            institutions["kind"],
            institutions["delivery_method"],
            institutions["status"],
            institutions["successor_code"],
            strict=True,
        )
    }
    rows = [_destination(code, known, endpoints=endpoints, unconfirmed=unconfirmed) for code in known]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def _destination(
    code: str,
    known: dict[str, tuple[str, str, str, str]],
    *,
    endpoints: frozenset[str],
    unconfirmed: frozenset[str],
) -> tuple[str, str, str, str, str, str]:
    recipient = _last_of_chain(code, known)
    if recipient is None:
        kind = known[code][0]
        return _held(code, code, kind, DeliveryHoldReason.RECIPIENT_CLOSED)
    kind, method, _, _ = known[recipient]
    channel = Channel.PORTAL.value if kind in SCHOOL_KINDS else method
    if channel not in _CHANNELS:
        return _held(code, recipient, kind, DeliveryHoldReason.NO_DELIVERY_METHOD)
    if channel == Channel.ELECTRONIC and recipient in unconfirmed:
        return _held(code, recipient, kind, DeliveryHoldReason.CHANGE_UNCONFIRMED, channel)
    if channel == Channel.ELECTRONIC and recipient not in endpoints:
        return _held(code, recipient, kind, DeliveryHoldReason.NO_ENDPOINT, channel)
    return (code, recipient, kind, channel, DeliveryState.PENDING, "")


def _held(
    code: str, recipient: str, kind: str, reason: DeliveryHoldReason, channel: str = ""
) -> tuple[str, str, str, str, str, str]:
    return (code, recipient, kind, channel, DeliveryState.HELD, reason)


def _last_of_chain(code: str, known: dict[str, tuple[str, str, str, str]]) -> str | None:
    """The active institution at the end of the successors of `code`; None when the chain ends closed."""
    seen: set[str] = set()
    while code in known and code not in seen:
        seen.add(code)
        _, _, status, successor = known[code]
        if status != "closed":
            return code
        code = successor
    return None
