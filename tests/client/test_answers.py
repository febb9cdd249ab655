"""Answers as values, problems as errors, and what is not Gatepost as exactly that."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import httpx2
import pytest

from gatepost import errors
from gatepost.client import AsyncClient, Bearer, Client, Password, Retry
from gatepost.client import errors as client_errors
from gatepost.client.answers import Decision
from gatepost.client.errors import ClientError, NotGatepost, Refused
from tests.client.rotation import problem
from tests.loops import in_a_loop

URL = "http://gate.example"


def client_of(*responses: httpx2.Response, seen: list[httpx2.Request] | None = None) -> Client:
    waiting = list(responses)

    def handle(request: httpx2.Request) -> httpx2.Response:
        if seen is not None:
            seen.append(request)
        return waiting.pop(0)

    return Client(URL, Bearer("gp_hunter2"), transport=httpx2.MockTransport(handle), retry=Retry(attempts=1))


def test_an_answer_is_a_value_and_what_is_new_in_it_is_left_out() -> None:
    body = {"id": "1", "name": "ci", "scopes": ["a:b"], "expires_at": "2027-01-31T12:00:00Z", "moon": 1, "owner": None}
    with client_of(httpx2.Response(201, json=body)) as client:
        token = client.create_token("ci")

    assert token.scopes == ("a:b",)
    assert token.expires_at == datetime(2027, 1, 31, 12, tzinfo=UTC)
    assert token.owner == ""


def test_pages_are_fetched_when_they_are_needed() -> None:
    seen: list[httpx2.Request] = []
    pages = (
        httpx2.Response(200, json={"items": [{"name": "a"}, {"name": "b"}], "next_cursor": "c2"}),
        httpx2.Response(200, json={"items": [{"name": "c"}], "next_cursor": None}),
    )
    with client_of(*pages, seen=seen) as client:
        groups = client.groups(limit=2)
        assert next(groups).name == "a"
        assert len(seen) == 1
        assert [group.name for group in groups] == ["b", "c"]

    assert [dict(request.url.params) for request in seen] == [{"limit": "2"}, {"limit": "2", "cursor": "c2"}]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", errors.InvalidRequest),
        (401, "unauthenticated", errors.Unauthenticated),
        (401, "invalid_token", errors.InvalidToken),
        (401, "invalid_credentials", errors.InvalidCredentials),
        (403, "forbidden", errors.Forbidden),
        (404, "not_found", errors.NotFound),
        (409, "conflict", errors.Conflict),
        (409, "already_exists", errors.AlreadyExists),
        (413, "too_large", errors.TooLarge),
        (421, "misdirected_request", errors.Misdirected),
        (422, "invalid_field", errors.InvalidField),
        (429, "too_many_requests", errors.Throttled),
        (502, "provider_failed", errors.ProviderFailed),
        (503, "temporarily_unavailable", errors.Unavailable),
        (418, "teapot", client_errors.Refused),
        (500, "server_error", client_errors.ServerFailed),
    ],
)
def test_an_error_is_the_same_class_embedded_and_remote(status: int, code: str, kind: type[Exception]) -> None:
    with client_of(problem(status, code)) as client, pytest.raises(kind) as raised:
        client.me()

    assert isinstance(raised.value, Refused)
    assert raised.value.problem.status == status
    assert raised.value.problem.code == code


def test_a_code_may_stand_beside_the_type() -> None:
    response = problem(409, "conflict", type="https://gatepost.example/errors#taken", code="already_exists")
    with client_of(response) as client, pytest.raises(errors.AlreadyExists):
        client.create_group("g")


@pytest.mark.parametrize("listed", [{"name": "too long"}, [{"field": "name", "message": "too long"}]])
def test_wrong_fields_are_named(listed: object) -> None:
    response = problem(422, "invalid_field", detail="", errors=listed)
    with client_of(response) as client, pytest.raises(errors.InvalidField, match="name: too long") as raised:
        client.create_group("g")

    assert raised.value.fields == {"name": "too long"}


def test_a_conflict_lists_what_stands_in_the_way() -> None:
    response = problem(409, "conflict", items=["collection:a"])
    with client_of(response) as client, pytest.raises(errors.Conflict, match="collection:a") as raised:
        client.delete_user("a")

    assert raised.value.items == ("collection:a",)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(httpx2.Response(200, text="<html>", headers={"Content-Type": "text/html"}), id="a web page"),
        pytest.param(httpx2.Response(404, text="nginx"), id="another server's 404"),
        pytest.param(httpx2.Response(302, headers={"Location": "https://evil.example"}), id="a redirect"),
        pytest.param(httpx2.Response(200, text="{", headers={"Content-Type": "application/json"}), id="broken JSON"),
        pytest.param(httpx2.Response(200, json=[1]), id="another shape"),
        pytest.param(httpx2.Response(200, json={"kind": 7}), id="another type"),
        pytest.param(httpx2.Response(200, json={}), id="a member is missing"),
    ],
)
def test_what_is_not_gatepost_is_said_so(response: httpx2.Response) -> None:
    with client_of(response) as client, pytest.raises(NotGatepost):
        client.me()


def test_a_gateways_503_is_an_outage_and_not_a_stranger() -> None:
    with client_of(httpx2.Response(503, text="<html>")) as client, pytest.raises(errors.Unavailable):
        client.me()


def test_reads_follow_our_own_writes() -> None:
    seen: list[httpx2.Request] = []
    revisions = ["e1.7", "e1.5", "e2.1", None]
    responses = [
        httpx2.Response(200, json={"kind": "user"}, headers={"Gatepost-Revision": revision} if revision else {})
        for revision in revisions
    ]
    with client_of(*responses, seen=seen) as client:
        for _ in revisions:
            client.me()

    # An older revision of the same history is not newer; another epoch is another history.
    assert [request.headers.get("Gatepost-At-Least") for request in seen] == [None, "e1.7", "e1.7", "e2.1"]


def test_a_role_narrows_every_call() -> None:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"kind": "user"})

    with Client(URL, role="reader", transport=httpx2.MockTransport(handle)) as client:
        client.me()

    assert seen[0].headers["X-Gatepost-Role"] == "reader"
    assert "Authorization" not in seen[0].headers


def test_a_decision_is_never_tested_for_truth() -> None:
    with pytest.raises(TypeError):
        bool(Decision(allowed=False))


def test_secrets_are_in_no_repr_log_or_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    token = {"id": "1", "token": "gp_hunter2"}
    for response in (problem(403, "forbidden"), httpx2.Response(200, text="?"), httpx2.Response(201, json=token)):
        with client_of(response) as client:
            try:
                shown.append(repr(client.create_token("t")))
            except ClientError as error:
                shown += [repr(error), str(error), repr(error.__dict__)]
            shown += [repr(client), repr(client._signin)]
    shown.append(repr(Client(URL, Password("alice", "hunter2"))))

    assert "hunter2" not in " ".join(shown) + caplog.text


def test_tasks_read_pages_and_errors_as_threads_do() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/roles"):
            return problem(403, "forbidden")
        last = "cursor" in request.url.params
        return httpx2.Response(
            200, json={"items": [{"name": "b" if last else "a"}], "next_cursor": "" if last else "c"}
        )

    async def run() -> list[str]:
        async with AsyncClient(URL, transport=httpx2.MockTransport(handle)) as client:
            with pytest.raises(errors.Forbidden):
                _ = [role async for role in client.roles()]
            return [group.name async for group in client.groups()]

    assert in_a_loop(run) == ["a", "b"]
