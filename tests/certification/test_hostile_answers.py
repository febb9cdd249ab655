"""Answers without end, without a pause, or that lead elsewhere: whoever waits gets a page, and nobody else waits."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import product

import pytest

from tests.certification.conftest import RelyingParty, Start
from tests.certification.hostile_provider import Handler, HostileProvider, running
from tests.dice import FakeDice
from tests.waiting import eventually

WELL_KNOWN, KEYS, TOKEN, USERINFO = "/.well-known/openid-configuration", "/keys", "/token", "/userinfo"
PLACES = (WELL_KNOWN, KEYS, TOKEN)
MEGABYTE = 1 << 20
Answer = Callable[[Handler], None]


def head(handler: Handler, *lines: str, status: str = "200 OK") -> None:
    handler.wfile.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode())


def endless(handler: Handler) -> None:
    head(handler, "Content-Type: application/json", "Connection: close")
    for _ in range(64):  # until the other side hangs up, which is what this is about
        handler.wfile.write(b" " * MEGABYTE)
    raise AssertionError("all of it was taken")


def announced(handler: Handler) -> None:
    head(handler, "Content-Type: application/json", f"Content-Length: {1 << 40}")
    for _ in range(64):
        handler.wfile.write(b" " * MEGABYTE)


def chunked(handler: Handler) -> None:
    head(handler, "Content-Type: application/json", "Transfer-Encoding: chunked")
    for _ in range(64):
        handler.wfile.write(b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n")


def many_headers(handler: Handler) -> None:
    head(handler, *(f"X-{number}: {'x' * 100}" for number in range(20_000)), "Content-Length: 2")
    handler.wfile.write(b"{}")


def one_long_header(handler: Handler) -> None:
    head(handler, "X-Long: " + "x" * (4 * MEGABYTE), "Content-Length: 2")
    handler.wfile.write(b"{}")


def bomb(handler: Handler) -> None:
    """A kilobyte that would be a megabyte, a hundred times over."""
    body = gzip.compress(gzip.compress(b" " * (100 * MEGABYTE)))
    head(handler, "Content-Type: application/json", "Content-Encoding: gzip, gzip", f"Content-Length: {len(body)}")
    handler.wfile.write(body)


def unasked_gzip(handler: Handler) -> None:
    body = gzip.compress(b"{}")
    head(handler, "Content-Type: application/json", "Content-Encoding: gzip", f"Content-Length: {len(body)}")
    handler.wfile.write(body)


def many_continues(handler: Handler) -> None:
    for _ in range(10_000):
        head(handler, status="100 Continue")
    head(handler, "Content-Length: 2")
    handler.wfile.write(b"{}")


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True


def hangs_up_half_way(handler: Handler) -> None:
    head(handler, "Content-Type: application/json", "Content-Length: 100")
    handler.wfile.write(b"{")


def no_http(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")


def two_lengths(handler: Handler) -> None:
    head(handler, "Content-Type: application/json", "Content-Length: 2", "Content-Length: 4")
    handler.wfile.write(b"{}{}")


def status(code: int) -> Answer:
    return lambda handler: handler.json({"error": "x", "keys": []}, code)


def body(text: bytes, kind: str = "application/json") -> Answer:
    return lambda handler: handler.send(200, text, kind)


ANSWERS: dict[str, Answer] = {
    "endless": endless,
    "a length of a terabyte": announced,
    "endless chunks": chunked,
    "many headers": many_headers,
    "one long header": one_long_header,
    "a gzip bomb": bomb,
    "gzip that nobody asked for": unasked_gzip,
    "continue, continue": many_continues,
    "nothing": hangs_up,
    "half of it": hangs_up_half_way,
    "another protocol": no_http,
    "two lengths": two_lengths,
    "204": status(204),
    "401": status(401),
    "404": status(404),
    "500": status(500),
    "a page": body(b"<html>", "text/html"),
    "no JSON": body(b"{'a': 1}"),
    "a list": body(b"[]"),
    "two documents": body(b"{}{}"),
    "another encoding of text": body("{}".encode("utf-16")),
    "emptiness": body(b""),
    "an empty object": body(b"{}"),
}


def redirect(location: str, code: int = 302) -> Answer:
    return lambda handler: handler.send(code, b"", "text/plain", {"Location": location})


@pytest.mark.parametrize("place", PLACES)
def test_an_answer_that_is_none_is_a_page_and_then_all_is_well(
    start: Start, op: HostileProvider, dice: FakeDice, place: str
) -> None:
    """And what was taken in meanwhile is bounded: the provider could not send the whole of it."""
    rp = start()
    for name, answer in ANSWERS.items():
        op.change.instead = {place: answer}
        visitor = rp.visitor()
        with visitor.client:
            got = visitor.client.get("/oauth/op/login", follow_redirects=False)
            if got.status_code == 303:
                got = visitor.come_back(str(got.headers["location"]))
            assert got.status_code in (400, 502), f"{name}: {got.status_code}"
            assert got.headers["content-type"].startswith("text/html"), name
            assert visitor.who() == "", name
        dice.advance(timedelta(days=2))
    op.change.instead = {}
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())


@pytest.mark.parametrize("place", [*PLACES, USERINFO])
def test_a_redirect_is_not_followed(start: Start, op: HostileProvider, dice: FakeDice, place: str) -> None:
    """Not to another host, with the client's secret or the code in it; not to a file, to metadata, or round and round."""
    rp = start()
    with running("127.0.0.1") as other:
        elsewhere = (f"{other.issuer}{place}", "file:///etc/passwd", "http://169.254.169.254/", place, "//x", "", "\\")
        for location, code in product(elsewhere, (301, 302, 303, 307, 308)):
            op.change.instead = {place: redirect(location, code)}
            asked = len(op.asked_for(place))
            dice.advance(timedelta(days=2))
            visitor = rp.visitor()
            with visitor.client:
                got = visitor.client.get("/oauth/op/login", follow_redirects=False)
                if got.status_code == 303:
                    got = visitor.come_back(str(got.headers["location"]))
                if place == USERINFO:  # the ID token alone says enough
                    assert visitor.who() == "jane"
                else:
                    visitor.require_nobody(got, 502)
            assert len(op.asked_for(place)) - asked == 1, (location, code)
        assert other.asked == []


