"""Endpoints as people write them: one YAML shape in and out, with a clear word for each fault."""

import ipaddress
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from distribution import filenames
from distribution.channels.electronic import record_layout, schedule, score_file, session
from distribution.errors import UsageError
from distribution.jobs import sealing
from distribution.model import Endpoint, Look, Parallel, Publish, Transport

_REQUIRED = ("code", "host", "username", "directory", "host_key", "credential")
_KNOWN = tuple(each.name for each in fields(Endpoint))
_DEFAULTS = {each.name: each.default for each in fields(Endpoint)}
_NUMBERS = ("port", "fallback_days", "ack_days")
_CODE = re.compile(r"[A-Za-z0-9]{4}|[A-Za-z0-9]{6}")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
# RFC 1035: a label has 1 to 63 characters, a name 253. Looking a longer one up raises, rather than fails.
_HOST = re.compile(r"(?=.{1,253}\.?$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_ARMOUR = "-----BEGIN PGP"


def as_written(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as it stands in the YAML file: optional keys that say nothing are left out."""
    always = {*_REQUIRED, "port", "layout", "encoding", "newline", "pgp_key"}
    always |= {"publish", "look", "schedule", "paused_until"}
    stated = asdict(endpoint)
    if endpoint.parallel:
        stated["parallel"] = {key: value for key, value in stated["parallel"].items() if value is not None}
    return {name: value for name, value in stated.items() if name in always or value is not None}


def parse(text: str, *, folder: Path = Path()) -> list[Endpoint]:
    """The endpoints of a YAML text; key files that it names are looked for from `folder` on.

    Raises UsageError for anything outside the form.
    """
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
    found = [_endpoint(row, position, folder) for position, row in enumerate(stated["endpoints"], start=1)]
    codes = [endpoint.code for endpoint in found]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise UsageError(f"Endpoint {twice[0]} stands twice in the file; keep one of them.")
    return found


def _endpoint(row: Any, position: int, folder: Path) -> Endpoint:
    if not isinstance(row, Mapping):
        raise UsageError(f"Endpoint {position} is no list of `key: value` lines.")
    where = f"Endpoint {row.get('code', f'number {position}')}"
    for key in row:
        if key not in _KNOWN:
            raise UsageError(f"{where}: unknown key `{key}`. {_right_form(str(key))}")
    if missing := [key for key in _REQUIRED if row.get(key) in (None, "")]:
        raise UsageError(f"{where}: `{missing[0]}` is missing.")
    values = {key: _plain(where, key, value) for key, value in row.items()}
    values["pgp_key"] = _armoured(where, values.get("pgp_key"), folder)
    # A key that is written without a value stands for its default.
    endpoint = Endpoint(**{key: value for key, value in values.items() if value is not None})
    _refuse_faults(where, endpoint)
    return endpoint


def _armoured(where: str, stated: str | None, folder: Path) -> str | None:
    """The institution's PGP key as its armoured text, read from the file that was named."""
    if stated is None:
        return None
    text = stated
    if _ARMOUR not in stated:
        try:
            text = (folder / stated).read_text("utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as exc:
            raise UsageError(
                f"{where}: `pgp_key` must be the armoured public key, or a file that holds it: {stated} "
                "cannot be read."
            ) from exc
    try:
        sealing.key_of(text.strip() + "\n")
    except ValueError as exc:
        raise UsageError(f"{where}: `pgp_key`: {exc}.") from exc
    return text.strip() + "\n"


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
    if key == "parallel":
        return _parallel(where, value)
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        raise UsageError(f'{where}: `{key}` must be text; put it into quotes, such as {key}: "{value}".')
    return value


def _parallel(where: str, stated: Any) -> Parallel:
    """The second layout of an endpoint, a block of its own."""
    keys = tuple(each.name for each in fields(Parallel))
    if not isinstance(stated, Mapping) or not {"layout", "until"} <= set(stated) <= set(keys):
        raise UsageError(
            f"{where}: `parallel` must hold `layout` and `until`, and may hold `folder`: "
            "parallel: {layout: wide, folder: /test, until: 2027-01-31}."
        )
    return Parallel(**{key: _plain(where, f"parallel.{key}", value) for key, value in stated.items()})


def _refuse_faults(where: str, endpoint: Endpoint) -> None:
    for key, holds, form in _FORMS:
        if not holds(endpoint):
            raise UsageError(f"{where}: `{key}` must be {form}.")


def _is_pinned_key(endpoint: Endpoint) -> bool:
    try:
        session.pinned_key(endpoint.host_key)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    if _HOST.fullmatch(text):
        return True
    try:
        ipaddress.IPv6Address(text)
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


def _is_folder_of_its_own(endpoint: Endpoint) -> bool:
    """True where files in the second layout cannot come among others."""
    if endpoint.parallel is None:
        return True
    if not endpoint.parallel_folder:
        return False
    others = (endpoint.directory, endpoint.temp_directory, endpoint.ack_directory)
    return posixpath.normpath(endpoint.parallel_folder) not in {
        posixpath.normpath(each) for each in others if each
    }


_FORMS: tuple[tuple[str, Callable[[Endpoint], bool], str], ...] = (
    ("code", lambda e: bool(_CODE.fullmatch(e.code)), '4 or 6 of A-Z a-z 0-9, in quotes: code: "4471"'),
    (
        "host",
        lambda e: _is_host(e.host),
        "a host name or address without scheme or port, each part between dots 1 to 63 characters long",
    ),
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
    (
        "pgp_key",
        lambda e: e.pgp_key is not None or not record_layout.load(e.layout).pgp,
        "the institution's public key: files of this layout are never sent in clear",
    ),
    (
        "file_name",
        lambda e: e.file_name is None or filenames.fault_of_pattern(e.file_name) is None,
        "a pattern such as `{prefix}_{di}_{date}_{seq}.{extension}`, with {di} and {seq} or {date} and "
        "{seq3}; letters, digits, `_`, `.` and `-`, 60 at most",
    ),
    ("empty_file", lambda e: e.empty_file in (None, True, False), "true or false"),
    ("fallback_days", lambda e: e.fallback_days is None or e.fallback_days > 0, "a number of business days"),
    ("ack_days", lambda e: e.ack_days is None or e.ack_days > 0, "a number of business days"),
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
    (
        "parallel.layout",
        lambda e: e.parallel is None or e.parallel.layout in {*record_layout.names()} - {e.layout},
        f"another layout than the live one, of {', '.join(record_layout.names())}",
    ),
    (
        "parallel.layout",
        lambda e: e.parallel is None or bool(e.pgp_key) or not record_layout.load(e.parallel.layout).pgp,
        "one that may be sent in clear, or the endpoint needs a `pgp_key`",
    ),
    ("parallel.until", lambda e: e.parallel is None or _is_day(e.parallel.until), "a day such as 2027-01-31"),
    (
        "parallel.folder",
        _is_folder_of_its_own,
        "a folder of its own on the host, here or as `test_directory`: not the live, temporary or "
        "acknowledgement folder",
    ),
    ("transport", lambda e: e.transport in (None, *Transport), "paramiko or openssh"),
)
