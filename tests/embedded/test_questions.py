"""Questions of an embedding application, and as of when they are answered."""

from __future__ import annotations

import pytest

from gatepost.access import Decision
from gatepost.directory import evaluation
from gatepost.directory.evaluation import Asked
from gatepost.embedded.gatepost import Gatepost
from gatepost.gate import Gatepost as Gate
from gatepost.principal import Principal


def test_a_batch_names_no_newer_revision_than_its_answers(embedded: Gatepost, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer may be newer than what is said of it, and never older: somebody may wait for that revision."""
    embedded.create_user("cy")
    embedded.create_resource("collection:sales")
    embedded.grant("collection:sales", "viewer", "user:cy")
    before = str(embedded.memory.revision)
    evaluate = evaluation.evaluate

    def slowly(gate: Gate, caller: Principal, asked: Asked) -> Decision:
        found = evaluate(gate, caller, asked)
        if found.allowed:
            embedded.revoke("collection:sales", "viewer", "user:cy")
        return found

    monkeypatch.setattr(evaluation, "evaluate", slowly)
    asked = ("user:cy", "view", "collection:sales")
    found = embedded.check_batch([asked, asked])
    assert [each.allowed for each in found.results] == [True, False]
    assert found.revision == before != str(embedded.memory.revision)
