"""Endpoints as people write them: one YAML shape in and out, checked before anything is recorded."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from distribution.channels.electronic import record_layout, schedule, score_file, session
from distribution.errors import UsageError
from distribution.jobs.wiring import Line, actor
from distribution.ledger import endpoints
from distribution.model import Endpoint, Look, Publish, Transport

_REQUIRED = ("code", "host", "username", "directory", "host_key", "credential")
_KNOWN = tuple(each.name for each in fields(Endpoint))
_DEFAULTS = {each.name: each.default for each in fields(Endpoint)}
_NUMBERS = ("port", "fallback_days")
_CODE = re.compile(r"[A-Z0-9]{4}|[A-Z0-9]{6}")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")
# What an endpoint may ask for one day and the line cannot do yet: the value that it can do, and what to say.
_NOT_BUILT = {
    "pgp_key": (None, "files are not encrypted yet"),
    "ack_directory": (None, "acknowledgements are not read yet"),
    "empty_file": (None, "a night without records sends no file"),
    "fallback_days": (None, "there is no fall-back to paper yet"),
    "file_name": (None, "files bear the common name"),
}


def load_endpoints(line: Line, file: Path) -> int:
    """Record the endpoints of a YAML file; what is unchanged gets no new version. Returns the versions added.

    Raises UsageError naming the place and the right form; then nothing of the file is recorded.
    """
    try:
        text = Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{file} cannot be read as UTF-8 text: {exc}.") from exc
    wanted = parse(text)
    with line.connect() as conn:
        return endpoints.load(conn, wanted, loaded_by=actor(), four_eyes=line.settings.four_eyes)


def export_endpoints(line: Line) -> str:
    """The endpoints as the YAML that `load_endpoints` takes: those in force, or newest where none is."""
    with line.connect() as conn:
        newest = {version.endpoint.code: version.endpoint for version in endpoints.newest_versions(conn)}
        known = newest | endpoints.in_force(conn)
    return yaml.safe_dump(
        {"endpoints": [as_written(known[code]) for code in sorted(known)]},
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )


def as_written(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as it stands in the YAML file: optional keys that say nothing are left out."""
    always = {*_REQUIRED, "port", "layout", "encoding", "newline", "pgp_key"}
    always |= {"publish", "look", "schedule", "paused_until"}
    return {name: value for name, value in asdict(endpoint).items() if name in always or value is not None}


def parse(text: str) -> list[Endpoint]:
    """The endpoints of a YAML text. Raises UsageError for anything outside the form."""
    try:
        stated = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise UsageError(f"This is no YAML: {exc}.") from exc
    if (
        not isinstance(stated, Mapping)
        or set(stated) != {"endpoints"}
        or not isinstance(stated["endpoints"], list)
    ):
        raise UsageError("The file must have one key, `endpoints:`, with a list of endpoints below it.")
    found = [_endpoint(row, position) for position, row in enumerate(stated["endpoints"], start=1)]
    codes = [endpoint.code for endpoint in found]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise UsageError(f"Endpoint {twice[0]} stands twice in the file; keep one of them.")
    return found


def _endpoint(row: Any, position: int) -> Endpoint:
    if not isinstance(row, Mapping):
        raise UsageError(f"Endpoint {position} is no list of `key: value` lines.")
    where = f"Endpoint {row.get('code', f'number {position}')}"
    for key in row:
        if key not in _KNOWN:
            raise UsageError(f"{where}: unknown key `{key}`. {_right_form(str(key))}")
    if missing := [key for key in _REQUIRED if row.get(key) in (None, "")]:
        raise UsageError(f"{where}: `{missing[0]}` is missing.")
    values = {key: _plain(where, key, value) for key, value in row.items()}
    # A key that is written without a value stands for its default.
    endpoint = Endpoint(**{key: value for key, value in values.items() if value is not None})
    _refuse_faults(where, endpoint)
    _refuse_what_is_not_built(where, endpoint)
    return endpoint


def _right_form(key: str) -> str:
    close = get_close_matches(key, _KNOWN, n=1)
    known = ", ".join(_KNOWN)
    return f"Did you mean `{close[0]}`?" if close else f"The keys are: {known}."


def _plain(where: str, key: str, value: Any) -> Any:
    """A cell as the endpoint keeps it: YAML makes dates and numbers of texts that were not quoted."""
    if value is None:
        return None
    if key in _NUMBERS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise UsageError(f"{where}: `{key}` must be a whole number.")
        return value
    if key == "empty_file":
        return value
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise UsageError(f'{where}: `{key}` must be text; put it into quotes, such as {key}: "{value}".')
    return value


def _refuse_faults(where: str, endpoint: Endpoint) -> None:
    for key, holds, form in _FORMS:
        if not holds(endpoint):
            raise UsageError(f"{where}: `{key}` must be {form}.")


def _refuse_what_is_not_built(where: str, endpoint: Endpoint) -> None:
    for key, (possible, sentence) in _NOT_BUILT.items():
        value = getattr(endpoint, key)
        if value not in (possible, False):
            raise UsageError(f"{where}: `{key}: {value}` is not possible yet: {sentence}. Leave the key out.")


def _is_pinned_key(endpoint: Endpoint) -> bool:
    try:
        session.pinned_key(endpoint.host_key)
    except ValueError:
        return False
    return True


def _is_day(text: str | None) -> bool:
    if text is None:
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


_FORMS: tuple[tuple[str, Callable[[Endpoint], bool], str], ...] = (
    ("code", lambda e: bool(_CODE.fullmatch(e.code)), '4 or 6 of A-Z 0-9, in quotes: code: "4471"'),
    ("host", lambda e: bool(_HOST.fullmatch(e.host)), "a host name or address without a scheme"),
    ("port", lambda e: 0 < e.port < 65536, "a number from 1 to 65535"),
    ("directory", lambda e: "\n" not in e.directory, "a folder on the host such as /inbox"),
    (
        "host_key",
        _is_pinned_key,
        "the host's public key line such as `ssh-ed25519 AAAA…`; get it from the institution",
    ),
    (
        "credential",
        lambda e: bool(_NAME.fullmatch(e.credential)),
        "the name of a secret (letters, digits, `.`, `_`, `-`), never the secret itself",
    ),
    (
        "layout",
        lambda e: e.layout in record_layout.names(),
        f"one of {', '.join(record_layout.names())}; see `layout list`",
    ),
    ("encoding", lambda e: e.encoding in score_file.ENCODINGS, "utf-8, latin-1 or ascii"),
    ("newline", lambda e: e.newline in score_file.NEWLINES, "crlf or lf"),
    ("control", lambda e: e.control in (None, "inline", "sidecar", "both"), "inline, sidecar or both"),
    ("publish", lambda e: e.publish in tuple(Publish), "rename, done-file or temp-folder"),
    (
        "temp_directory",
        lambda e: e.publish != Publish.TEMP_FOLDER or bool(e.temp_directory),
        "a folder on the same disk as `directory`, which no robot looks into, for `publish: temp-folder`",
    ),
    ("look", lambda e: e.look in tuple(Look), "stat, list or none"),
    ("schedule", lambda e: schedule.is_schedule(e.schedule), "business-daily or weekly:MON … weekly:FRI"),
    ("paused_until", lambda e: _is_day(e.paused_until), "a date such as 2026-12-01, or null"),
    ("transport", lambda e: e.transport in (None, *Transport), "paramiko or openssh"),
)
