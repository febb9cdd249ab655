"""The OpenAPI document against the server that it describes: whatever is generated from it, no 5xx, and the answer fits.

Callers: nobody and the admin, with data that the document allows and data that it forbids; over a real connection.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.server.calling import Headers, as_admin, settle
from tests.server.conftest import Running, Served

with warnings.catch_warnings():  # of the libraries that it brings along
    warnings.simplefilter("ignore")
    import requests
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

EXAMPLES = 6  # of each operation, for each caller and kind of data
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDS_THE_WALK = "/api/v1/auth/logout"
KNOWN = {"username": "ann", "type": "collection", "id": "sales", "relation": "viewer", "subject": "user:ben"}


@pytest.fixture
def running(served: Served) -> Running:
    return served()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        yield opened


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("who", ["nobody", "admin"])
def test_the_server_is_what_its_document_says(
    running: Running, session: requests.Session, mode: GenerationMode, who: str
) -> None:
    company = settle(running.client)
    headers: Headers = as_admin(running.client) if who == "admin" else {}
    schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    assert company.admin
    tried = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # an invalid document raises here
        if operation.path == ENDS_THE_WALK and headers:
            continue
        try_one(operation, session, mode, headers)
        tried += 1
    assert tried > 50


def try_one(operation: Any, session: requests.Session, mode: GenerationMode, headers: Headers) -> None:
    numbers = count()
    checks = [*CHECKS, negative_data_rejection] if mode is GenerationMode.NEGATIVE and headers else CHECKS

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        # Every other one speaks of what is there, or the walk would meet 404 alone.
        if mode is GenerationMode.POSITIVE and case.path_parameters and next(numbers) % 2:
            known = {"name": "data-team" if "/groups/" in operation.path else "reader", **KNOWN}
            case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
        response = case.call(session=session, headers=headers)
        # Refused as too large: a status that the check of rejections does not know.
        too_large = response.status_code == 413
        case.validate_response(response, checks=CHECKS if too_large else checks)

    run()
