"""Forms that change something: only our own pages may send them, and only in their own session."""

import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from distribution.errors import PermanentError

FIELD = "form_token"


class ForeignForm(PermanentError):
    """A form that none of our pages of this session sent."""

    code = "foreign-form"


def token_of(session_token: str) -> str:
    """What a session's forms carry; who knows it does not know the session's token."""
    return hmac.new(session_token.encode(), b"form", hashlib.sha256).hexdigest()


def assert_own(
    *, origin: str | None, referer: str | None, allowed: Collection[str], token: str, session_token: str
) -> None:
    """Raise ForeignForm unless the form comes from one of the allowed origins and carries its token."""
    said = origin or (_origin_of(referer) if referer else None)
    if said not in allowed:
        raise ForeignForm("This form was not sent by our own page. Open the page again.")
    if not session_token or not hmac.compare_digest(token.encode(), token_of(session_token).encode()):
        raise ForeignForm("This form is of an older session. Open the page again.")


def _origin_of(referer: str) -> str:
    parts = urlsplit(referer)
    return f"{parts.scheme}://{parts.netloc}"
