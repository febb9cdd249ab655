"""An application that asks a server: tokens verified here, revocations pushed, and nothing believed for too long."""

from __future__ import annotations

import base64
import json
import time
from contextlib import closing, suppress
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.users import UserChange, change_user
from gatepost.errors import ConfigurationError, InvalidToken, ProviderFailed
from gatepost.guard import Remote as RemoteGuard
from gatepost.guard.visitor import Shown, now
from gatepost.principal import Entity, Scope
from gatepost.tokens import access_tokens, key_rotation
from gatepost.tokens.api_tokens import WantedToken, issue_api_token, revoke_api_token
from gatepost.tokens.sessions import end_sessions
from tests.asgi.test_authentication import session_of
from tests.conftest import ADMIN
from tests.guard.conftest import APP, PASSWORD, Center, Remote
from tests.server.calling import basic, bearer, problem
from tests.waiting import A_BUSY_SECOND, eventually


def api_token(center: Center, name: str, **wanted: Any) -> tuple[str, str]:
    from dataclasses import replace

    from gatepost.principal import Method

    caller = replace(ADMIN, subject=Entity("user", name), method=Method.SESSION)
    made = issue_api_token(center.gate, caller, WantedToken(name="t", **wanted))
    return made.secret, made.token.id


def subject(shop: TestClient, headers: dict[str, str]) -> str:
    answer = shop.get("/", headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["subject"])


# -- who ------------------------------------------------------------------------------------------------------------


def test_every_credential_of_the_contract(center: Center, remote: Remote) -> None:
    shop = remote()
    opaque, _ = api_token(center, "ann")
    secret, _ = session_of(center.gate, "ann")

    assert subject(shop, {}) == "anonymous:*"
    for headers in (
        bearer(center.token("ann")),
        bearer(opaque),
        basic("ann", opaque),
        basic("__token__", opaque),
        basic("ann", PASSWORD),
        {"Cookie": f"gp_session={secret}"},
    ):
        assert subject(shop, headers) == "user:ann"
    assert shop.get("/", headers=bearer(opaque)).json()["method"] == "api_token"
    assert subject(shop, bearer(center.client[1])) == "service:shop"


def test_a_bad_credential_is_401_and_never_anonymous(center: Center, remote: Remote) -> None:
    shop = remote()
    opaque, _ = api_token(center, "ann")

    for headers in (
        bearer("gp_nonsense"),
        bearer("nonsense"),
        basic("ann", "wrong"),
        basic("ben", opaque),
        {"Cookie": "gp_session=made-up"},
    ):
        problem(shop.get("/open", headers=headers), 401)


def test_an_access_token_is_verified_without_asking(
    center: Center, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = remote()
    assert subject(shop, bearer(center.token("ann"))) == "user:ann"

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the server was asked")

    monkeypatch.setattr("gatepost.guard.talk.Talk.introspect", asked)
    monkeypatch.setattr("gatepost.guard.talk.Talk.me", asked)
    monkeypatch.setattr("gatepost.guard.talk.Talk.check", asked)

    assert subject(shop, bearer(center.token("ben"))) == "user:ben"


@pytest.mark.parametrize("audience", ["", APP])
def test_a_token_is_for_one_audience(center: Center, remote: Remote, audience: str) -> None:
    shop = remote(audience=audience)
    other = "" if audience else APP

    assert subject(shop, bearer(center.token("ann", audience))) == "user:ann"
    problem(shop.get("/", headers=bearer(center.token("ann", other))), 401)
    problem(shop.get("/", headers=bearer(center.token("ann", aud=[APP, center.url]))), 401)


def test_tokens_that_are_bent(center: Center, remote: Remote) -> None:
    """Expired, from the future, of another issuer or type, without a session, and signed otherwise (CVE-2015-9235)."""
    shop = remote()
    now = int(time.time())
    good = center.token("ann")
    header, payload, signature = good.split(".")

    def with_header(**changed: object) -> str:
        read = json.loads(base64.urlsafe_b64decode(header + "=="))
        text = json.dumps({**read, **changed}).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode() + f".{payload}.{signature}"

    assert subject(shop, bearer(good)) == "user:ann"
    claims = {
        "sub": "user:ann",
        "aud": center.url,
        "iss": center.url,
        "iat": now,
        "exp": now + 60,
        "sid": center.session,
    }
    bent = [
        center.token("ann", exp=now - 1),
        center.token("ann", exp=None),
        center.token("ann", exp=True),
        center.token("ann", iat=now + 3_600),
        center.token("ann", iss="https://evil.example"),
        center.token("ann", sid=""),
        center.token("ann", sid=None),
        center.token("ann", sub="admin"),
        access_tokens.sign(center.gate, {**claims, "scope": ["*:*"]}, access_tokens.TYPE),
        access_tokens.sign(center.gate, {**claims, "exp": str(now + 60)}, access_tokens.TYPE),
        access_tokens.sign(center.gate, claims, access_tokens.IDENTITY_TYPE),
        access_tokens.sign(center.gate, claims, "JWT"),
        with_header(alg="none"),
        with_header(alg="HS256"),
        with_header(alg="RS256"),
        with_header(kid="../../../dev/null"),
        with_header(jku="https://evil.example/jwks"),
        with_header(crit=["exp"]),
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-4]}AAAA",
    ]

    statuses = [shop.get("/", headers=bearer(token)).status_code for token in bent]

    assert statuses == [401] * len(bent)


