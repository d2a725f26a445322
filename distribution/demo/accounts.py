"""Accounts of the demo's portal: coordinators, alternates and district users, each with a password."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from distribution.errors import UsageError
from distribution.jobs import local_accounts
from distribution.jobs.wiring import Line
from distribution.ledger import contacts, institutions
from distribution.model import SCHOOL_KINDS, ContactRole

_FILE = "portal-accounts.json"
_ROLES = (ContactRole.COORDINATOR, ContactRole.ALTERNATE)


@dataclass(frozen=True, slots=True)
class Account:
    """Who may sign in to the demo's portal, for which organisation."""

    email: str
    password: str = field(repr=False)
    role: str
    organization: str


def accounts(line: Line) -> list[Account]:
    """An account for each coordinator and alternate on file; passwords are kept in the demo's folder.

    The same people have the same passwords until the home is gone. Raises UsageError where nobody is on
    file, and where the portal's people sign in by OpenID Connect: then there are no local accounts.
    """
    if line.settings.oidc_issuer:
        raise UsageError("The portal signs people in by OpenID Connect here; there are no demo accounts.")
    with line.connect() as conn:
        found = contacts.in_force(conn, line.today())
        kinds = institutions.in_force(conn, line.today()).set_index("code")["kind"].to_dict()
    mine = found[found["role"].isin(list(_ROLES)) & found["organization_code"].map(kinds).isin(SCHOOL_KINDS)]
    if mine.empty:
        raise UsageError(
            "No coordinator is on file. `demo feed --rows 5000 --seed 1`, then `feed ingest` bring some."
        )
    emails = mine["email"].str.lower()
    passwords = _passwords(line, dict(zip(emails, mine["name"], strict=True)))
    return [
        Account(email, passwords[email], role, organization)
        for email, role, organization in zip(emails, mine["role"], mine["organization_code"], strict=True)
    ]


def _passwords(line: Line, names: Mapping[str, str]) -> dict[str, str]:
    """Words that can be typed, one for each person; only new people's are hashed, which takes its time."""
    path = line.settings.demo / _FILE
    try:
        kept: dict[str, str] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        kept = {}
    passwords = {email: kept.get(email) or f"demo-{secrets.token_hex(4)}" for email in sorted(names)}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump({**kept, **passwords}, file, indent=1)
    os.replace(part, path)
    there = local_accounts.known(line, passwords)
    new = {email: word for email, word in passwords.items() if email not in there or email not in kept}
    local_accounts.write(line, new, names)
    return passwords


def document(found: list[Account]) -> dict[str, object]:
    """The accounts as JSON gives them."""
    return {"schema_version": 1, "accounts": [asdict(account) for account in found]}


def described(found: list[Account], *, most: int = 8) -> Iterator[str]:
    """A few of them for a person: a school with an alternate, one with two schools, a district."""
    for account in found[:most]:
        yield f"  {account.email:<36} {account.password:<16} {account.role:<12} {account.organization}"
    if len(found) > most:
        yield f"  … and {len(found) - most} more: python -m distribution demo accounts"
