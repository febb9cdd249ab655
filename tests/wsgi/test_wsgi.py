"""The same in a Flask application, and in one that is nothing but WSGI."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from gatepost.client.errors import Unreachable
from gatepost.errors import ConfigurationError, GatepostError
from gatepost.testing import TestGatepost
from gatepost.wsgi import Authentication, authorize, current_principal, may, require, visitor
from tests.asgi.test_authentication import session_of
from tests.server.calling import PROBLEM, basic, bearer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@pytest.fixture
def gatepost() -> Iterator[TestGatepost]:
    with TestGatepost() as double:
        double.allow("user:ann", "edit", "dataset:sales")
        double.allow("user:ben", "view", "dataset:sales")
        yield double


def flask() -> Flask:
    app = Flask("shop")

    @app.get("/")
    @app.post("/")
    def me() -> str:
        return str(visitor().subject)

    @app.get("/mine")
    def mine() -> str:
        return current_principal().display_name

    @app.get("/datasets/<id>")
    @require("view", "dataset:{id}")
    def read(id: str) -> dict[str, Any]:  # noqa: A002 - the parameter of the path
        return {"id": id, "editable": may("edit", f"dataset:{id}")}

    @app.put("/datasets/<path:id>")
    def change(id: str) -> str:  # noqa: A002
        authorize("edit", f"dataset:{id}")
        return "changed"

    @app.get("/raw/<id>")
    def raw(id: str) -> str:  # noqa: A002
        visitor().require("edit", f"dataset:{id}")
        return "raw"

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError

    @app.get("/elsewhere")
    def elsewhere() -> str:
        raise Unreachable("http://inside.example:8420 cannot be reached")

    @app.errorhandler(404)
    def missing(_: HTTPException) -> tuple[str, int]:
        return "a page of the application's", 404

    return app


@pytest.fixture
def shop(gatepost: TestGatepost) -> Client:
    app = flask()
    app.wsgi_app = Authentication(app.wsgi_app, gate=gatepost.gate, origins=["http://localhost"])  # type: ignore[method-assign]
    return app.test_client(use_cookies=False)


def refused(answer: Any, status: int, code: str = "") -> None:
    assert (answer.status_code, answer.content_type) == (status, PROBLEM)
    assert answer.json["status"] == status
    assert not code or answer.json["code"] == code
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_who_is_calling(shop: Client, gatepost: TestGatepost) -> None:
    token = gatepost.token("user:ann")

    assert shop.get("/").text == "anonymous:*"
    assert shop.get("/", headers=bearer(token)).text == shop.get("/", headers=basic("ann", token)).text == "user:ann"
    assert shop.get("/mine", headers=bearer(token)).text == "ann"
    refused(shop.get("/mine"), 401, "unauthenticated")


@pytest.mark.parametrize("headers", [bearer("gp_x"), bearer("x"), basic("ann", "x"), {"Cookie": "gp_session=x"}])
def test_a_bad_credential_is_401_and_never_anonymous(shop: Client, headers: dict[str, str]) -> None:
    refused(shop.get("/", headers=headers), 401, "")


def test_a_cookie_writes_only_from_the_applications_own_pages(shop: Client, gatepost: TestGatepost) -> None:
    secret, _ = session_of(gatepost.gate, "ann")
    cookie = {"Cookie": f"gp_session={secret}"}

    assert shop.get("/", headers=cookie).text == "user:ann"
    refused(shop.post("/", headers=cookie), 403)
    refused(shop.post("/", headers=cookie | {"Origin": "https://evil.example"}), 403)
    assert shop.post("/", headers=cookie | {"Origin": "http://localhost"}).text == "user:ann"


def test_require(shop: Client, gatepost: TestGatepost) -> None:
    ann, ben, cy = (gatepost.as_user(name) for name in ("ann", "ben", "cy"))

    assert shop.get("/datasets/sales", headers=ann).json == {"id": "sales", "editable": True}
    assert shop.get("/datasets/sales", headers=ben).json == {"id": "sales", "editable": False}
    refused(shop.get("/datasets/sales", headers=cy), 404, "not_found")
    refused(shop.get("/datasets/sales"), 401, "unauthenticated")
    assert shop.put("/datasets/sales", headers=ann).text == "changed"
    refused(shop.put("/datasets/sales", headers=ben), 403, "forbidden")
    refused(shop.put("/datasets/sales", headers=cy), 404)


@pytest.mark.parametrize("path", ["collection:sales", "sales%23owner", "%2A", "sales%20x"])
def test_the_path_cannot_say_another_type_or_a_relation(shop: Client, gatepost: TestGatepost, path: str) -> None:
    gatepost.user("ann", roles=["admin"])

    refused(shop.get(f"/datasets/{path}", headers=gatepost.as_user("ann")), 404)
    refused(shop.get(f"/datasets/{path}"), 401)


def test_identity_headers_and_environ_of_a_client_are_not_believed(gatepost: TestGatepost) -> None:
    seen: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        start("200 OK", [])
        return [b""]

    Client(Authentication(app, gate=gatepost.gate)).get(
        "/",
        headers={"X-Gatepost-User": "admin"},
        environ_overrides={"gatepost": "admin", "HTTP_X_GATEPOST_ROLES": "admin"},
    )

    assert str(seen[0]["gatepost"].subject) == "anonymous:*"
    assert [name for name in seen[0] if name.startswith("HTTP_X_GATEPOST")] == []


def test_without_a_framework_a_refusal_is_answered_too(gatepost: TestGatepost) -> None:
    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["gatepost"].require("edit", "dataset:sales")
        start("200 OK", [])
        return [b"changed"]

    client = Client(Authentication(app, gate=gatepost.gate))

    assert client.put("/", headers=gatepost.as_user("ann")).text == "changed"
    refused(client.put("/", headers=gatepost.as_user("ben")), 403)
    refused(client.put("/", headers=gatepost.as_user("cy")), 404)


def test_the_applications_own_errors_and_pages_stay_its_own(shop: Client) -> None:
    assert shop.get("/broken").status_code == 500
    assert shop.get("/nowhere").text == "a page of the application's"


@pytest.mark.parametrize("within", ["nothing", "a proxy's fix"])
def test_a_refusal_that_no_view_foresaw_is_answered_as_one(gatepost: TestGatepost, within: str) -> None:
    """Flask makes a 500 of an error that it does not know: then nobody is ever asked to sign in."""
    app = flask()
    inner = app.wsgi_app if within == "nothing" else ProxyFix(app.wsgi_app)
    shop = Client(Authentication(inner, gate=gatepost.gate))

    assert shop.get("/raw/sales", headers=gatepost.as_user("ann")).text == "raw"
    refused(shop.get("/raw/sales", headers=gatepost.as_user("ben")), 403, "forbidden")
    refused(shop.get("/raw/sales", headers=gatepost.as_user("cy")), 404, "not_found")
    refused(shop.get("/raw/sales"), 401, "unauthenticated")
    assert shop.get("/broken").status_code == 500


def test_what_the_applications_own_client_cannot_reach_is_not_told(gatepost: TestGatepost) -> None:
    """The SDK's errors are of one family with the refusals, and name a server that no visitor knows of."""
    answer = Client(Authentication(flask().wsgi_app, gate=gatepost.gate)).get("/elsewhere")
    assert (answer.status_code, "inside" in answer.text) == (500, False)

    def bare(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise Unreachable("http://inside.example:8420 cannot be reached")

    with pytest.raises(Unreachable):
        Client(Authentication(bare, gate=gatepost.gate)).get("/")


def test_an_application_that_answers_refusals_itself_goes_on_doing_so(gatepost: TestGatepost) -> None:
    app = flask()
    app.register_error_handler(GatepostError, lambda error: (f"sorry: {error.code}", error.status))
    shop = Client(Authentication(app.wsgi_app, gate=gatepost.gate))

    assert shop.get("/raw/sales", headers=gatepost.as_user("ben")).text == "sorry: forbidden"
    again = Client(Authentication(app.wsgi_app, gate=gatepost.gate))
    assert again.get("/raw/sales").text == "sorry: unauthenticated"


def test_no_principal_outlives_its_request(shop: Client, gatepost: TestGatepost) -> None:
    assert shop.get("/", headers=gatepost.as_user("ann")).status_code == 200

    with pytest.raises(ConfigurationError, match="no request"):
        visitor()
    assert shop.get("/").text == "anonymous:*"


def test_requests_at_the_same_time_do_not_see_each_other(gatepost: TestGatepost) -> None:
    """Ann's request is held open while Ben's comes and goes, on another thread and on the same one."""
    inside, go_on = threading.Event(), threading.Event()

    def app(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            inside.set()
            assert go_on.wait(10)
        start("200 OK", [])
        return [visitor().display_name.encode()]

    client = Client(Authentication(app, gate=gatepost.gate))
    answers: list[str] = []
    ann, ben = gatepost.as_user("ann"), gatepost.as_user("ben")
    slow = threading.Thread(target=lambda: answers.append(client.get("/slow", headers=ann).text))
    slow.start()
    assert inside.wait(10)
    assert client.get("/", headers=ben).text == "ben"
    go_on.set()
    slow.join(10)

    assert answers == ["ann"]


def test_nobody_without_a_credential_where_that_is_off(gatepost: TestGatepost) -> None:
    from dataclasses import replace

    from gatepost.settings import Settings

    settings = Settings()
    with TestGatepost(replace(settings, main=replace(settings.main, allow_anonymous_access=False))) as closed:
        app = flask()
        client = Client(Authentication(app.wsgi_app, gate=closed.gate, public=["/", "/datasets/sales"]))
        assert client.get("/").text == "anonymous:*"
        refused(client.get("/mine"), 401)
        closed.relate("dataset:sales", "viewer", "anonymous:*")
        refused(client.get("/datasets/sales"), 401)
