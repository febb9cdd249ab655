"""Access tokens are renewed once for all who share them, and a sign-in is never lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Lock

import httpx2
import pytest

from gatepost.client import AsyncClient, Client, Password, Retry, Tokens
from gatepost.client.errors import InvalidCredentials, InvalidToken, SignInEnded
from tests.client.rotation import Rotation, problem
from tests.loops import in_a_loop

URL = "http://gate.example"
ALICE = Password("alice", "pw")
MANY = 16


def test_a_password_is_exchanged_at_the_first_call_and_not_again() -> None:
    server = Rotation()
    with Client(URL, ALICE, transport=httpx2.MockTransport(server)) as client:
        assert client.me().username == "alice"
        client.me()

    assert server.asked == ["login", "me", "me"]


def test_many_threads_renew_once() -> None:
    server = Rotation()
    arrived = Barrier(MANY)

    def handle(request: httpx2.Request) -> httpx2.Response:
        response = server(request)
        if response.status_code == 401:
            arrived.wait(10)  # nobody renews before everybody was refused
        return response

    with Client(URL, ALICE, transport=httpx2.MockTransport(handle)) as client:
        client.sign_in()
        server.expire()
        with ThreadPoolExecutor(MANY) as threads:
            answers = list(threads.map(lambda _: client.me().username, range(MANY)))

    assert answers == ["alice"] * MANY
    assert server.asked.count("refresh") == 1
    assert not server.ended


def test_many_tasks_renew_once() -> None:
    server = Rotation()

    async def handle(request: httpx2.Request) -> httpx2.Response:
        response = server(request)
        await asyncio.sleep(0)
        return response

    async def run() -> list[str]:
        async with AsyncClient(URL, ALICE, transport=httpx2.MockTransport(handle)) as client:
            await client.sign_in()
            server.expire()
            return [me.username for me in await asyncio.gather(*(client.me() for _ in range(MANY)))]

    assert in_a_loop(run) == ["alice"] * MANY
    assert server.asked.count("refresh") == 1


def test_a_cancelled_task_does_not_lose_the_successor() -> None:
    server = Rotation()

    async def run() -> str:
        refreshing, go_on = asyncio.Event(), asyncio.Event()

        async def handle(request: httpx2.Request) -> httpx2.Response:
            response = server(request)
            if request.url.path.endswith("refresh"):
                refreshing.set()
                await go_on.wait()
            return response

        async with AsyncClient(URL, ALICE, transport=httpx2.MockTransport(handle)) as client:
            await client.sign_in()
            server.expire()
            first = asyncio.create_task(client.me())
            await refreshing.wait()
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            go_on.set()
            return (await client.me()).username

    assert in_a_loop(run) == "alice"
    assert server.asked.count("login") == 1
    assert server.asked.count("refresh") == 1


def test_when_the_family_has_ended_the_password_signs_in_anew() -> None:
    server = Rotation()
    with Client(URL, ALICE, transport=httpx2.MockTransport(server)) as client:
        client.me()
        server.number = 99  # somebody else holds the newest tokens of the family
        assert client.me().username == "alice"

    assert server.asked == ["login", "me", "me", "refresh", "login", "me"]


def test_without_a_password_the_sign_in_ends_in_one_sentence() -> None:
    server = Rotation()
    server.number = 5
    tokens = Tokens("a1", "r1")
    with Client(URL, tokens, transport=httpx2.MockTransport(server)) as client, pytest.raises(SignInEnded) as raised:
        client.me()

    assert "sign in again" in str(raised.value)


def test_an_api_token_is_never_exchanged() -> None:
    """CO-14: a bearer that is refused is refused; nobody is asked for another."""
    server = Rotation()
    with Client("t:gp_x@h:1", transport=httpx2.MockTransport(server)) as client, pytest.raises(InvalidToken):
        client.me()

    assert server.asked == ["me"]


def test_a_wrong_password_is_tried_once() -> None:
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return problem(401, "invalid_credentials")

    with Client(URL, ALICE, transport=httpx2.MockTransport(handle)) as client, pytest.raises(InvalidCredentials):
        client.me()

    assert len(asked) == 1


class Shelf:
    """Tokens that several clients share, as several commands share a file."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.lock = Lock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self.lock:
            yield

    def read(self) -> Tokens:
        return self.tokens

    def write(self, tokens: Tokens) -> None:
        self.tokens = tokens


def test_two_processes_that_share_a_sign_in_do_not_spend_its_refresh_token_twice() -> None:
    server = Rotation()
    with Client(URL, ALICE, transport=httpx2.MockTransport(server)) as client:
        shelf = Shelf(client.sign_in())
    server.expire()
    clients = [Client(URL, shelf.read(), keeper=shelf, transport=httpx2.MockTransport(server)) for _ in range(4)]

    assert [client.me().username for client in clients] == ["alice"] * 4
    assert server.asked.count("refresh") == 1
    assert shelf.tokens.access_token == f"a{server.number}"
    for client in clients:
        client.close()


def test_a_lost_answer_to_a_refresh_is_asked_for_again() -> None:
    """The server gives the same successor again within its grace; giving up would end the sign-in."""
    tries: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("refresh"):
            good = request.headers["Authorization"] == "Bearer a2"
            return httpx2.Response(200, json={"kind": "user"}) if good else problem(401, "invalid_token")
        tries.append("refresh")
        if len(tries) == 1:
            raise httpx2.ReadError("gone", request=request)
        return httpx2.Response(200, json={"access_token": "a2", "refresh_token": "r2"})

    with Client(
        URL, Tokens("a1", "r1"), transport=httpx2.MockTransport(handle), retry=Retry(base=0), sleep=lambda _: None
    ) as client:
        assert client.me().kind == "user"

    assert len(tries) == 2
