"""A server's half of token rotation, for clients to race against: a refresh token is good once."""

from __future__ import annotations

import json
from threading import Lock

import httpx2


class Rotation:
    """Takes any password, gives `a<n>` and `r<n>`, and takes the newest access token only."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.number = 0
        self.asked: list[str] = []
        self.ended = False
        self.access_ended = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        with self.lock:
            name = request.url.path.rpartition("/")[2]
            self.asked.append(name)
            if name == "login":
                return self._pair()
            if name == "refresh":
                return self._refreshed(json.loads(request.content)["refresh_token"])
            if self.access_ended or request.headers.get("Authorization") != f"Bearer a{self.number}":
                return problem(401, "invalid_token")
            return httpx2.Response(200, json={"kind": "user", "username": "alice"})

    def expire(self) -> None:
        """Let the newest access token end, its refresh token staying good."""
        with self.lock:
            self.access_ended = True

    def _refreshed(self, shown: str) -> httpx2.Response:
        if shown != f"r{self.number}" or self.ended:
            self.ended = True
            return problem(401, "invalid_token")
        return self._pair()

    def _pair(self) -> httpx2.Response:
        self.number += 1
        self.access_ended = self.ended = False
        tokens = {"access_token": f"a{self.number}", "refresh_token": f"r{self.number}"}
        return httpx2.Response(200, json={**tokens, "token_type": "Bearer", "expires_in": 1800})


def problem(status: int, code: str, /, **members: object) -> httpx2.Response:
    body = {"type": f"urn:gatepost:{code}", "title": code, "status": status, "detail": f"{code}."}
    headers = {"Content-Type": "application/problem+json"}
    return httpx2.Response(status, content=json.dumps({**body, **members}), headers=headers)
