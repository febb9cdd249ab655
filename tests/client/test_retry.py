"""What is asked again, how long is waited, and what is never sent twice."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from gatepost.client import Client, Retry
from gatepost.client.errors import NotFound, Throttled, Unavailable, Unreachable
from tests.client.rotation import problem

URL = "http://gate.example"
Handle = Callable[[httpx2.Request], httpx2.Response]


class Script:
    """Answers one after the other; an exception in it is raised."""

    def __init__(self, *answers: httpx2.Response | type[httpx2.TransportError]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.waits: list[float] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, httpx2.Response):
            return answer
        raise answer("gone", request=request)

    def client(self, retry: Retry | None = None) -> Client:
        return Client(URL, transport=httpx2.MockTransport(self), sleep=self.waits.append, retry=retry)


def fine() -> httpx2.Response:
    return httpx2.Response(200, json={"kind": "anonymous"})


@pytest.mark.parametrize("trouble", [httpx2.ConnectError, httpx2.ReadError, httpx2.ReadTimeout])
def test_a_read_is_asked_again(trouble: type[httpx2.TransportError]) -> None:
    script = Script(trouble, trouble, fine())
    with script.client() as client:
        assert client.me().kind == "anonymous"
    assert len(script.waits) == 2


def test_a_change_whose_answer_was_lost_is_not_sent_twice() -> None:
    script = Script(httpx2.ReadError)
    with script.client() as client, pytest.raises(Unreachable):
        client.create_token("t")
    assert script.asked == 1


def test_a_change_that_was_never_sent_is() -> None:
    script = Script(httpx2.ConnectError, httpx2.Response(201, json={"id": "1", "token": "gp_s"}))
    with script.client() as client:
        assert client.create_token("t").token == "gp_s"


def test_retry_after_is_honoured() -> None:
    script = Script(httpx2.Response(503, headers={"Retry-After": "2"}), fine())
    with script.client() as client:
        client.me()
    assert 2 <= script.waits[0] < 2.2


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    response = problem(429, "too_many_requests")
    response.headers["Retry-After"] = "600"
    script = Script(response)
    with script.client() as client, pytest.raises(Throttled) as raised:
        client.me()
    assert raised.value.retry_after == 600
    assert script.waits == []


def test_it_gives_up_in_the_end() -> None:
    script = Script(*(problem(503, "temporarily_unavailable") for _ in range(3)))
    with script.client(Retry(attempts=3)) as client, pytest.raises(Unavailable):
        client.me()
    assert script.asked == 3


def test_a_server_fault_of_ours_is_not_asked_again() -> None:
    script = Script(problem(403, "forbidden"))
    with script.client() as client, pytest.raises(Exception, match="forbidden"):
        client.me()
    assert script.asked == 1


def test_a_deletion_that_had_happened_is_done() -> None:
    script = Script(httpx2.ReadError, problem(404, "not_found"))
    with script.client() as client:
        assert client.delete_group("g") is None


def test_a_deletion_of_nothing_is_not_found() -> None:
    script = Script(httpx2.ConnectError, problem(404, "not_found"))
    with script.client() as client, pytest.raises(NotFound):
        client.delete_group("g")


def test_waits_grow_stay_bounded_and_differ() -> None:
    retry = Retry(attempts=30, base=0.1, longest=2)
    waits = [retry.wait(attempt) for attempt in range(1, 30) for _ in range(20)]
    assert all(wait is not None and 0 <= wait <= 2 for wait in waits)
    assert len(set(waits)) > len(waits) / 2
    assert max(wait for wait in waits[:20] if wait is not None) <= 0.2


def test_a_certificate_that_does_not_verify_is_said_once() -> None:
    calls: list[int] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        calls.append(1)
        raise httpx2.ConnectError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1016)",
            request=request,
        )

    with (
        Client("https://gate.example", transport=httpx2.MockTransport(handle)) as client,
        pytest.raises(Unreachable, match=r"does not verify: self-signed certificate$"),
    ):
        client.me()
    assert len(calls) == 1
