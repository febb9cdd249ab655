"""The same requests, asked of OpenFGA's own server: what our tables say is what it answers.

GATEPOST_TEST_OPENFGA is the address of one that runs without authentication (`openfga run`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx2
import pytest

from tests.server.calling import ok
from tests.server.openfga_world import MODEL, Store, new_store, refused
from tests.server.test_openfga import NO_MODEL, NOT_ANSWERED, NOT_WRITTEN

pytestmark = pytest.mark.peer
ADDRESS = os.environ.get("GATEPOST_TEST_OPENFGA", "")


@pytest.fixture
def store() -> Iterator[Store]:
    if not ADDRESS:
        pytest.skip("GATEPOST_TEST_OPENFGA is not set")
    with httpx2.Client(base_url=ADDRESS, trust_env=False) as client:
        yield new_store(client, {})


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_it_refuses_these_writes_with_the_same_code(store: Store, case: str) -> None:
    body, code = NOT_WRITTEN[case]
    refused(store.post("write", body), 400, code)


@pytest.mark.parametrize("case", NOT_ANSWERED)
def test_it_refuses_these_questions_with_the_same_code(store: Store, case: str) -> None:
    verb, body, code = NOT_ANSWERED[case]
    refused(store.post(verb, body), 400, code)


@pytest.mark.parametrize("case", NO_MODEL)
def test_it_refuses_these_models_with_the_same_code(store: Store, case: str) -> None:
    body, code = NO_MODEL[case]
    refused(store.post("authorization-models", body), 400, code)


def test_it_takes_our_model_and_shows_it_with_the_same_types(store: Store) -> None:
    (model,) = ok(store.get("authorization-models"))["authorization_models"]
    assert [each["type"] for each in model["type_definitions"]] == [each["type"] for each in MODEL["type_definitions"]]
