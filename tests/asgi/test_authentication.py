"""Who is calling an application: the credentials of the contract, and every way in which somebody might lie."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send

from gatepost.asgi import Authentication
from gatepost.directory.users import NewUser, create_user
from gatepost.errors import ConfigurationError
from gatepost.gate import Gatepost
from gatepost.guard import Embedded
from gatepost.guard.visitor import Shown, now
from gatepost.principal import FULL_SCOPE, Entity, Method
from gatepost.settings import Settings
from gatepost.testing import ADMIN, TestGatepost
from gatepost.tokens import access_tokens
from gatepost.tokens.sessions import Arrival, end_sessions, open_session
from tests.asgi.conftest import application, client_of, lives
from tests.conftest import OpenGate
from tests.loops import in_a_loop
from tests.server.calling import PROBLEM, basic, bearer, problem

PASSWORD = "plover-zinc-93-harbour"


def session_of(gate: Gatepost, name: str, *, cookie: bool = True) -> tuple[str, str]:
    """A sign-in of somebody: the secret of its cookie, and its id."""
    with gate.change_unasked() as tx:
        made = open_session(
            gate, tx, Entity("user", name), Arrival(method=Method.PASSWORD, address="", agent=""), cookie=cookie
        )
    return made.secret or "", made.record.id


def access_token(gate: Gatepost, name: str, **changed: object) -> str:
    _, session = session_of(gate, name, cookie=False)
    return access_tokens.mint(
        gate, Entity("user", name), session=session, scope=FULL_SCOPE, client_id="test", extra=dict(changed)
    )


def test_nothing_sent_is_anonymous(shop: TestClient) -> None:
    assert shop.get("/").json()["subject"] == "anonymous:*"


def test_an_api_token_as_bearer_and_as_basic(shop: TestClient, gatepost: TestGatepost) -> None:
    token = gatepost.token(str(gatepost.user("alice")))

    for headers in (bearer(token), basic("alice", token), basic("__token__", token)):
        answer = shop.get("/", headers=headers).json()
        assert (answer["subject"], answer["method"], answer["user"]) == ("user:alice", "api_token", "user:alice")


def test_a_password_and_an_access_token(shop: TestClient, gatepost: TestGatepost) -> None:
    create_user(gatepost.gate, ADMIN, NewUser(username="alice", password=PASSWORD))

    assert shop.get("/", headers=basic("alice", PASSWORD)).json()["method"] == "password"
    assert shop.get("/", headers=bearer(access_token(gatepost.gate, "alice"))).json()["method"] == "access_token"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(bearer("gp_nonsense"), id="an unknown token"),
        pytest.param(bearer("nonsense"), id="no token of ours"),
        pytest.param(basic("alice", "wrong"), id="a wrong password"),
        pytest.param({"Cookie": "gp_session=made-up"}, id="a made-up session"),
        pytest.param({"Cookie": "gp_session=a; gp_session=b"}, id="two sessions"),
        pytest.param(bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOmFkbWluIn0."), id="alg none"),
    ],
)
def test_a_bad_credential_is_401_and_never_anonymous(shop: TestClient, headers: dict[str, str]) -> None:
    answer = shop.get("/", headers=headers)

    problem(answer, 401)
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    problem(shop.get("/open", headers=headers), 401)  # nor where no credential is needed


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Digest x"}, {"Authorization": "Bearer a b"}, {"Authorization": "Basic !"}]
)
def test_a_malformed_credential_is_400(shop: TestClient, headers: dict[str, str]) -> None:
    problem(shop.get("/", headers=headers), 400)


def test_two_authorization_headers_are_no_choice(shop: TestClient, gatepost: TestGatepost) -> None:
    good = gatepost.as_user("alice")["Authorization"]

    problem(shop.get("/", headers=[("Authorization", good), ("Authorization", good)]), 400)


def test_an_expired_and_a_revoked_token_are_401(shop: TestClient, gatepost: TestGatepost) -> None:
    gatepost.user("alice")
    _, session = session_of(gatepost.gate, "alice", cookie=False)
    alive = access_tokens.mint(
        gatepost.gate, Entity("user", "alice"), session=session, scope=FULL_SCOPE, client_id="test"
    )
    expired = access_token(gatepost.gate, "alice", exp=int(gatepost.gate.dice.clock()) - 1)
    other = access_token(gatepost.gate, "alice", aud="https://other.example")
    assert shop.get("/", headers=bearer(alive)).status_code == 200

    problem(shop.get("/", headers=bearer(expired)), 401)
    problem(shop.get("/", headers=bearer(other)), 401)
    with gatepost.gate.change_unasked() as tx:
        end_sessions(tx, [session])
    problem(shop.get("/", headers=bearer(alive)), 401)


def test_a_disabled_persons_token_is_401(shop: TestClient, gatepost: TestGatepost) -> None:
    headers = gatepost.as_user("alice")
    assert shop.get("/", headers=headers).status_code == 200

    gatepost.disable("alice")

    problem(shop.get("/", headers=headers), 401)


# -- what a client says of itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["X-Gatepost-User", "x-gatepost-user", "X_Gatepost_User", "X-Gatepost_Roles", "X-Gatepost-Identity"]
)
def test_identity_headers_of_a_gateway_are_not_taken_from_a_client(shop: TestClient, name: str) -> None:
    answer = shop.get("/", headers={name: "admin"}).json()

    assert answer["subject"] == "anonymous:*"
    assert answer["headers"] == []  # nor does the application behind read it


def test_a_principal_that_is_in_the_scope_already_is_not_believed(gatepost: TestGatepost) -> None:
    seen: list[Scope] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "gatepost": "admin", "user": "admin"}
    in_a_loop(Authentication(inner, gate=gatepost.gate), scope, _nothing, _nowhere)

    assert str(seen[0]["gatepost"].subject) == str(seen[0]["user"].subject) == "anonymous:*"
    assert scope["gatepost"] == "admin"  # the caller's own dictionary is left alone


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


async def _nowhere(_: Message) -> None:
    return None


def test_a_role_narrows_to_ones_own(shop: TestClient, gatepost: TestGatepost) -> None:
    gatepost.role("clerk", "dataset:view")
    gatepost.user("alice", roles=["clerk"])
    headers = gatepost.as_user("alice")

    assert shop.get("/", headers=headers | {"X-Gatepost-Role": "clerk"}).json()["role"] == "clerk"
    problem(shop.get("/", headers=headers | {"X-Gatepost-Role": "admin"}), 403)
    problem(shop.get("/", headers={"X-Gatepost-Role": "admin"}), 401)


# -- cookies --------------------------------------------------------------------------------------------------------


def test_a_cookie_writes_only_from_the_applications_own_pages(shop: TestClient, gatepost: TestGatepost) -> None:
    gatepost.user("alice")
    secret, _ = session_of(gatepost.gate, "alice")
    cookie = {"Cookie": f"gp_session={secret}"}

    assert shop.get("/", headers=cookie).json()["subject"] == "user:alice"
    problem(shop.post("/", headers=cookie), 403)
    problem(shop.post("/", headers=cookie | {"Origin": "https://evil.example"}), 403)
    problem(shop.post("/", headers=cookie | {"Origin": "null"}), 403)
    problem(shop.post("/", headers=cookie | {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}), 403)
    assert shop.post("/", headers=cookie | {"Origin": "http://app.example"}).json()["subject"] == "user:alice"
    assert shop.post("/", headers=cookie | {"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_a_token_beats_a_cookie(shop: TestClient, gatepost: TestGatepost) -> None:
    gatepost.user("alice")
    secret, _ = session_of(gatepost.gate, "alice")
    headers = gatepost.as_user("bob") | {"Cookie": f"gp_session={secret}"}

    assert shop.get("/", headers=headers).json()["subject"] == "user:bob"
    assert shop.post("/", headers=headers).json()["subject"] == "user:bob"


def test_on_tls_only_the_host_cookie_counts(open_gate: OpenGate, sqlite_url: str) -> None:
    from tests.conftest import settings_for

    settings = settings_for(sqlite_url)
    gate = open_gate(replace(settings, main=replace(settings.main, public_url="https://app.example")))
    secret, _ = session_of(gate, "admin")
    shop = client_of(Authentication(application(), gate=gate))

    assert shop.get("/", headers={"Cookie": f"gp_session={secret}"}).json()["subject"] == "anonymous:*"
    assert shop.get("/", headers={"Cookie": f"__Host-gp_session={secret}"}).json()["subject"] == "user:admin"


# -- where nobody is anonymous --------------------------------------------------------------------------------------


@pytest.fixture
def closed() -> Callable[[], TestGatepost]:
    settings = Settings()
    return lambda: TestGatepost(replace(settings, main=replace(settings.main, allow_anonymous_access=False)))


def test_without_anonymous_access_everything_but_public_paths_is_401(closed: Callable[[], TestGatepost]) -> None:
    with closed() as gatepost:
        gatepost.relate("dataset:sales", "viewer", "anonymous:*")
        shop = client_of(Authentication(application(), gate=gatepost.gate, public=["/open", "/datasets/sales"]))

        answer = shop.get("/")
        problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == 'Bearer realm="gatepost"'
        assert shop.get("/open").json()["subject"] == "anonymous:*"
        # A public path is shown; what takes a permission there still takes a sign-in, whatever a tuple says.
        problem(shop.get("/datasets/sales"), 401)
        problem(shop.get("/open/"), 401)


# -- the application behind -----------------------------------------------------------------------------------------


def test_the_applications_own_errors_stay_its_own(gatepost: TestGatepost) -> None:
    around = Authentication(application(), gate=gatepost.gate)

    with pytest.raises(ZeroDivisionError):
        TestClient(around, base_url="http://app.example").get("/broken")


def test_a_bug_of_the_application_is_a_plain_500(shop: TestClient) -> None:
    answer = shop.get("/broken")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_lifespan_reaches_the_application(shop: TestClient) -> None:
    lives.clear()
    with shop:
        assert lives == ["begun"]
        assert shop.get("/").status_code == 200
    assert lives == ["begun", "over"]


def test_a_scope_that_nobody_knows_is_not_let_through(gatepost: TestGatepost) -> None:
    async def inner(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise AssertionError("reached")

    with pytest.raises(TypeError):
        in_a_loop(Authentication(inner, gate=gatepost.gate), {"type": "raw", "headers": []}, _nothing, _nowhere)


def test_it_takes_a_gate_or_a_server(gatepost: TestGatepost) -> None:
    app = application()
    for wrong in (
        {},
        {"gate": gatepost.gate, "server": "https://gatepost.example"},
        {"server": "https://gatepost.example"},
    ):
        with pytest.raises(ConfigurationError):
            Authentication(app, **wrong)
    for other, says in ((gatepost, "is a TestGatepost: give its .gate"), ("https://gatepost.example", "is a str")):
        with pytest.raises(ConfigurationError, match=says):
            Authentication(app, other)  # type: ignore[arg-type]
    for server in ("http://gatepost.example", "ftp://x", "https://u:p@gatepost.example", "gatepost.example"):
        with pytest.raises(ConfigurationError):
            Authentication(app, server=server, client=("shop", "gp_x"))


# -- websockets -----------------------------------------------------------------------------------------------------


def test_a_websocket_knows_who_opened_it(shop: TestClient, gatepost: TestGatepost) -> None:
    with shop.websocket_connect("/echo", headers=gatepost.as_user("alice")) as socket:
        assert socket.receive_json()["subject"] == "user:alice"


def refused_socket(shop: TestClient, path: str, headers: dict[str, str]) -> int:
    """The status with which a websocket is refused before it opens."""
    with pytest.raises(WebSocketDenialResponse) as refused, shop.websocket_connect(path, headers=headers):
        raise AssertionError("opened")
    assert refused.value.headers["content-type"] == PROBLEM
    return refused.value.status_code


def test_a_websocket_with_a_bad_credential_does_not_open(shop: TestClient) -> None:
    assert refused_socket(shop, "/echo", bearer("gp_x")) == 401


def test_another_site_opens_no_websocket_with_a_cookie(shop: TestClient, gatepost: TestGatepost) -> None:
    """Browsers send cookies along with a websocket from any page, and ask nobody (CWE-1385)."""
    gatepost.user("alice")
    secret, _ = session_of(gatepost.gate, "alice")
    cookie = {"Cookie": f"gp_session={secret}"}

    assert refused_socket(shop, "/echo", cookie) == 403
    assert refused_socket(shop, "/echo", cookie | {"Origin": "https://evil.example"}) == 403
    with shop.websocket_connect("/echo", headers=cookie | {"Origin": "http://app.example"}) as socket:
        assert socket.receive_json()["subject"] == "user:alice"


def test_a_server_without_denials_closes_the_websocket(gatepost: TestGatepost) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"authorization", b"Bearer gp_nonsense")]
    scope = {"type": "websocket", "path": "/echo", "headers": headers, "client": None}
    in_a_loop(Authentication(application(), gate=gatepost.gate), scope, receive, send)

    assert [(m["type"], m["code"]) for m in sent] == [("websocket.close", 1008)]


# -- many at once ---------------------------------------------------------------------------------------------------


def test_no_principal_leaks_into_another_request(shop: TestClient, gatepost: TestGatepost) -> None:
    names = ["ann", "ben", "cy", "dee"]
    headers = {name: gatepost.as_user(name) for name in names}

    def ask(number: int) -> tuple[str, str]:
        name = names[number % 4] if number % 5 else ""
        return f"user:{name}" if name else "anonymous:*", shop.get("/", headers=headers.get(name, {})).json()["subject"]

    with shop, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(80)))

    assert [(expected, got) for expected, got in answers if expected != got] == []


def test_pending_work_never_blocks_the_loop(gatepost: TestGatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password takes as long as it takes; whoever comes with something known is answered meanwhile."""
    hashing, go_on = threading.Event(), threading.Event()
    guard = Embedded(gatepost.gate)

    def slow() -> object:
        hashing.set()
        assert go_on.wait(10)
        return now(guard.visitor(Shown(headers=[], method="GET", path="/", peer="")))

    app = Authentication(application(), gate=gatepost.gate)
    real = app.guard.visitor

    def visitor(shown: Shown) -> object:
        if any(value.startswith(b"Basic") for _, value in shown.headers):
            from gatepost.guard import Later

            return Later("passwords", slow)
        return real(shown)

    monkeypatch.setattr(app.guard, "visitor", visitor)
    with client_of(app) as shop, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(shop.get, "/", headers=basic("alice", "x"))
        assert hashing.wait(10)
        assert shop.get("/").status_code == 200  # on the loop that the password would hold up
        assert not waiting.done()
        go_on.set()
        assert waiting.result(10).status_code == 200


def test_memory_that_is_too_old_lets_nobody_in(gatepost: TestGatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = gatepost.as_user("alice")
    shop = client_of(Authentication(application(), gate=gatepost.gate))
    assert shop.get("/", headers=headers).status_code == 200

    monkeypatch.setattr(gatepost.gate.memory, "_stale_for", -1.0)

    problem(shop.get("/", headers=headers), 503)


def test_services_are_on_record(shop: TestClient, gatepost: TestGatepost) -> None:
    """DH-17: each call made with a service token."""
    assert shop.get("/", headers=gatepost.as_service("etl")).json()["subject"] == "service:etl"
    gatepost.gate.journal.flush()

    from sqlalchemy import select

    from gatepost.store import tables

    with gatepost.gate.database.read() as connection:
        found = connection.execute(select(tables.audit.c.target).where(tables.audit.c.event == "service.called")).all()
    assert [row.target for row in found] == ["GET /"]
