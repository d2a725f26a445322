"""What each code of the contract means and what a person does about it: one sentence each, for every room."""

from dataclasses import dataclass

from distribution.model import DeliveryHoldReason, FailureCode, RefusalCode, RowHoldReason


@dataclass(frozen=True, slots=True)
class Advice:
    """A code in words: what it means, and the next step of a person. No value of a record, ever."""

    means: str
    what_to_do: str


_SEND_ROW_AGAIN = "Have the row mended at its source and sent again in a new feed; its hold then closes."

_REFUSALS = {
    RefusalCode.CONTROL_UNREADABLE: Advice(
        "The control file cannot be read as the agreed JSON.",
        "Ask the sender for a control file with exactly the agreed keys, then put both files into the inbox.",
    ),
    RefusalCode.CONTROL_MISMATCH: Advice(
        "Feed and control file do not agree on records, score total, hash or name.",
        "Ask the sender to send feed and control file again: cut off on the way, or mixed up.",
    ),
    RefusalCode.COLUMNS: Advice(
        "A column is missing, repeated or unknown.",
        "Ask the sender to restore the agreed columns; a column of their own has a name that begins with x_.",
    ),
    RefusalCode.ENCODING: Advice(
        "The feed is not UTF-8 throughout.",
        "Ask the sender to export the feed as UTF-8 and send it again.",
    ),
    RefusalCode.NUL: Advice(
        "The feed holds a NUL byte.",
        "Ask the sender to export the feed again; NUL bytes point to a damaged file or UTF-16.",
    ),
    RefusalCode.BARE_CR: Advice(
        "A line ends with CR alone.",
        "Ask the sender to end lines with LF or CRLF and to send the feed again.",
    ),
    RefusalCode.QUOTE: Advice(
        "A quotation mark is unbalanced, or text follows a closing one.",
        "Ask the sender to quote cells as RFC 4180 says and to send the feed again.",
    ),
    RefusalCode.ROW_SHAPE: Advice(
        "A row has more or fewer cells than the header.",
        "Ask the sender to mend the row at the line given and to send the feed again.",
    ),
    RefusalCode.NAME: Advice(
        "The file name is outside <feed>-<YYYYMMDD>-<NNN>.csv.",
        "Ask the sender to name the feed by the pattern, with a real date and a number from 001, and resend.",
    ),
    RefusalCode.TOO_LARGE: Advice(
        "The feed, a line or a cell is larger than allowed.",
        "Ask the sender to split the feed, or raise DISTRIBUTION_FEED_MAX_BYTES if the size is right.",
    ),
    RefusalCode.NAME_REUSED: Advice(
        "A feed of this name was recorded before, with other bytes.",
        "Ask the sender which one is right and to send new content under the next free number.",
    ),
    RefusalCode.SIGNATURE: Advice(
        "The feed carries no valid signature of a known signer.",
        "Do not load it. Ask the sender, by telephone, whether the feed is theirs and to sign it again.",
    ),
}

