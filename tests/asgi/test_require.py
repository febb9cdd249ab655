"""What `require` lets through and how it refuses: 401, 403 and 404 as the contract has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from gatepost.asgi import Authentication, Refused, Visitor, require
from gatepost.errors import ConfigurationError, InvalidToken
from gatepost.fastapi import any_principal, current_principal, requires
from gatepost.guard import Embedded
from gatepost.guard.visitor import Shown, now
from gatepost.testing import TestGatepost
from gatepost.tokens.api_tokens import revoke_api_token
from tests.asgi.conftest import client_of
from tests.asgi.test_authentication import refused_socket
from tests.server.calling import problem


@pytest.fixture
def granted(gatepost: TestGatepost) -> TestGatepost:
    gatepost.allow("user:ann", "edit", "dataset:sales")
    gatepost.allow("user:ben", "view", "dataset:sales")
    return gatepost


def test_who_may_gets_through(shop: TestClient, granted: TestGatepost) -> None:
    ann = granted.as_user("ann")

    assert shop.get("/datasets/sales", headers=ann).text == "the numbers of sales"
    assert shop.put("/datasets/sales", headers=ann).text == "sales was changed"


def test_what_one_sees_and_may_not_change_is_403(shop: TestClient, granted: TestGatepost) -> None:
    problem(shop.put("/datasets/sales", headers=granted.as_user("ben")), 403, "forbidden")


def test_what_one_cannot_see_is_404_like_what_is_not_there(shop: TestClient, granted: TestGatepost) -> None:
    cy = granted.as_user("cy")

    there, nowhere = shop.put("/datasets/sales", headers=cy), shop.put("/datasets/nothing", headers=cy)
    problem(there, 404, "not_found")
    assert there.json()["detail"].replace("sales", "nothing") == nowhere.json()["detail"]
    assert shop.get("/datasets/sales", headers=cy).status_code == 404


def test_whoever_is_anonymous_is_asked_to_sign_in(shop: TestClient, granted: TestGatepost) -> None:
    for answer in (shop.get("/datasets/sales"), shop.put("/datasets/nothing"), shop.get("/datasets/a:b")):
        problem(answer, 401, "unauthenticated")
    granted.allow("anonymous:*", "view", "dataset:sales")

    assert shop.get("/datasets/sales").status_code == 200
    problem(shop.put("/datasets/sales"), 401)


@pytest.mark.parametrize(
    "path",
    ["collection:sales", "sales%23owner", "sales%3Ax", "sales%20", "%2A", "sales%00", "sales@user:ann", "%C2%A0sales"],
)
def test_the_path_cannot_say_another_type_or_a_relation(shop: TestClient, granted: TestGatepost, path: str) -> None:
    granted.allow("user:ann", "edit", "collection:sales")
    granted.user("ann", roles=["admin"])  # whoever may everything may still not name what is nothing

    answer = shop.put(f"/datasets/{path}", headers=granted.as_user("ann"))
    problem(answer, 404)


def test_a_taken_back_right_counts_with_the_next_request(shop: TestClient, granted: TestGatepost) -> None:
    ben = granted.as_user("ben")
    assert shop.get("/datasets/sales", headers=ben).status_code == 200

    granted.forbid("user:ben", "dataset:sales")

    assert shop.get("/datasets/sales", headers=ben).status_code == 404


def test_a_tokens_scope_is_a_ceiling(shop: TestClient, granted: TestGatepost) -> None:
    token = granted.token("user:ann", scope="dataset:view")
    headers = {"Authorization": f"Bearer {token}"}

    assert shop.get("/datasets/sales", headers=headers).status_code == 200
    problem(shop.put("/datasets/sales", headers=headers), 403)


def test_a_method_of_an_endpoint_class(shop: TestClient, granted: TestGatepost) -> None:
    granted.allow("user:ann", "view", "collection:sales")

    assert shop.get("/notes/sales", headers=granted.as_user("ann")).text == "notes on sales"
    problem(shop.get("/notes/sales", headers=granted.as_user("ben")), 404)


def test_asking_inside_an_endpoint(shop: TestClient, granted: TestGatepost) -> None:
    assert shop.get("/inside/sales", headers=granted.as_user("ann")).json() == {"editable": True}
    assert shop.get("/inside/sales", headers=granted.as_user("ben")).json() == {"editable": False}
    problem(shop.get("/inside/sales", headers=granted.as_user("cy")), 404)


def test_a_websocket_that_one_may_not_open(shop: TestClient, granted: TestGatepost) -> None:
    with shop.websocket_connect("/watch/sales", headers=granted.as_user("ben")) as socket:
        assert socket.receive_text() == "watching"
    assert refused_socket(shop, "/watch/sales", granted.as_user("cy")) == 404
    assert refused_socket(shop, "/watch/sales", {}) == 401


def test_a_question_that_the_model_does_not_know_is_a_bug_and_no_answer(
    shop: TestClient, granted: TestGatepost
) -> None:
    answer = shop.get("/misspelt/sales", headers=granted.as_user("ann"))

    assert answer.status_code == 500
    assert "datasett" not in answer.text


def test_an_error_of_gateposts_in_the_application_reads_as_one(shop: TestClient) -> None:
    problem(shop.get("/clashing"), 409, "conflict")


def test_what_the_applications_own_client_cannot_reach_is_not_told(shop: TestClient) -> None:
    """The SDK's errors are of one family with the refusals, and name a server that no visitor knows of."""
    answer = shop.get("/elsewhere")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


