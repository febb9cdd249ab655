"""The same requests, asked of OpenFGA's own server: what our tables say is what it answers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.peers.openfga_server import running_openfga
from tests.server.calling import ok
from tests.server.openfga_world import MODEL, Store, new_store, refused
from tests.server.test_openfga import NO_MODEL, NOT_ANSWERED, NOT_WRITTEN, UNKNOWN_MEMBERS, says_who_answered

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_openfga(tmp_path_factory.mktemp("openfga") / "log") as url:
        yield url


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with httpx2.Client(base_url=address, trust_env=False) as client:
        yield new_store(client, {})


@pytest.mark.parametrize("case", NOT_WRITTEN)
def test_it_refuses_these_writes_with_the_same_code(store: Store, case: str) -> None:
    body, code = NOT_WRITTEN[case]
    refused(store.post("write", body), 400, code)


@pytest.mark.parametrize("case", NOT_ANSWERED)
def test_it_refuses_these_questions_with_the_same_code(store: Store, case: str) -> None:
    verb, body, code = NOT_ANSWERED[case]
    refused(store.post(verb, body), 400, code)


@pytest.mark.parametrize("case", UNKNOWN_MEMBERS)
def test_it_passes_over_the_same(store: Store, case: str) -> None:
    verb, body = UNKNOWN_MEMBERS[case]
    ok(store.post(verb, body))


@pytest.mark.parametrize("case", NO_MODEL)
def test_it_refuses_these_models_with_the_same_code(store: Store, case: str) -> None:
    body, code = NO_MODEL[case]
    refused(store.post("authorization-models", body), 400, code)


def test_it_takes_our_model_and_shows_it_with_the_same_types(store: Store) -> None:
    (model,) = ok(store.get("authorization-models"))["authorization_models"]
    assert [each["type"] for each in model["type_definitions"]] == [each["type"] for each in MODEL["type_definitions"]]


def test_it_says_which_store_and_which_model_an_answer_is_of(address: str) -> None:
    with httpx2.Client(base_url=address, trust_env=False) as client:
        store = new_store(client, {}, model=None)
        says_who_answered(store, store.put_model(), store.put_model())
