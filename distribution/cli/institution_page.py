"""What `institution show` and `institution test` print for people."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from distribution.cli.output import Table, folded, table_lines
from distribution.model import FileKind

_WIDTH = 14
_STEP_WIDTH = 52
_MARKS = {"passed": "ok", "failed": "FAIL", "not tried": "-"}
_NEVER = "9999-12-31"


def page(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """The institution's page: what it is, how it gets scores, its last connection test, its last files."""
    yield f"{document['code']}  {document.get('name', '(not in an institutions feed)')}"
    yield from _named(_what_it_is(document))
    if document["endpoint_state"] == "unconfirmed":
        yield ""
        yield from folded(
            "A change of its endpoint waits for a second person, and its scores with it: institution confirm "
            f"{document['code']}. Below stands what is in force."
        )
    if document["host_key_offered"]:
        yield from _section("THE HOST SHOWED ANOTHER KEY", _named(_two_keys(document, zone)))
    if document["endpoint"] is not None:
        yield from _section("How it gets scores", _named(_how(document, zone)))
        yield from _section("Last connection test", last_test(document, zone))
        yield from _section("Last files", _files(document["files"], zone))
    if document["contacts"]:
        yield from _section("Contacts", _named(_contacts(document["contacts"])))
    if document["changes"]:
        yield from _section("Changes of the endpoint", _changes(document["changes"], zone))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield title
    yield from lines


def _named(values: Iterable[tuple[str, str]]) -> Iterator[str]:
    """`name  value` lines; what is empty is left out."""
    for name, value in values:
        if value:
            yield from folded(value, first=f"  {name:<{_WIDTH}}", indent=_WIDTH + 2)


def _what_it_is(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "kind", document.get("kind", "").replace("_", " ")
    yield "status", document.get("status", "")
    yield "successor", document.get("successor_code", "")
    yield "district", document.get("district_code", "")
    yield "method", document.get("delivery_method", "")
    address = ("attention", "address_1", "address_2", "city", "state", "postal_code", "country")
    yield "address", ", ".join(document[each] for each in address if document.get(each))
    yield "time zone", document.get("time_zone", "")
    yield "valid from", str(document.get("valid_from", ""))
    if document["endpoint_state"] == "none" and document.get("delivery_method") == "electronic":
        yield "endpoint", "none: its scores are held. institution load-endpoints FILE"


def _two_keys(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """The key on file and the one that was shown, as a person reads them out on the telephone."""
    offered = document["host_key_offered"]
    yield "on file", _key_on_file(document, zone)
    yield "offered", f"{offered['fingerprint']}, {written(offered['at'], zone)}"
    yield (
        "next",
        "nothing is sent. Ask the institution on a known number, never by a message that came today; if "
        f"the offered key is theirs: institution trust-key {document['code']}",
    )


def _key_on_file(document: Mapping[str, Any], zone: ZoneInfo) -> str:
    by_word = document["host_key_confirmed"]
    since = f", confirmed {written(by_word['at'], zone)} by {by_word['by']}" if by_word else ""
    return f"{document['host_key_fingerprint']}{since}"


def _how(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    at = document["endpoint"]
    if document["on_paper"]:
        since = written(document["on_paper"]["since"], zone)
        yield "PAPER", f"since {since}, until `institution resume`: {document['on_paper']['reason']}"
    if at["paused_until"]:
        until = (
            "until `institution resume`" if at["paused_until"] == _NEVER else f"until {at['paused_until']}"
        )
        yield "PAUSED", f"{until}; its scores queue"
    yield "host", f"{at['username']}@{at['host']}:{at['port']}"
    yield "host key", _key_on_file(document, zone)
    yield "credential", at["credential"]
    yield "folder", at["directory"]
    yield "layout", f"{at['layout']}, {at['encoding']}, {at['newline']}"
    yield "file name", at.get("file_name", "")
    yield "control", at.get("control", "")
    yield "publish", f"{at['publish']}, look: {at['look']}"
    yield "schedule", at["schedule"] + (", a file also on empty days" if at.get("empty_file") else "")
    yield "PGP", _pgp(document)
    for key in ("transport", "temp_directory", "test_directory", "ack_directory"):
        yield key.replace("_directory", " folder"), at.get(key, "")
    if at.get("fallback_days"):
        yield "to paper", f"may be agreed after {at['fallback_days']} business days"
    if at.get("ack_days"):
        yield "acknowledges", f"within {at['ack_days']} business days"
    if document["parallel"]:
        yield "second layout", _parallel(document["parallel"])


def _pgp(document: Mapping[str, Any]) -> str:
    if document["pgp_key_fingerprint"] is None:
        return "none: files are sent in clear, through SFTP only"
    until = document["pgp_key_until"]
    how_long = f"usable until {until:%Y-%m-%d}" if until else "without an end"
    return f"{document['pgp_key_fingerprint']}, {how_long}"


def _parallel(tried: Mapping[str, Any]) -> str:
    ending = "ended on" if tried["state"] == "ended" else "until"
    agreed = f"{tried['layout']} to {tried['folder']}, {ending} {tried['until']}"
    return f"{agreed}; arrived: {tried['delivered']}, not arrived: {tried['unsent']}"


def last_test(document: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    """When it was tested, by whom, with what result, and the steps."""
    found = document["last_test"]
    if found is None:
        yield f"  never. institution test {document['code']}"
        return
    result = "passed" if found["passed"] else f"FAILED at: {found['failed_step']}"
    when = written(found["tested_at"], zone)
    yield f"  {when} by {found['tested_by']}, {found['seconds']:.1f} s: {result}"
    yield from steps(found["steps"])


def steps(walked: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each step with its mark and time, and below it what it says."""
    for step in walked:
        took = "not tried" if step["seconds"] is None else f"{step['seconds'] * 1000:,.0f} ms"
        yield f"  {_MARKS[step['state']]:<4}  {step['step']:<{_STEP_WIDTH}}{took:>10}"
        if step["says"]:
            yield from folded(step["says"], first=" " * 8, indent=8)


def _files(found: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Iterator[str]:
    columns = ("file", "created", "scores", "tries", "state")
    rows = [
        (
            each["name"],
            f"{each['created_at'].astimezone(zone):%Y-%m-%d}",
            each["records"],
            each["attempts"],
            _state(each),
        )
        for each in found
    ]
    for line in table_lines(Table(columns, rows, empty="none yet.")):
        yield f"  {line}"


def _contacts(found: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for each in found:
        yield each["role"], f"{each['name']}, {each['email']}"


def _changes(found: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Iterator[str]:
    rows = [
        (written(each["at"], zone), each["by"], f"{each['what']}: {', '.join(each['keys'])}")
        for each in found
    ]
    for line in table_lines(Table(("when", "who", "what"), rows, empty="none.")):
        yield f"  {line}"


def _state(file: Mapping[str, Any]) -> str:
    """How far a file has come; its kind where it is no ordinary one, and its names that were spelled out."""
    state = f"{file['state']}: {file['reason']}" if file["reason"] else str(file["state"])
    said = [
        state,
        file["kind"] if file["kind"] != FileKind.NEW else "",
        "collected" if file["collected_at"] else "",
        f"{file['transliterated']} spelled out" if file["transliterated"] else "",
    ]
    return ", ".join(filter(None, said))


def written(moment: datetime, zone: ZoneInfo) -> str:
    """A moment as people of the line read it: in the line's zone, to the minute."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
