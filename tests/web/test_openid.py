"""Sign-in by OpenID Connect, against a provider on this machine: who is let in, and what is not believed."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import uvicorn
from fastapi import FastAPI, Form
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from distribution.web.portal.app import make_app
from tests.web.conftest import KIM, NOW, SCHOOL, STRANGER, Visitor, cookie

CLIENT = "score-portal"
PEOPLE = f"/organizations/{SCHOOL}/people"


class Provider:
    """Says of everybody who comes that they are `told`; a test may change that, or spoil the token."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "1"})
        self.signing_key = self.key
        self.told: dict[str, object] = {
            "sub": "kim-1",
            "email": KIM,
            "email_verified": True,
            "name": "Kim Lee",
        }
        self.asked: dict[str, dict[str, str]] = {}
        self.url = ""
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self.configuration)
        self.app.get("/keys")(self.keys)
        self.app.post("/token")(self.token)

    def configuration(self) -> dict[str, object]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def keys(self) -> dict[str, object]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self, code: str = Form(), code_verifier: str = Form()) -> dict[str, object]:
        asked = self.asked.pop(code)
        assert asked["code_challenge_method"] == "S256"
        assert code_verifier
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, {**claims, **self.told}, self.signing_key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": token}


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    provider = Provider()
    running = uvicorn.Server(uvicorn.Config(provider.app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not running.started and time.monotonic() < until:
        time.sleep(0.02)
    provider.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    yield provider
    running.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def provider(server) -> Provider:
    """The provider as it usually is."""
    server.signing_key = server.key
    server.told = {"sub": "kim-1", "email": KIM, "email_verified": True, "name": "Kim Lee"}
    return server


@pytest.fixture
def visitor(line, provider) -> Iterator[Visitor]:
    settings = line.settings.model_copy(update={"oidc_issuer": provider.url, "oidc_client_id": CLIENT})
    with TestClient(make_app(replace(line, settings=settings))) as client:
        yield Visitor(client)


def come_back(
    visitor: Visitor, provider: Provider, *, state: str = "", start: str = "/sign-in/start"
) -> object:
    """To the provider and back with a code, as the browser goes."""
    leaving = visitor.get(start, follow_redirects=False)
    asked = {
        name: values[0] for name, values in parse_qs(urlsplit(leaving.headers["location"]).query).items()
    }
    provider.asked["c"] = asked
    assert "openid" in asked["scope"]
    return visitor.get(f"/sign-in/return?code=c&state={state or asked['state']}")


def test_who_the_provider_vouches_for_comes_in(visitor, provider):
    assert "Sign in with your professional account" in visitor.get("/sign-in").text
    assert come_back(visitor, provider).url.path == f"/organizations/{SCHOOL}/code"


def test_the_provider_sends_people_back_to_the_portals_own_address_whatever_the_request_says(visitor, line):
    leaving = visitor.get("/sign-in/start", headers={"Host": "evil.example"}, follow_redirects=False)
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{line.settings.portal_url}/sign-in/return"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_cookie_of_the_way_to_the_provider_travels_on_https_alone_where_it_was_given_so(visitor, scheme):
    leaving = visitor.get(f"{scheme}://testserver/sign-in/start", follow_redirects=False)
    given = next(
        each for each in leaving.headers.get_list("set-cookie") if each.startswith("score_portal_provider=")
    ).lower()
    assert "httponly" in given
    assert ("secure" in given) is (scheme == "https")


def test_after_the_provider_one_is_back_where_one_was_going(visitor, provider, codes):
    come_back(visitor, provider)
    visitor.send(f"/organizations/{SCHOOL}/code", access_code=codes[SCHOOL])
    visitor.send(f"/organizations/{SCHOOL}/agreement", agreed="yes")
    visitor.client.cookies.clear()
    asked = visitor.get(PEOPLE)
    assert asked.url.path == "/sign-in"
    start = re.search(r'href="(/sign-in/start[^"]*)"', asked.text)[1]
    assert come_back(visitor, provider, start=start).url.path == PEOPLE


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/%5Cevil.example"])
def test_the_provider_leads_nobody_to_another_site(visitor, provider, back):
    came = come_back(visitor, provider, start=f"/sign-in/start?back={back}")
    assert came.url.host == "testserver"
    assert came.url.path == f"/organizations/{SCHOOL}/code"


@pytest.mark.parametrize(
    "told",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "nobody@example.org"},
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"nonce": "another"},
        {"exp": 1},
    ],
    ids=str,
)
def test_what_may_not_be_believed_opens_nothing(visitor, provider, told):
    provider.told = {**provider.told, **told}
    assert come_back(visitor, provider).status_code == 403
    assert cookie(visitor) == ""


def test_a_token_that_another_key_signed_opens_nothing(visitor, provider):
    provider.signing_key = RSAKey.generate_key(2048, parameters={"kid": "1"})
    assert come_back(visitor, provider).status_code == 403
    assert cookie(visitor) == ""


def test_a_return_that_this_browser_did_not_start_opens_nothing(visitor, provider):
    assert come_back(visitor, provider, state="another").status_code == 403
    assert cookie(visitor) == ""


def test_a_second_person_with_the_same_address_is_sent_to_operations(visitor, provider, line):
    come_back(visitor, provider)
    provider.told = {**provider.told, "sub": "somebody-else"}
    second = Visitor(TestClient(visitor.client.app))
    assert come_back(second, provider).status_code == 403
    with line.connect() as conn:
        reasons = conn.execute("SELECT reason FROM portal.access_event WHERE outcome = 'refused'").fetchall()
    assert reasons == [("address-in-use",)]


def test_a_former_coordinator_stays_outside(visitor, provider, line):
    with line.connect() as conn:
        conn.execute(
            "UPDATE ledger.contact SET valid_to = %s WHERE email = %s", [NOW.date().replace(day=1), KIM]
        )
    assert come_back(visitor, provider).status_code == 403


def test_local_accounts_are_shut_where_there_is_a_provider(visitor):
    assert visitor.sign_in(STRANGER).status_code == 403
    assert cookie(visitor) == ""
