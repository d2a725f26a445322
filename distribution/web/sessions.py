"""Session tokens: random, in a cookie of the browser alone; the ledger knows their hash."""

import hashlib
import secrets

from fastapi import Request, Response

from distribution.jobs import portal_access
from distribution.jobs.portal_access import Person
from distribution.jobs.wiring import Line
from distribution.ledger import portal_sessions
from distribution.ledger.connection import Role
from distribution.ledger.portal_sessions import Ending, Session

COOKIE = "score_portal"
VISITOR_COOKIE = "score_portal_visitor"  # before the sign-in: binds the form to the browser
_TOKEN_BYTES = 32


def begin(line: Line, *, person_id: int, former_token: str, address: str) -> str:
    """A new session's token; whatever session the browser had before ends."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with line.connect(role=Role.PORTAL) as conn:
        former = _read(line, conn, former_token)
        if former is not None:
            portal_sessions.end(conn, former.session_id, at=line.now(), because=Ending.SIGNED_OUT)
        portal_sessions.begin(
            conn, token_hash=_hash(token), person_id=person_id, at=line.now(), address=address
        )
    return token


def read(line: Line, token: str) -> tuple[Session, Person | None] | None:
    """The open session of a token and its person as he stands now; None for an unknown or ended one.

    No person: none of his contacts is in force any more.
    """
    with line.connect(role=Role.PORTAL) as conn:  # one connection for both: every page asks them
        session = _read(line, conn, token)
        if session is None:
            return None
        return session, portal_access.person_in(line, conn, session.person_id, on=line.now())


def _read(line: Line, conn: object, token: str) -> Session | None:
    return portal_sessions.read(
        conn,  # type: ignore[arg-type]
        _hash(token),
        at=line.now(),
        idle=line.settings.portal_idle,
        longest=line.settings.portal_longest,
    )


def end(line: Line, session: Session, *, because: Ending) -> None:
    """End one session; with EVERYWHERE or RIGHTS_ENDED every session of its person."""
    with line.connect(role=Role.PORTAL) as conn:
        if because in (Ending.EVERYWHERE, Ending.RIGHTS_ENDED):
            portal_sessions.end_all(conn, session.person_id, at=line.now(), because=because)
        else:
            portal_sessions.end(conn, session.session_id, at=line.now(), because=because)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_visitor() -> str:
    """What a browser without a session is known by while its sign-in form is open."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def give(response: Response, request: Request, name: str, value: str) -> None:
    """Set a cookie that no script reads and no other site sends; over HTTPS it travels on HTTPS alone."""
    response.set_cookie(
        name, value, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )


def take(response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, path="/")