def test_a_missing_scope_is_an_empty_one(center: Center, remote: Remote) -> None:
    shop = remote()

    problem(shop.get("/datasets/sales", headers=bearer(center.token("ann", scope=Scope.parse("")))), 404)


# -- what was revoked -----------------------------------------------------------------------------------------------


def refused_within_a_second(shop: TestClient, headers: dict[str, str]) -> None:
    assert eventually(lambda: shop.get("/", headers=headers).status_code == 401, A_BUSY_SECOND, "still let in")


def test_an_ended_session_is_refused_within_a_second(center: Center, remote: Remote) -> None:
    shop = remote()
    headers = bearer(center.token("ann"))
    other = bearer(center.token("ben"))
    center.gate.memory.catch_up()
    token = bearer(center.token("ann"))
    assert subject(shop, headers) == subject(shop, token) == "user:ann"

    with center.gate.change_unasked() as tx:
        end_sessions(tx, [center.session])

    refused_within_a_second(shop, token)
    assert subject(shop, headers) == "user:ann"  # another session of hers
    assert subject(shop, other) == "user:ben"


def test_whoever_is_signed_out_while_their_body_comes_may_nothing_more(center: Center) -> None:
    """The attack: to begin an upload, to be signed out, and to end it a day later.  Here the application asks."""
    guard = RemoteGuard(center.url, client=center.client, audience=APP)
    sent = f"Bearer {center.token('ann', APP)}".encode()
    with closing(guard):
        ann = now(guard.visitor(Shown(headers=[(b"authorization", sent)], method="PUT", path="/", peer="")))
        assert ann.may("edit", "dataset:sales")
        with center.gate.change_unasked() as tx:
            end_sessions(tx, [center.session])

        def is_refused() -> bool:
            with suppress(InvalidToken):
                ann.may("edit", "dataset:sales")
                return False
            return True

        eventually(is_refused, A_BUSY_SECOND)


def test_what_ended_before_the_application_started_is_known_to_it(center: Center, remote: Remote) -> None:
    token = center.token("ann")
    with center.gate.change_unasked() as tx:
        end_sessions(tx, [center.session])

    problem(remote().get("/", headers=bearer(token)), 401)


def test_a_disabled_account_and_an_enabled_one(center: Center, remote: Remote) -> None:
    shop = remote()
    opaque, _ = api_token(center, "ann")
    assert subject(shop, bearer(opaque)) == subject(shop, bearer(center.token("ann"))) == "user:ann"

    change_user(center.gate, ADMIN, "ann", UserChange(disabled=True))
    refused_within_a_second(shop, bearer(opaque))
    change_user(center.gate, ADMIN, "ann", UserChange(disabled=False))
    again = bearer(center.token("ann"))

    assert eventually(lambda: shop.get("/", headers=again).status_code == 200, A_BUSY_SECOND)


def test_a_revoked_api_token_is_refused_although_it_was_cached(center: Center, remote: Remote) -> None:
    shop = remote()
    opaque, identifier = api_token(center, "ann")
    assert subject(shop, bearer(opaque)) == "user:ann"

    revoke_api_token(center.gate, ADMIN, identifier)

    refused_within_a_second(shop, bearer(opaque))


