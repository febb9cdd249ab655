"""The same requests, asked of OpenFGA's own server: what our tables say is what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.peers.programs import answers, free_port, made, program
from tests.server.calling import ok
from tests.server.openfga_world import MODEL, Store, new_store, refused
from tests.server.test_openfga import NO_MODEL, NOT_ANSWERED, NOT_WRITTEN

pytestmark = pytest.mark.peer
START_SECONDS = 60


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OpenFGA on memory, without authentication."""
    server, ports = made("openfga") / "openfga", (free_port(), free_port())
    url = f"http://127.0.0.1:{ports[0]}"
    command: list[str | Path] = [
        server,
        "run",
        f"--http-addr=127.0.0.1:{ports[0]}",
        f"--grpc-addr=127.0.0.1:{ports[1]}",
    ]
    command += ["--log-level=none", "--playground-enabled=false", "--metrics-enabled=false"]
    log = tmp_path_factory.mktemp("openfga") / "log"
    with program(command, lambda: answers(f"{url}/healthz"), log, within=START_SECONDS):
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


@pytest.mark.parametrize("case", NO_MODEL)
def test_it_refuses_these_models_with_the_same_code(store: Store, case: str) -> None:
    body, code = NO_MODEL[case]
    refused(store.post("authorization-models", body), 400, code)


def test_it_takes_our_model_and_shows_it_with_the_same_types(store: Store) -> None:
    (model,) = ok(store.get("authorization-models"))["authorization_models"]
    assert [each["type"] for each in model["type_definitions"]] == [each["type"] for each in MODEL["type_definitions"]]
