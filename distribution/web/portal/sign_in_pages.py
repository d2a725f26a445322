"""Signing in and out: by the provider, or with a local account where none is set."""

import logging
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from distribution.jobs import portal_access
from distribution.jobs.portal_access import Refusal
from distribution.jobs.wiring import Line
from distribution.ledger.portal_sessions import Ending
from distribution.web import csrf, sessions, sign_in
from distribution.web.portal.doors import OwnForm, TheGuest, TheLine, address_of, assert_own
from distribution.web.portal.pages import page
from distribution.web.sign_in import Identity

log = logging.getLogger(__name__)
router = APIRouter()

_BACK = "back"  # in the cookie of the way to the provider
_LONGEST = 254  # of an e-mail address (RFC 5321) and of a password that we look at


@router.get("/sign-in")
def show_sign_in(request: Request, back: str = "") -> Response:
    """The sign-in page; a browser without session gets a cookie that binds its form."""
    return _form(request, back=_safe(back))


@router.post("/sign-in")
def sign_in_locally(
    request: Request,
    line: TheLine,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
    form_token: Annotated[str, Form(alias=csrf.FIELD)] = "",
) -> Response:
    """Sign in with a local account; a wrong password and an unknown address read the same."""
    if request.app.state.provider is not None:
        return _form(request, back="", wrong="Local accounts are not in use here.", status=403)
    assert_own(request, form_token, request.cookies.get(sessions.VISITOR_COOKIE, ""))
    address, account = address_of(request), email.strip().lower()[:_LONGEST]
    limits = request.app.state.limits
    taken = limits.take(account=account, address=address)
    if taken is None:
        log.warning("Too many sign-ins from one address")
        return _form(request, back=back, wrong="Too many tries. Wait 15 minutes, then try again.", status=429)
    identity = None
    if "\0" not in email + password and len(password) <= _LONGEST:
        identity = sign_in.local_identity(line, email=account, password=password)
    if identity is None:
        log.warning("A sign-in with a local account was refused")
        return _form(request, back=back, wrong="E-mail address or password is wrong.", status=403)
    limits.give_back(taken, account=account, address=address)
    return _let_in(request, line, identity, back=back)


@router.get("/sign-in/start", include_in_schema=False)
async def leave_for_provider(request: Request, line: TheLine, back: str = "") -> Response:
    """To the provider's own sign-in page; `back`: the page to go to afterwards."""
    provider = request.app.state.provider
    if provider is None:
        return RedirectResponse("/sign-in", status_code=303)
    request.session[_BACK] = _safe(back)
    # Never from the request: its Host header is the browser's, or an attacker's, word.
    back_to = f"{line.settings.portal_url.rstrip('/')}/sign-in/return"
    answer: Response = await provider.leave(request, back_to=back_to)
    return answer


@router.get("/sign-in/return", include_in_schema=False)
async def come_back(request: Request, line: TheLine) -> Response:
    """Back from the provider with a code; it is changed for who it is."""
    provider = request.app.state.provider
    if provider is None:
        return RedirectResponse("/sign-in", status_code=303)
    identity = await provider.come_back(request)
    back = str(request.session.pop(_BACK, ""))
    return await run_in_threadpool(_let_in, request, line, identity, back=back)


def _let_in(request: Request, line: Line, identity: Identity, *, back: str) -> Response:
    """A new session under a new token for a person who is bound; any other reads why not."""
    answered = portal_access.bind_person(
        line,
        issuer=identity.issuer,
        subject=identity.subject,
        email=identity.email,
        email_verified=identity.email_verified,
        on=line.now(),
        name=identity.name,
        address=address_of(request),
    )
    if isinstance(answered, Refusal):
        return page(request, "not_a_contact", status=403)
    token = sessions.begin(
        line,
        person_id=answered.person_id,
        former_token=request.cookies.get(sessions.COOKIE, ""),
        address=address_of(request),
    )
    answer = RedirectResponse(_safe(back) or "/", status_code=303)
    sessions.give(answer, request, sessions.COOKIE, token)
    sessions.take(answer, sessions.VISITOR_COOKIE)
    return answer


@router.post("/sign-out", dependencies=[OwnForm])
def sign_out(line: TheLine, guest: TheGuest, everywhere: Annotated[str, Form()] = "") -> Response:
    """End this session, or with `everywhere` all of the person's."""
    because = Ending.EVERYWHERE if everywhere else Ending.SIGNED_OUT
    sessions.end(line, guest.session, because=because)
    answer = RedirectResponse("/sign-in", status_code=303)
    sessions.take(answer, sessions.COOKIE)
    return answer


def _form(request: Request, *, back: str, wrong: str = "", status: int = 200) -> Response:
    visitor = request.cookies.get(sessions.VISITOR_COOKIE, "") or sessions.new_visitor()
    answer = page(
        request,
        "sign_in",
        session_token=visitor,
        status=status,
        back=_safe(back),
        wrong=wrong,
        has_provider=request.app.state.provider is not None,
    )
    sessions.give(answer, request, sessions.VISITOR_COOKIE, visitor)
    return answer


def _safe(back: str) -> str:
    """A page of ours to go back to; anything else is dropped."""
    is_ours = (
        back.startswith("/organizations/") and back.isascii() and back.isprintable() and "\\" not in back
    )
    return back if is_ours else ""
