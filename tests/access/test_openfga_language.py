"""Models as text and as JSON, compared with OpenFGA's own transformer and validator from npm."""

from __future__ import annotations

import json
import random
import re
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gatepost.access import AuthorizationModel, builtin_model, format_model, parse_model
from gatepost.access.dsl import parse_with_places
from gatepost.access.model_json import read_model, write_model
from gatepost.access.validate import every_fault
from gatepost.errors import InvalidModel
from tests.access.strategies import models
from tests.access.worlds import WORLDS
from tests.peers.openfga_suites import case_of, names
from tests.peers.programs import NPM, installed, node

pytestmark = pytest.mark.peer
FOLDER = NPM.parents[1] / "tests/peers/openfga_js"
MUTANTS = 600
WORD = re.compile(r"\s+|\w+|.")
PIECES = (
    *(
        "type",
        "define",
        "relations",
        "model",
        "schema 1.1",
        "user",
        "group",
        "member",
        "with",
        "from",
        "or",
        "and",
        "not",
    ),
    *(
        "but not",
        "[",
        "]",
        "(",
        ")",
        ",",
        ":",
        "#",
        "*",
        "{",
        "}",
        "condition",
        "1.1",
        "self",
        "this",
        "\n",
        "  ",
        "int",
    ),
    *("list<string>", "<", ">", "-", "\u00e9", "$", "|", ".", "/", "user:*", "group#member", "extend type", "module x"),
)

Json = dict[str, Any]


def asked(items: list[Json]) -> list[Json]:
    done = subprocess.run(
        [node(), "language.mjs"],
        cwd=installed(FOLDER),
        input=json.dumps(items),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[Json] = json.loads(done.stdout)
    return answers


def texts() -> list[str]:
    """Every model that the tests and OpenFGA's suites have, but for those with an experiment of OpenFGA's."""
    ours = [world.model for world in WORLDS if world.model] + [format_model(builtin_model())]
    theirs = [stage.model for name in names() for stage in case_of(name).stages]
    return [text for text in dict.fromkeys([*ours, *theirs]) if "$" not in text]


def in_full(document: Json) -> Json:
    """With what the two leave out, and without what only one of them says: an id, and that nothing is generic."""
    full: Json = json.loads(json.dumps(document))
    full.pop("id", None)
    for kind in full["type_definitions"]:
        kind["metadata"], kind["relations"] = kind.get("metadata"), kind.get("relations") or {}
    full["conditions"] = full.get("conditions") or {}
    for condition in full["conditions"].values():
        for parameter in condition["parameters"].values():
            _without_nothing(parameter)
    return full


def _without_nothing(parameter: Json) -> None:
    for inner in parameter.get("generic_types") or ():
        _without_nothing(inner)
    if not parameter.get("generic_types"):
        parameter.pop("generic_types", None)


def in_any_order(model: AuthorizationModel) -> Json:
    """OpenFGA's text has conditions and their parameters by name: a JSON object has no order that counts."""
    return in_full(write_model(model))


def test_each_text_is_the_same_json() -> None:
    given = texts()
    for text, theirs in zip(given, asked([{"text": text} for text in given]), strict=True):
        assert in_full(theirs["value"]) == in_full(write_model(parse_model(text))), text


def test_each_json_is_a_text_that_says_the_same() -> None:
    given = [parse_model(text) for text in texts()]
    for model, theirs in zip(given, asked([{"model": write_model(model)} for model in given]), strict=True):
        assert in_any_order(parse_model(theirs["value"])) == in_any_order(model)
        assert parse_model(format_model(model)) == model
        assert read_model(write_model(model)) == model


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(models(conditions=True))
def test_random_models_are_the_same_in_both_forms(model: AuthorizationModel) -> None:
    as_text, as_json = asked([{"text": format_model(model)}, {"model": write_model(model)}])
    assert in_full(as_text["value"]) == in_any_order(model)
    assert in_any_order(parse_model(as_json["value"])) == in_any_order(model)


def test_texts_with_a_slip_are_refused_by_both_and_at_the_same_line() -> None:
    """What OpenFGA takes is taken, and is the same JSON; what is refused here is refused there.

    But for conditions: here their expressions are compiled at once, there by the server.  In the other direction more is
    taken: names that OpenFGA has in JSON alone (`type 1.2`, `define with:`), and line ends and blanks between any two
    words.  Lines may differ then, where something is defined twice (here the second is wrong, there the first), and where
    a bracket is not closed (here that is wrong, there what comes after it).
    """
    dice = random.Random(7)
    short = [text for text in texts() if len(text) < 700]
    slips = [slipped(dice.choice(short), dice) for _ in range(MUTANTS)]
    compared = same_line = 0
    for text, theirs in zip(slips, asked([{"text": text} for text in slips]), strict=True):
        found = theirs.get("errors") or theirs["faults"]
        if any("Cannot read properties" in each["message"] for each in found):
            continue  # the validator itself fell over
        ours = _first_fault(text)
        if ours is None and not found:
            assert in_full(theirs["value"]) == in_full(write_model(parse_model(text))), text
        elif ours is not None and not found:
            assert re.search("condition|brace|close this", str(ours)), f"{ours}\n{text}"
        elif ours is not None:
            compared += 1
            same_line += any(each["line"] is not None and each["line"] + 1 == ours.line for each in found)
    assert compared > MUTANTS // 2
    assert same_line > 0.95 * compared


def slipped(text: str, dice: random.Random) -> str:
    """The text with a word or a line that is left out, or put in where it does not belong."""
    if dice.random() < 0.2:
        lines = text.split("\n")
        at = dice.randrange(len(lines))
        lines[at : at + dice.randrange(2)] = [dice.choice(lines)] * dice.randrange(2)
        return "\n".join(lines)
    words = WORD.findall(text)
    at = dice.randrange(len(words))
    words[at : at + dice.randrange(2)] = [dice.choice([*PIECES, dice.choice(words)])] * dice.randrange(2)
    return "".join(words)


def _first_fault(text: str) -> InvalidModel | None:
    try:
        parsed = parse_with_places(text)
    except InvalidModel as error:
        return error
    return next(every_fault(parsed.model, parsed.places), None)