_ROW_HOLDS = {
    RowHoldReason.BAD_VALUE: Advice("A cell is outside its form.", _SEND_ROW_AGAIN),
    RowHoldReason.BAD_CHARACTERS: Advice(
        "A cell holds control characters, or a name that cannot be one.", _SEND_ROW_AGAIN
    ),
    RowHoldReason.FIELD_TOO_LONG: Advice("A cell is longer than its field.", _SEND_ROW_AGAIN),
    RowHoldReason.SCORE_OUT_OF_RANGE: Advice(
        "The score is outside the programme's range.",
        "Ask scoring for the right score; " + _SEND_ROW_AGAIN[0].lower() + _SEND_ROW_AGAIN[1:],
    ),
    RowHoldReason.UNKNOWN_EXAM: Advice(
        "The exam code is not in the catalogue.",
        "Add the exam to the catalogue, or have the code mended; then have the row sent again.",
    ),
    RowHoldReason.EXAM_NOT_OFFERED: Advice(
        "The exam was not offered on the test date.",
        "Ask scoring whether exam code or test date is wrong; have the mended row sent again.",
    ),
    RowHoldReason.DATE_IN_FUTURE: Advice(
        "The test date lies after the date of the feed.",
        "Ask scoring for the right date; have the mended row sent again.",
    ),
    RowHoldReason.BIRTH_AFTER_TEST: Advice(
        "The birth date is not before the test date.",
        "Ask scoring which date is wrong; have the mended row sent again.",
    ),
    RowHoldReason.UNKNOWN_ORDER: Advice(
        "The voucher order is not on file.",
        "Have the order sent in a voucher_orders feed, then have the row sent again.",
    ),
    RowHoldReason.UNKNOWN_ORGANIZATION: Advice(
        "The organization is not on file.",
        "Have the organization sent in an institutions feed, then have the row sent again.",
    ),
    RowHoldReason.UNKNOWN_CANDIDATE: Advice(
        "No result of this candidate is on file.",
        "Check the candidate id with the requester; send the request again once a result is on file.",
    ),
    RowHoldReason.REVISION_CONFLICT: Advice(
        "This revision is lower than one on file, or is on file with other content.",
        "Ask scoring which revision is right and to send it under a higher number.",
    ),
    RowHoldReason.RETAKE_TOO_SOON: Advice(
        "The exam was taken again before the waiting time was over.",
        "Decide by the retake rule: hold release ID --reason TEXT, or hold reject ID --reason TEXT.",
    ),
}

_DELIVERY_HOLDS = {
    DeliveryHoldReason.UNKNOWN_RECIPIENT: Advice(
        "The code that the student chose is not on file.",
        "Have the institution sent in an institutions feed, or reject the hold if the code is wrong.",
    ),
    DeliveryHoldReason.RECIPIENT_CLOSED: Advice(
        "The institution is closed and names no successor.",
        "Have the successor sent in an institutions feed, or reject the hold; the student may choose anew.",
    ),
    DeliveryHoldReason.NO_DELIVERY_METHOD: Advice(
        "The institution has not chosen how it gets scores.",
        "Ask the institution for its method and have it sent in an institutions feed.",
    ),
    DeliveryHoldReason.NO_ENDPOINT: Advice(
        "The institution is on electronic delivery, but no endpoint is on file.",
        "Load its endpoint: institution load-endpoints FILE.",
    ),
    DeliveryHoldReason.CHANGE_UNCONFIRMED: Advice(
        "The endpoint was changed and waits for a second person.",
        "Call the institution back on a known number, then: institution confirm CODE.",
    ),
    DeliveryHoldReason.WITHHELD: Advice(
        "The score is withheld by the programme.",
        "Nothing to do here: a later revision from scoring settles it.",
    ),
    DeliveryHoldReason.NO_ADDRESS: Advice(
        "The institution gets paper, but its address is incomplete, or mail sent to it came back.",
        "Have its postal address, in the US with its whole ZIP code, sent in an institutions feed, with a "
        "valid_from after the day on which mail came back.",
    ),
    DeliveryHoldReason.ADDRESS_TOO_LONG: Advice(
        "The address does not fit the envelope window, even in small type.",
        "Have a shorter address sent in an institutions feed.",
    ),
    DeliveryHoldReason.NO_GLYPH: Advice(
        "A name or title holds a letter or an accent that no installed font sets rightly, or that the "
        "institution's encoding lacks.",
        "Paper: have the name sent without that accent, or add a font. Electronic: agree on utf-8 with the "
        "institution.",
    ),
    DeliveryHoldReason.NAME_TOO_LONG: Advice(
        "A name is longer than its field in the institution's layout.",
        "Agree on a wider layout with the institution, or have the name mended at its source.",
    ),
    DeliveryHoldReason.AMBIGUOUS_DELIVERY: Advice(
        "It cannot be told whether the file arrived.",
        "Ask the institution whether it has the file, then: hold release ID --as arrived, or --as again.",
    ),
    DeliveryHoldReason.VOLUME_ANOMALY: Advice(
        "The institution would get far more or fewer scores than usual.",
        "Check the night's feeds; if the number is right: hold release ID --reason TEXT.",
    ),
}

