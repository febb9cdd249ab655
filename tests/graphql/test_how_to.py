"""What docs/how-to/graphql.md tells people to send does what it says there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any

import httpx2
import pytest

from gatepost.server.graphql import engine, limits
from gatepost.server.graphql.connections import USUAL_INSIDE
from tests.graphql.asking import ask, nodes, refused
from tests.house.source import ROOT
from tests.server.calling import Company, api_token, as_admin, make_user
from tests.server.conftest import Served

PAGE = (ROOT / "docs/how-to/graphql.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


def named(name: str) -> str:
    return next(block for block in blocks("graphql") if block.startswith((f"query {name}", f"mutation {name}")))


def test_the_command_prints_what_stands_below_it(served: Served) -> None:
    running = served()
    token = api_token(running.client, as_admin(running.client))

    command = blocks("sh")[0].replace("http://127.0.0.1:8420", running.url)
    environment = {**os.environ, "TOKEN": token, "NO_PROXY": "*"}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == json.loads(blocks("json")[0])


def test_the_queries_and_mutations_answer(client: httpx2.Client) -> None:
    admin = as_admin(client)
    make_user(client, admin, "bob")

    shared = ask(client, named("Share"), admin)
    assert "Every member of analysts may view" in shared["grantAccess"]["why"]
    page = ask(client, named("Page"), admin)
    assert [each["id"] for each in nodes(page["resources"])] == ["sales"]
    assert nodes(page["resources"])[0]["viewerCan"]["manageAccess"] is True
    token: dict[str, Any] = ask(client, named("Token"), admin)["createToken"]
    assert token["token"].startswith("gp_")
    may = ask(client, named("May"), admin)
    assert may["check"]["allowed"] is False
    assert may["explain"]["wouldAllow"]
    assert len(blocks("graphql")) == 4


def test_the_error_is_the_one_that_is_shown(company: Company) -> None:
    error = refused(company.client, "{ users { edges { cursor } } }")

    assert {name: value for name, value in error.items() if name != "locations"} == json.loads(blocks("json")[1])


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("tokens of the document", limits.MOST_TOKENS),
        ("levels of fields", limits.MOST_DEPTH),
        ("aliases", limits.MOST_ALIASES),
        ("fields that the answer can have, where the lengths of lists multiply", limits.MOST_COST),
        ("items of one list that is sent", limits.MOST_IN_A_LIST),
    ],
)
def test_the_limits_are_those_of_the_table(what: str, number: int) -> None:
    assert f"| {what} | {number:,} |" in PAGE


def test_so_are_the_others() -> None:
    assert f"| time | {engine.DEADLINE:.0f} s |" in PAGE
    assert f"A list inside another has {USUAL_INSIDE} items" in PAGE
