"""What does knowing the caller add to a request of a FastAPI application, beside fastapi-users?

Each application has one endpoint that answers a constant, and is called without a socket in between, so that what is timed
is the application alone.  The added cost is the median less that of the application without any of it.  fastapi-users
verifies its JWT and reads the user from a dictionary, which is the least that a user database can cost; Gatepost knows its
own access token, whose session may have been ended a moment ago, and answers a permission too where it says so.

    pip install --no-deps fastapi-users makefun pwdlib bcrypt pyjwt     (beside Gatepost; it is no dependency of ours)
    PYTHONPATH=src python benchmarks/middleware.py [--requests 3000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Message

from gatepost.asgi import Authentication
from gatepost.fastapi import current_principal, requires
from gatepost.principal import FULL_SCOPE, Entity, Method
from gatepost.testing import TestGatepost
from gatepost.tokens import access_tokens
from gatepost.tokens.sessions import Arrival, open_session

SECRET = "a secret of the benchmark, long enough for HS256"
ROUNDS = 5


def plain() -> tuple[ASGIApp, str]:
    app = FastAPI()

    @app.get("/")
    async def constant() -> str:
        return "hello"

    return app, ""


@dataclass
class User:
    id: uuid.UUID
    email: str = "alice@example.com"
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


async def with_fastapi_users() -> tuple[ASGIApp, str]:
    users, authentication = import_module("fastapi_users"), import_module("fastapi_users.authentication")
    user = User(uuid.uuid4())
    known = {user.id: user}

    class Database:
        async def get(self, identifier: uuid.UUID) -> User | None:
            return known.get(identifier)

    kind = type("Manager", (users.UUIDIDMixin, users.BaseUserManager), {})

    async def manager() -> Any:
        return kind(Database())

    def strategy() -> Any:
        return authentication.JWTStrategy(secret=SECRET, lifetime_seconds=3600)

    transport = authentication.BearerTransport("login")
    backend = authentication.AuthenticationBackend("jwt", transport, strategy)
    current = users.FastAPIUsers(manager, [backend]).current_user(active=True)
    app = FastAPI()

    @app.get("/", dependencies=[Depends(current)])
    async def constant() -> str:
        return "hello"

    return app, await strategy().write_token(user)


def token_of(gatepost: TestGatepost) -> str:
    user = gatepost.user("alice")
    with gatepost.gate.change_unasked() as tx:
        session = open_session(gatepost.gate, tx, user, Arrival(method=Method.PASSWORD, address=""), cookie=False)
    return access_tokens.mint(
        gatepost.gate, Entity("user", "alice"), session=session.record.id, scope=FULL_SCOPE, client_id="bench"
    )


def with_gatepost(gatepost: TestGatepost, dependency: Callable[..., Any] | None, token: str) -> tuple[ASGIApp, str]:
    app = FastAPI()

    @app.get("/", dependencies=[Depends(dependency)] if dependency else [])
    async def constant() -> str:
        return "hello"

    return Authentication(app, gate=gatepost.gate), token


def call(app: ASGIApp, token: str) -> Callable[[], Awaitable[None]]:
    headers = [(b"host", b"app.example"), *([(b"authorization", f"Bearer {token}".encode())] if token else [])]
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    scope |= {
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("app", 80),
        "root_path": "",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise AssertionError(message["status"])

    async def once() -> None:
        await app({**scope}, receive, send)

    return once


async def timed(once: Callable[[], Awaitable[None]], count: int) -> list[float]:
    found = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        await once()
        found.append((time.perf_counter_ns() - begun) / 1e3)
    return found


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3_000)
    options = parser.parse_args()
    with TestGatepost() as gatepost:
        gatepost.allow("user:alice", "view", "dataset:sales")
        token, opaque = token_of(gatepost), gatepost.token("user:alice")
        apps = {
            "without any": plain(),
            "fastapi-users, its JWT": await with_fastapi_users(),
            "Gatepost, middleware alone": with_gatepost(gatepost, None, token),
            "Gatepost, access token": with_gatepost(gatepost, current_principal, token),
            "Gatepost, API token": with_gatepost(gatepost, current_principal, opaque),
            "Gatepost, and a permission": with_gatepost(gatepost, requires("view", "dataset:sales"), token),
        }
        calls = {name: call(app, secret) for name, (app, secret) in apps.items()}
        for once in calls.values():
            await timed(once, 200)
        gc.disable()
        took: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):  # in turns, so that a busy moment of the machine meets all of them
            for name, once in calls.items():
                took[name] += await timed(once, options.requests // ROUNDS)
                gc.collect()
    base = statistics.median(took["without any"])
    for name, each in took.items():
        median = statistics.median(each)
        print(f"{name:28} p50 {median:7.1f} µs, added {median - base:7.1f} µs")


if __name__ == "__main__":
    asyncio.run(main())
