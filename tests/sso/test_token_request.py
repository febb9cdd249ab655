"""Redeeming the code: whatever the token endpoint answers instead of tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gatepost.errors import InvalidRequest, ProviderFailed
from tests.sso.conftest import Flow
from tests.sso.provider_in_process import InProcessProvider, Raw


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (Raw(status=400, pieces=(b'{"error":"invalid_request"}',)), "the token request answered 400"),
        (Raw(status=401, pieces=(b'{"error":"unauthorized_client"}',)), "does not accept Gatepost's client_id"),
        (Raw(status=500, pieces=(b"<html>secret-internals</html>",)), "the token request answered 500"),
        (Raw(status=400, pieces=(b'{"error":["invalid_grant"]}',)), "the token request answered 400"),
        (Raw(status=400, pieces=(b'{"error":"code=secret-internals"}',)), "the token request answered 400"),
        (Raw(status=200, pieces=(b"access_token=a&token_type=bearer",)), "the token is not JSON"),
        (Raw(status=204, pieces=()), "the token request answered 204"),
        (Raw(status=307, headers={"Location": "https://evil.example/token"}), "is a redirect"),
    ],
)
def test_an_answer_without_tokens_is_said_but_not_repeated(
    flow: Flow, op: InProcessProvider, raw: Raw, sentence: str
) -> None:
    op.tamper.raw["/token"] = raw

    with pytest.raises(ProviderFailed, match=sentence) as failure:
        flow.sign_in()
    assert "secret-internals" not in str(failure.value) + failure.value.detail


def test_a_spent_code_is_for_the_person_to_begin_again(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.raw["/token"] = Raw(status=400, pieces=(b'{"error":"invalid_grant"}',))

    with pytest.raises(InvalidRequest, match="begin again"):
        flow.sign_in()


def test_a_method_without_a_key_to_sign_with_is_said(flow_with: Callable[..., Flow], op: InProcessProvider) -> None:
    with pytest.raises(ProviderFailed, match="no key to sign with here"):
        flow_with(token_endpoint_auth_method="private_key_jwt").sign_in()
    assert op.requests["/token"] == 0
