"""The questions of the AuthZEN how-to, asked as they stand there, with the answers that it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.server.app import create_app
from tests.server.calling import as_admin, ok, password_of

PAGE = Path(__file__).parents[2] / "docs/how-to/authzen.md"
BLOCKS = re.compile(r"```\nPOST (\S+)\n(.*?)```\n\n```json\n(.*?)```", re.DOTALL)
EXAMPLES = BLOCKS.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_an_example_of_each_question() -> None:
    kinds = ("evaluation", "evaluations", "search/subject", "search/resource", "search/action")
    assert [path for path, _, _ in EXAMPLES] == [f"/access/v1/{kind}" for kind in kinds]


@pytest.mark.parametrize(("path", "question", "answer"), EXAMPLES)
def test_a_question_of_the_page(gate: Gatepost, path: str, question: str, answer: str) -> None:
    with TestClient(create_app(gate), base_url=gate.settings.main.public_url) as client:
        client.headers.update(as_admin(client))
        bob: dict[str, Any] = {"username": "bob", "password": password_of("bob")}
        ok(client.post("/api/v1/users", json=bob), 201)
        for name in ("sales", "payroll"):
            ok(client.post("/api/v1/resources", json={"type": "collection", "id": name}), 201)
        share = {"subject": "user:bob", "relation": "viewer"}
        ok(client.post("/api/v1/resources/collection/sales/access", json=share), 201)

        assert ok(client.post(path, json=json.loads(question))) == json.loads(answer)