_RETRIED = (
    "Nothing yet: the next run tries again. After the second night, ask the institution's technical contact."
)

_FAILURES = {
    FailureCode.HOST_KEY: Advice(
        "The host showed another key than the one on file; nothing was sent.",
        "Call the institution on a known number. Key right: institution trust-key CODE. Else: security.",
    ),
    FailureCode.SIGN_IN: Advice(
        "The host refused our sign-in.",
        "Ask the technical contact whether the account or key changed; then: delivery retry --failed.",
    ),
    FailureCode.FOLDER: Advice(
        "The folder does not exist or may not be written.",
        "Ask the technical contact for the folder; load the endpoint anew or: delivery retry --failed.",
    ),
    FailureCode.PGP_KEY: Advice(
        "The institution's PGP key cannot be used.",
        "Ask for a key in force and load it: institution load-endpoints FILE.",
    ),
    FailureCode.SPACE: Advice(
        "The host has no space left.",
        "Ask the technical contact to make space; then: delivery retry --failed.",
    ),
    FailureCode.UNREACHABLE: Advice("The host cannot be reached.", _RETRIED),
    FailureCode.CONNECTION_LOST: Advice("The connection broke off.", _RETRIED),
    FailureCode.NOT_WRITTEN: Advice("The host took the file but does not show it whole.", _RETRIED),
    FailureCode.REFUSED_BY_HOST: Advice("The host refused an operation.", _RETRIED),
    FailureCode.TIMED_OUT: Advice("The host was too slow.", _RETRIED),
    FailureCode.CREDENTIAL: Advice(
        "Our own secret for this institution is missing or cannot be read.",
        "Put the secret that the endpoint names into the secrets folder; the next run tries again.",
    ),
    FailureCode.BEHIND_ANOTHER_FILE: Advice(
        "An earlier file of this institution has not arrived; files leave in order.",
        "Settle the earlier file; this one follows by itself.",
    ),
}

ADVICE: dict[str, Advice] = {
    str(code): advice
    for table in (_REFUSALS, _ROW_HOLDS, _DELIVERY_HOLDS, _FAILURES)
    for code, advice in table.items()
}


def what_to_do(code: str) -> str:
    """The next step for a refusal code, hold reason or failure code. Raises KeyError for any other text."""
    return ADVICE[code].what_to_do


def meaning(code: str) -> str:
    """The code in plain words. Raises KeyError for a text that is no code of the contract."""
    return ADVICE[code].means


def next_of_batch(
    batch_id: str,
    *,
    state: str,
    sheets: int,
    pieces: int,
    spoiled: str = "",
    written: bool = True,
    returned: str = "",
) -> str:
    """What is to be done next with a print batch, a sentence; empty when nothing is.

    `spoiled` names its pieces that wait for a reprint, `returned` the institutions whose scores in it came
    back and wait for an address.
    """
    if not written:
        return "Its files are not written yet: run the night again."
    if state == "mailed":
        return f"Mail came back from {returned}: ask for the postal address." if returned else ""
    if spoiled:
        again = f"batch reprint {batch_id} {spoiled.replace(',', '')} --reason TEXT"
        return f"Print the spoiled pieces again: {again}."
    return {
        "ready": f"Print it, count the sheets: batch printed {batch_id} --sheets {sheets}.",
        "printed": f"Insert it, count the pieces: batch inserted {batch_id} --pieces {pieces}.",
        "inserted": f"Hand it to the carrier: batch mailed {batch_id} --pieces {pieces}.",
    }[state]
