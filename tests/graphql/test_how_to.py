"""What docs/how-to/graphql.md tells people to send does what it says there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from gatepost.directory import given
from gatepost.server.graphql import engine, limits, values
from gatepost.server.graphql.connections import USUAL_INSIDE
from tests.graphql.asking import ask, code_of, nodes, refused
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


def test_the_script_prints_everybody(served: Served) -> None:
    running = served()
    admin = as_admin(running.client)
    for number in range(4):
        make_user(running.client, admin, f"person-{number}")
    token = api_token(running.client, admin)

    program = blocks("python")[0].replace("first: 100", "first: 2")
    assert program != blocks("python")[0]
    environment = {**os.environ, "TOKEN": token, "GATEPOST": running.url, "NO_PROXY": "*"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["admin", *(f"person-{number}" for number in range(4))]
    narrow = environment | {"TOKEN": api_token(running.client, admin, scopes=["role:view"])}
    refusal = subprocess.run(command, env=narrow, capture_output=True, text=True, check=False)
    assert refusal.returncode == 1
    assert refusal.stderr.startswith("forbidden: ")


def test_the_queries_and_mutations_answer(client: httpx2.Client) -> None:
    admin = as_admin(client)
    make_user(client, admin, "bob")

    assert [each["username"] for each in nodes(ask(client, named("People"), admin, q="bo")["users"])] == ["bob"]
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
    assert ask(client, named("Revoked"), admin)["revocations"]["whole"] is True
    assert len(blocks("graphql")) == 8


def test_the_plan_is_the_one_that_is_told_of_and_is_done(client: httpx2.Client) -> None:
    admin = as_admin(client)
    make_user(client, admin, "bob")
    ask(client, named("Share"), admin)
    wanted = json.loads(blocks("json")[1])

    plan = ask(client, named("Plan"), admin, **wanted)["plan"]
    for step in plan["steps"]:
        assert f"`{step['verb']} {step['target']}`" in PAGE
    assert len(plan["steps"]) == 2
    again = {**wanted, "revision": plan["revision"], "digest": plan["digest"]}
    assert len(ask(client, named("Apply"), admin, **again)["applyPlan"]["steps"]) == 2
    assert code_of(refused(client, named("Apply"), admin, **again)) == ("conflict", 409)


def test_the_error_is_the_one_that_is_shown(company: Company) -> None:
    error = refused(company.client, "{ users { edges { cursor } } }")

    assert {name: value for name, value in error.items() if name != "locations"} == json.loads(blocks("json")[2])


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("tokens of the document", limits.MOST_TOKENS),
        ("characters of the document", limits.MOST_CHARACTERS),
        ("lines of the document", limits.MOST_LINES),
        ("levels of fields", limits.MOST_DEPTH),
        ("aliases", limits.MOST_ALIASES),
        ("times that one field stands in one place", limits.MOST_REPEATED),
        ("fragments in one place", limits.MOST_SPREADS),
        ("operations in one document, of which one is chosen", limits.MOST_OPERATIONS),
        ("characters of a text, but for a model", given.MOST_TEXT),
        ("fields that the answer can have, where the lengths of lists multiply", limits.MOST_COST),
        ("items of one list that is sent", values.MOST_IN_A_LIST),
    ],
)
def test_the_limits_are_those_of_the_table(what: str, number: int) -> None:
    assert f"| {what} | {number:,} |" in PAGE


def test_so_are_the_others() -> None:
    assert f"| time | {engine.DEADLINE:.0f} s |" in PAGE
    assert f"A list inside another has {USUAL_INSIDE} items" in PAGE
