"""The names of others are for whoever shares something, and not for every token that leaks."""

from __future__ import annotations

import pytest

from gatepost.directory.subjects import find_subjects
from gatepost.errors import Forbidden
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal, Scope


def token(scope: str) -> Principal:
    return Principal(subject=Entity("user", "admin"), method=Method.API_TOKEN, scope=Scope.parse(scope))


@pytest.mark.parametrize("scope", ["dataset:view", "*:view", "*:edit collection:create", "audit:view", ""])
def test_a_token_that_is_bound_to_less_does_not_list_names(gate: Gatepost, scope: str) -> None:
    with pytest.raises(Forbidden, match="neither user:view nor manage_access"):
        find_subjects(gate, token(scope), "a")


@pytest.mark.parametrize("scope", ["*:*", "user:view", "collection:manage_access", "*:manage_access", "dataset:*"])
def test_a_token_that_may_share_finds_whom_to_share_with(gate: Gatepost, scope: str) -> None:
    assert [found.subject for found in find_subjects(gate, token(scope), "adm")] == ["user:admin"]
