"""Sign-in by OpenID Connect: the provider of production says who somebody is."""

import secrets as random_secrets
from functools import partial
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import Request, Response
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from distribution.jobs import secrets
from distribution.jobs.wiring import Line
from distribution.web.sign_in import Identity, SignInFailed


class OpenIdConnect:
    """The provider of production: authorization code flow with PKCE, state and nonce."""

    def __init__(self, line: Line):
        settings = line.settings
        named = settings.oidc_credential
        secret = secrets.read_secret(settings, named).password if named else None
        self.issuer = (settings.oidc_issuer or "").rstrip("/")
        self._client: Any = OAuth().register(
            "provider",
            server_metadata_url=f"{self.issuer}/.well-known/openid-configuration",
            client_id=settings.oidc_client_id,
            client_secret=secret,
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                **({} if secret else {"token_endpoint_auth_method": "none"}),
            },
        )

    async def leave(self, request: Request, *, back_to: str) -> Response:
        """Send the browser to the provider."""
        answer: Response = await self._client.authorize_redirect(request, back_to)
        return answer

    async def come_back(self, request: Request) -> Identity:
        """Who the provider says has signed in. Raises SignInFailed where it may not be believed."""
        try:
            token = await self._client.authorize_access_token(request)
            told = token["userinfo"]
            if told["iss"].rstrip("/") != self.issuer:
                raise SignInFailed("The sign-in came from another provider. Start it again.")
        except (AuthlibBaseError, JoseError, KeyError, ValueError) as exc:
            raise SignInFailed("The sign-in was not completed. Start it again.") from exc
        return Identity(
            issuer=str(told["iss"]),
            subject=str(told["sub"]),
            email=str(told.get("email", "")),
            email_verified=told.get("email_verified") is True,
            name=str(told.get("name", "")),
        )


class ProviderCookie:
    """Keeps the way to the provider and back in a signed cookie: state, nonce, verifier, the page asked for.

    Like every cookie of ours it travels on HTTPS alone where it was given over HTTPS.
    """

    def __init__(self, app: ASGIApp):
        keeping = partial(
            SessionMiddleware,
            app,
            secret_key=random_secrets.token_urlsafe(32),
            session_cookie="score_portal_provider",
            max_age=600,
            path="/sign-in",
            same_site="lax",
        )
        self._over_https, self._over_http = keeping(https_only=True), keeping(https_only=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        keeping = self._over_https if scope.get("scheme") == "https" else self._over_http
        await keeping(scope, receive, send)
