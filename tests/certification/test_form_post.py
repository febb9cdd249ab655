"""The plan "Form Post": every module of "Basic", with the answer in a form that another site's page posts."""

from __future__ import annotations

import pytest

from tests.certification.conftest import Start
from tests.certification.hostile_provider import HostileProvider
from tests.certification.plans import FORM_POST
from tests.certification.test_basic import MODULES, run


@pytest.mark.parametrize("name", FORM_POST)
def test_form_post(name: str, start: Start, op: HostileProvider) -> None:
    run(MODULES[name], start, op, response_mode="form_post")