@contextmanager
def held(op: HostileProvider, place: str) -> Iterator[threading.Event]:
    """Answer nothing at `place` until the test has seen what it wants to see."""
    let_go = threading.Event()

    def wait(handler: Handler) -> None:
        let_go.wait(timeout=30)
        hangs_up(handler)

    op.change.instead = {place: wait}
    try:
        yield let_go
    finally:
        let_go.set()


@pytest.mark.parametrize("place", [WELL_KNOWN, TOKEN])
def test_whoever_has_nothing_to_do_with_it_does_not_wait(
    start: Start, op: HostileProvider, dice: FakeDice, place: str
) -> None:
    """By order, not by the clock: everybody else is answered while twenty sign-ins wait for the slow provider."""
    with running("127.0.0.1") as quick:
        quick.now, quick.sub, quick.person = dice.clock, "quick-1", {"preferred_username": "quick"}
        rp = start(quick.settings(name="quick"), http_timeout=timedelta(seconds=20))
        addresses = [] if place == WELL_KNOWN else begun(rp, 20)
        with ThreadPoolExecutor(20) as pool, held(op, place) as let_go:
            waiting = [pool.submit(wait_for, rp, n, addresses) for n in range(20)]
            eventually(lambda: op.asked_for(place), within=10)

            visitor = rp.visitor()
            with visitor.client:
                answer = visitor.come_back(visitor.begin("/oauth/quick/login"))
                visitor.require_in(answer, "quick")
                assert visitor.client.get("/login").status_code == 200
                assert visitor.client.get("/healthz").status_code == 200
            assert not any(call.done() and call.result() not in (502, 503) for call in waiting), "nobody got through"
            assert any(not call.done() for call in waiting), "they were waiting all the while"
            let_go.set()
            assert {call.result() for call in waiting} <= {502, 503}


def begun(rp: RelyingParty, count: int) -> list[tuple[dict[str, str], str]]:
    """Sign-ins under way: each browser's cookies, and the address at the provider."""
    found = []
    for _ in range(count):
        visitor = rp.visitor()
        with visitor.client:
            address = visitor.begin()
            found.append((dict(visitor.client.cookies), address))
    return found


def wait_for(rp: RelyingParty, number: int, addresses: list[tuple[dict[str, str], str]]) -> int:
    visitor = rp.visitor()
    with visitor.client:
        if not addresses:
            return visitor.client.get("/oauth/op/login", follow_redirects=False).status_code
        cookies, address = addresses[number]
        visitor.client.cookies.update(cookies)
        return visitor.come_back(address).status_code
