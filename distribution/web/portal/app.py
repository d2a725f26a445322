"""The portal as an application: its rooms, its headers, and what it says when something is wrong."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from distribution.errors import TransientError
from distribution.jobs.wiring import Line
from distribution.ledger.pools import Pools
from distribution.web import sessions
from distribution.web.csrf import ForeignForm
from distribution.web.limits import SignInLimits
from distribution.web.portal import (
    code_pages,
    home_pages,
    missing_pages,
    people_pages,
    score_pages,
    sign_in_pages,
)
from distribution.web.portal.doors import CodeNeeded, NotHere, NotSignedIn
from distribution.web.portal.pages import page
from distribution.web.sign_in import SignInFailed

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send forms without their origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
}
_CONNECTIONS = 16


def make_app(line: Line) -> FastAPI:
    """The application over a line. It describes itself (`openapi()`), but shows nobody the description."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pools = Pools(line.url, most=_CONNECTIONS)
        app.state.line = replace(line, pools=pools)
        yield
        pools.close()

    app = FastAPI(title="Score portal", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.line = line
    app.state.limits = SignInLimits()
    app.state.provider = None
    if line.settings.oidc_issuer:
        # A second of imports that the demo does not need.
        from distribution.web.openid import OpenIdConnect, ProviderCookie

        app.state.provider = OpenIdConnect(line)
        app.add_middleware(ProviderCookie)
    app.middleware("http")(_headed)
    for room in (sign_in_pages, code_pages, home_pages, score_pages, missing_pages, people_pages):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_api_route("/health", _health, include_in_schema=False)
    _say_what_is_wrong(app)
    return app


def _health() -> PlainTextResponse:
    return PlainTextResponse("ready\n")


async def _headed(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        answer = await call_next(request)
    except Exception as exc:  # noqa: BLE001  # the last door: the server would write the error's words into its log
        answer = _broken(request, exc)
    answer.headers.update(_HEADERS)
    if request.url.scheme == "https":
        answer.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    is_static = request.url.path.startswith("/static/")
    answer.headers["Cache-Control"] = "public, max-age=3600" if is_static else "no-store"
    return answer


def _say_what_is_wrong(app: FastAPI) -> None:
    app.add_exception_handler(NotSignedIn, _to_sign_in)
    app.add_exception_handler(CodeNeeded, _to_code)
    app.add_exception_handler(NotHere, _not_found)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(ForeignForm, _foreign_form)
    app.add_exception_handler(SignInFailed, _sign_in_failed)
    app.add_exception_handler(TransientError, _busy)


def _to_sign_in(request: Request, exc: Exception) -> Response:
    """To the sign-in, and back to the page that was asked for: its path names no student."""
    back = f"?back={quote(request.url.path)}" if request.method == "GET" and request.url.path != "/" else ""
    answer = _send_to(request, f"/sign-in{back}")
    if isinstance(exc, NotSignedIn) and exc.ended:
        sessions.take(answer, sessions.COOKIE)
    return answer


def _to_code(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, CodeNeeded)
    asked = exc.organization
    step = "code" if asked.needs_code else "agreement"
    return _send_to(request, f"/organizations/{asked.through or asked.code}/{step}")


def _send_to(request: Request, path: str) -> Response:
    """A redirect; htmx, which would look for the table's rows on that page, is told to open it instead."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": path})
    return RedirectResponse(path, status_code=303)


def _not_found(request: Request, exc: Exception) -> Response:
    return _error(request, 404, "Page not found", "This page does not exist, or you may not see it.")


def _http_error(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    if status == 404:
        return _not_found(request, exc)
    answer = _error(request, status, "This is not possible", "The page does not take what was sent to it.")
    if isinstance(exc, HTTPException) and exc.headers:
        answer.headers.update(exc.headers)
    return answer


def _not_understood(request: Request, exc: Exception) -> Response:
    return _error(request, 422, "This was not understood", "Go back and fill in the form again.")


def _foreign_form(request: Request, exc: Exception) -> Response:
    log.warning("A form on %s was refused: not of this session", request.url.path)
    return _error(request, 403, "The form is out of date", "Open the page again and send the form once more.")


def _sign_in_failed(request: Request, exc: Exception) -> Response:
    log.warning("A sign-in by the provider was not completed")
    return _error(request, 403, "The sign-in was not completed", "Start it again from the sign-in page.")


def _busy(request: Request, exc: Exception) -> Response:
    log.error("The database does not answer")
    return _error(request, 503, "The portal is busy", "Try again in a minute. Nothing was lost.")


def _broken(request: Request, exc: Exception) -> Response:
    """Neither page nor log repeat the error's words: they may quote a record."""
    place = exc.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "unknown"
    route = getattr(request.scope.get("route"), "path", "an unknown page")
    log.error("%s in %s on %s", type(exc).__name__, where, route)
    return _error(request, 500, "Something went wrong", "It was noted. Try again later, or call operations.")


def _error(request: Request, status: int, title: str, text: str) -> Response:
    return page(request, "error", status=status, title=title, text=text)
