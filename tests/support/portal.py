"""People and codes of the portal for tests: sign-ins, minted codes in clear, what the log says."""

import re
from datetime import UTC, datetime

from distribution.access_codes import code, vault
from distribution.jobs import portal_access
from distribution.jobs.wiring import Line
from distribution.ledger import codes

ISSUER = "https://id.example.org"
NOON = datetime(2027, 9, 15, 16, 0, tzinfo=UTC)  # Wednesday noon in New York, in the year 2027-28


def sign_in(line: Line, email: str, *, subject: str = "", on=NOON, verified: bool = True, name: str = ""):
    return portal_access.bind_person(
        line,
        issuer=ISSUER,
        subject=subject or f"subject of {email}",
        email=email,
        email_verified=verified,
        on=on,
        name=name,
    )


def mint(line: Line, organization: str, *, year: int = 2027, state: str = "mailed") -> str:
    """A live code of an organisation, in clear."""
    minted = code.mint()
    with line.connect() as conn:
        keys = vault.open_keys(line.settings.secrets, may_make=lambda: True)
        sealed = vault.seal(keys, minted, organization=organization, year=year)
        stored = codes.StoredCode(
            organization, year, sealed.lookup, sealed.cipher, sealed.nonce, sealed.key_id
        )
        codes.record(conn, [stored], issued_at=NOON, approved_by="test")
        conn.execute("UPDATE ledger.access_code SET state = %s WHERE lookup = %s", [state, sealed.lookup])
    return minted.written()


def let_in(line: Line, email: str, organization: str, written: str, *, at=NOON):
    """Someone who signed in, entered the code and agreed."""
    person = sign_in(line, email, on=at)
    portal_access.redeem(line, person.person_id, organization, written, at=at)
    assert portal_access.agree(line, person.person_id, organization, at=at) is None
    return portal_access.person_of(line, person.person_id, on=at)


def log_of(line: Line, *columns: str) -> list[tuple]:
    """The log of accesses, oldest first."""
    with line.connect() as conn:
        return conn.execute(
            f"SELECT {', '.join(columns)} FROM portal.access_event ORDER BY event_id"
        ).fetchall()


def code_in(mail) -> str:
    """The access code that stands alone on a line of a mail."""
    form = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}-[0-9A-Z]{2}")
    found = [each for each in mail.get_content().splitlines() if form.fullmatch(each)]
    assert len(found) == 1
    return found[0]