def test_a_password_is_not_remembered_for_long(center: Center, remote: Remote) -> None:
    shop = remote()
    assert subject(shop, basic("ann", PASSWORD)) == "user:ann"

    change_user(center.gate, ADMIN, "ann", UserChange(disabled=True))

    refused_within_a_second(shop, basic("ann", PASSWORD))


def test_a_new_signing_key_is_fetched_at_once(center: Center, remote: Remote) -> None:
    shop = remote()
    assert subject(shop, bearer(center.token("ann"))) == "user:ann"

    key_rotation.rotate(center.gate, ADMIN)
    key_rotation.rotate(center.gate, ADMIN)

    assert subject(shop, bearer(center.token("ann"))) == "user:ann"


def test_made_up_key_ids_do_not_make_us_flood_the_server(center: Center, remote: Remote) -> None:
    shop = remote()
    good = center.token("ann")
    assert subject(shop, bearer(good)) == "user:ann"
    keys: Any = shop.app.guard._signed._keys  # type: ignore[attr-defined]
    before = keys.fetches

    for number in range(30):
        _, payload, signature = good.split(".")
        header = json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": f"made-up-{number}"}).encode()
        bent = f"{base64.urlsafe_b64encode(header).rstrip(b'=').decode()}.{payload}.{signature}"
        problem(shop.get("/", headers=bearer(bent)), 401)

    assert keys.fetches - before <= 4
    assert subject(shop, bearer(good)) == "user:ann"


# -- when the server is away ----------------------------------------------------------------------------------------