@pytest.mark.parametrize("place", ["/raw/sales", "/mounted/raw/sales"])
def test_a_refusal_that_no_endpoint_foresaw_is_answered_as_one(
    shop: TestClient, granted: TestGatepost, place: str
) -> None:
    """Starlette makes a 500 of an error that it does not know: then nobody is ever asked to sign in."""
    assert shop.get(place, headers=granted.as_user("ann")).text == "raw"
    problem(shop.get(place, headers=granted.as_user("ben")), 403, "forbidden")
    problem(shop.get(place, headers=granted.as_user("cy")), 404, "not_found")
    anonymous = shop.get(place)
    problem(anonymous, 401, "unauthenticated")
    assert anonymous.headers["WWW-Authenticate"] == 'Bearer realm="gatepost"'
    assert shop.get("/mounted/broken").status_code == 500


def test_half_an_answer_is_not_made_another(shop: TestClient) -> None:
    answer = shop.get("/late")

    assert (answer.status_code, answer.text) == (200, "half")


def test_a_websocket_that_no_endpoint_foresaw_to_refuse(shop: TestClient, granted: TestGatepost) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, shop.websocket_connect("/raw-socket/sales"):
        raise AssertionError("opened")
    assert refused.value.status_code == 401

    with (
        shop.websocket_connect("/raw-socket/sales?open=1", headers=granted.as_user("ben")) as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()
    assert closed.value.code == 1008


def test_pages_of_the_applications_own(granted: TestGatepost) -> None:
    @require("view", "dataset:{id}")
    async def view(_: Request) -> Response:
        return PlainTextResponse("shown")

    async def page(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return PlainTextResponse(f"sorry: {error.status_code} {error.error.code}", error.status_code)

    handlers: Any = {Refused: page}
    shop = client_of(
        Authentication(Starlette(routes=[Route("/{id}", view)], exception_handlers=handlers), gate=granted.gate)
    )

    assert shop.get("/sales", headers=granted.as_user("cy")).text == "sorry: 404 not_found"


def test_what_cannot_work_says_so_where_it_is_written() -> None:
    with pytest.raises(ConfigurationError, match="type:id"):
        require("view", "dataset")
    with pytest.raises(ConfigurationError, match="each method"):
        require("view", "dataset:{id}")(type("Notes", (), {}))


def test_an_endpoint_without_a_request_and_an_application_without_the_middleware(granted: TestGatepost) -> None:
    app = FastAPI()

    @app.get("/{id}")
    @require("view", "dataset:{id}")
    async def view(id: str) -> str:  # noqa: A002 - the parameter of the path
        return id

    for wrong in (Authentication(app, gate=granted.gate), app):
        with pytest.raises(ConfigurationError):
            TestClient(wrong).get("/sales")


# -- FastAPI --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["around the application", "among its middleware"])
def api(request: pytest.FixtureRequest, granted: TestGatepost) -> Iterator[TestClient]:
    app = FastAPI()

    @app.get("/me")
    async def me(who: Annotated[Visitor, Depends(current_principal)]) -> str:
        return str(who.subject)

    @app.get("/hello")
    async def hello(who: Annotated[Visitor, Depends(any_principal)]) -> str:
        return str(who.subject)

    @app.get("/datasets/{id}")
    async def read(id: str, who: Annotated[Visitor, Depends(requires("view", "dataset:{id}"))]) -> str:  # noqa: A002
        return f"{who.subject} reads {id}"

    @app.put("/datasets/{id}", dependencies=[Depends(require("edit", "dataset:{id}"))])
    def change(id: int | str) -> str:  # noqa: A002
        return f"changed {id}"

    @app.get("/raw/{id}")
    def raw(id: str, who: Annotated[Visitor, Depends(any_principal)]) -> str:  # noqa: A002
        who.require("edit", f"dataset:{id}")
        return "raw"

    @app.delete("/datasets/{id}")
    @require("delete", "dataset:{id}")
    async def delete(request: Request) -> str:
        return f"deleted {request.path_params['id']}"

    if request.param == "around the application":
        yield TestClient(Authentication(app, gate=granted.gate))
    else:
        app.add_middleware(Authentication, gate=granted.gate)
        yield TestClient(app)


def test_the_current_principal_is_signed_in(api: TestClient, granted: TestGatepost) -> None:
    assert api.get("/me", headers=granted.as_user("ann")).json() == "user:ann"
    problem(api.get("/me"), 401, "unauthenticated")
    assert api.get("/hello").json() == "anonymous:*"


def test_requires_as_a_dependency(api: TestClient, granted: TestGatepost) -> None:
    ann, ben, cy = (granted.as_user(name) for name in ("ann", "ben", "cy"))

    assert api.get("/datasets/sales", headers=ben).json() == "user:ben reads sales"
    problem(api.get("/datasets/sales", headers=cy), 404)
    problem(api.get("/datasets/sales"), 401)
    assert api.put("/datasets/sales", headers=ann).json() == "changed sales"
    problem(api.put("/datasets/sales", headers=ben), 403)
    problem(api.delete("/datasets/sales", headers=ann), 403)
    problem(api.get("/raw/sales", headers=ben), 403)
    problem(api.get("/raw/sales"), 401)
    granted.allow("user:ann", "delete", "dataset:sales")
    assert api.delete("/datasets/sales", headers=ann).json() == "deleted sales"


def test_its_openapi_shows_how_to_sign_in(api: TestClient) -> None:
    described = api.get("/openapi.json").json()
    schemes = described["components"]["securitySchemes"]

    assert {name: (it["type"], it.get("scheme") or it.get("name")) for name, it in schemes.items()} == {
        "Bearer": ("http", "bearer"),
        "Basic": ("http", "basic"),
        "Session": ("apiKey", "gp_session"),
    }
    assert described["paths"]["/me"]["get"]["security"] == [{"Bearer": []}, {"Basic": []}, {"Session": []}]
    assert "security" in described["paths"]["/datasets/{id}"]["get"]
    # What a dependency needs from the request is no parameter that a client sends.
    assert [it["name"] for it in described["paths"]["/datasets/{id}"]["put"]["parameters"]] == ["id"]


def test_whoever_is_signed_out_while_their_body_comes_may_nothing_more(granted: TestGatepost) -> None:
    """The attack: to begin an upload, to be signed out, and to end it a day later."""
    token = granted.token("user:ann")
    guard = Embedded(granted.gate)
    shown = Shown(headers=[(b"authorization", f"Bearer {token}".encode())], method="PUT", path="/", peer="")
    ann = now(guard.visitor(shown))
    assert ann.may("edit", "dataset:sales")

    revoke_api_token(granted.gate, ann, ann.credential_id)

    with pytest.raises(InvalidToken):
        ann.may("edit", "dataset:sales")
    with pytest.raises(InvalidToken):
        ann.require("edit", "dataset:sales")
    with pytest.raises(InvalidToken):
        guard.reach(ann, "dataset", "edit")