def test_without_the_server_what_was_known_holds_for_a_bounded_time(
    center: Center, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = remote(stale_for=2.5)
    known, opaque = bearer(center.token("ann")), bearer(api_token(center, "ann")[0])
    assert subject(shop, known) == subject(shop, opaque) == "user:ann"

    def away(*_: object, **__: object) -> httpx2.Response:
        raise httpx2.ConnectError("away")

    monkeypatch.setattr(shop.app.guard._talk._http, "request", away)  # type: ignore[attr-defined]
    assert subject(shop, known) == "user:ann"
    assert subject(shop, bearer(center.token("ben"))) == "user:ben"  # the keys are here
    problem(shop.get("/datasets/sales", headers=known), 503)  # no answer is not a no
    problem(shop.get("/", headers=basic("ann", PASSWORD)), 503)

    assert eventually(lambda: shop.get("/", headers=known).status_code == 503, 6)
    problem(shop.get("/", headers=opaque), 503)
    problem(shop.get("/"), 503)


def test_without_the_keys_no_token_is_judged(center: Center, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither let in nor called bad: the server's key set is what is missing."""

    def away(*_: object, **__: object) -> None:
        raise ProviderFailed("Gatepost: no answer when asked for the key set")

    monkeypatch.setattr("gatepost.sso.http.ProviderHttp.get", away)
    shop = remote()

    problem(shop.get("/", headers=bearer(center.token("ann"))), 503)
    assert subject(shop, bearer(api_token(center, "ann")[0])) == "user:ann"


def test_in_flask_it_is_the_same(center: Center) -> None:
    from flask import Flask

    from gatepost.wsgi import Authentication, require, visitor

    app = Flask("shop")

    @app.get("/datasets/<id>")
    @require("edit", "dataset:{id}")
    def edit(id: str) -> str:  # noqa: A002 - the parameter of the path
        return str(visitor().subject)

    guarded = Authentication(app.wsgi_app, server=center.url, client=center.client)
    app.wsgi_app = guarded  # type: ignore[method-assign]
    client = app.test_client(use_cookies=False)
    ann, ben, cy = (bearer(center.token(name)) for name in ("ann", "ben", "cy"))
    statuses = [client.get("/datasets/sales", headers=headers).status_code for headers in (ann, ben, cy, {})]
    assert statuses == [200, 403, 404, 401]

    with center.gate.change_unasked() as tx:
        end_sessions(tx, [center.session])  # Cy's
    try:
        assert eventually(lambda: client.get("/datasets/sales", headers=cy).status_code == 401, A_BUSY_SECOND)
        assert client.get("/datasets/sales", headers=ann).text == "user:ann"
    finally:
        guarded.close()


def test_an_application_that_starts_before_the_server(center: Center, remote: Remote) -> None:
    from gatepost.asgi import Authentication
    from tests.asgi.conftest import application, client_of

    shop = client_of(Authentication(application(), server="http://127.0.0.1:1", client=center.client))

    problem(shop.get("/", headers=bearer(center.token("ann"))), 503)
    problem(shop.get("/"), 503)


@pytest.mark.parametrize("client", [("shop", "gp_wrong"), ("nobody", "gp_x")])
def test_an_application_that_is_refused_itself_blames_no_visitor(center: Center, remote: Remote, client: Any) -> None:
    problem(remote(client=client).get("/", headers=bearer(center.token("ann"))), 503)


def test_a_client_without_the_right_to_ask(center: Center, remote: Remote) -> None:
    from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token

    create_role(center.gate, ADMIN, "little", ["dataset:view"])
    made = issue_service_token(center.gate, ADMIN, WantedServiceToken(name="poor", role="little"))

    problem(remote(client=("poor", made.secret)).get("/", headers=bearer(center.token("ann"))), 503)
    url = f"{center.url}/api/v1/revocations"
    assert httpx2.get(url, headers=bearer(made.secret)).status_code == 403
    assert httpx2.get(url).status_code == 401


# -- may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", ["", APP])
def test_require_asks_the_server(center: Center, remote: Remote, audience: str) -> None:
    shop = remote(audience=audience)
    ann, ben, cy = (bearer(center.token(name, audience)) for name in ("ann", "ben", "cy"))

    assert shop.get("/datasets/sales", headers=ann).status_code == 200
    assert shop.put("/datasets/sales", headers=ann).status_code == 200
    assert shop.get("/datasets/sales", headers=ben).status_code == 200
    problem(shop.put("/datasets/sales", headers=ben), 403, "forbidden")
    problem(shop.put("/datasets/sales", headers=cy), 404, "not_found")
    problem(shop.put("/datasets/sales"), 401, "unauthenticated")
    problem(shop.put("/datasets/collection:sales", headers=ann), 404)
    assert shop.get("/inside/sales", headers=ann).json() == {"editable": True}
    assert shop.get("/misspelt/sales", headers=ann).status_code == 500


@pytest.mark.parametrize("audience", ["", APP])
def test_a_scope_is_a_ceiling_whoever_asks(center: Center, remote: Remote, audience: str) -> None:
    """Whoever asks about somebody else asks without the ceiling of that one's token."""
    shop = remote(audience=audience)
    narrow = bearer(center.token("ann", audience, Scope.parse("dataset:view")))

    assert shop.get("/datasets/sales", headers=narrow).status_code == 200
    problem(shop.put("/datasets/sales", headers=narrow), 403)


def test_a_role_for_this_call_alone(center: Center, remote: Remote) -> None:
    create_role(center.gate, ADMIN, "clerk", ["collection:view"])
    assign_role(center.gate, ADMIN, "clerk", "user:ann")
    create_role(center.gate, ADMIN, "chief", ["dataset:delete", "dataset:edit"])
    assign_role(center.gate, ADMIN, "chief", "user:ann")
    headers = bearer(center.token("ann"))

    shop = remote()
    assert shop.put("/datasets/other", headers=headers).status_code == 200
    problem(shop.put("/datasets/other", headers=headers | {"X-Gatepost-Role": "clerk"}), 404)
    problem(shop.put("/datasets/other", headers=headers | {"X-Gatepost-Role": "admin"}), 403)
    foreign = bearer(center.token("ann", APP)) | {"X-Gatepost-Role": "clerk"}
    problem(remote(audience=APP).get("/datasets/sales", headers=foreign), 400)


def test_the_applications_own_secret_is_nowhere_to_be_read(center: Center, remote: Remote) -> None:
    shop = remote()
    shop.get("/", headers=bearer(center.token("ann")))

    guard = shop.app.guard  # type: ignore[attr-defined]
    assert center.client[1] not in repr(guard) + repr(guard._talk) + repr(vars(guard._following))


def test_a_client_is_needed(center: Center, remote: Remote) -> None:
    for client in (None, ("shop", ""), ("", "gp_x")):
        with pytest.raises(ConfigurationError):
            remote(client=client)
