"""Embedded and over HTTP: one story over all calls, with the same answers and the same refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gatepost.client import Client, Password
from gatepost.embedded.acting import Acting
from gatepost.settings import Settings
from gatepost.settings.issuers import ProviderSettings
from gatepost.tokens.sign_in import PasswordTry, prove_by_password, sign_in_for_tokens
from tests.conftest import settings_for
from tests.embedded.conftest import Embed
from tests.embedded.story import ISSUER, everything, furnish
from tests.embedded.test_names import TABLE
from tests.server.conftest import Served

HERE = "127.0.0.1"
CORP = ProviderSettings(name="corp", issuer=ISSUER, client_id="gatepost", client_secret=None, allow_insecure=True)


def with_corp(settings: Settings) -> Settings:
    return replace(settings, sso=replace(settings.sso, providers=(CORP,)))


def test_one_story_over_all_calls(served: Served, embed: Embed, tmp_path: Path) -> None:
    server = served(with_corp)
    settings = settings_for(f"sqlite:///{tmp_path}/embedded.db")
    gate = embed(with_corp(replace(settings, main=replace(settings.main, public_url=server.url))))

    @contextmanager
    def over_http(username: str, password: str) -> Iterator[Client]:
        with Client(server.url, Password(username, password)) as client:
            yield client

    @contextmanager
    def in_the_process(username: str, password: str) -> Iterator[Acting]:
        attempt = PasswordTry(username=username, password=password, address=HERE, agent="a script")
        pair = sign_in_for_tokens(gate, prove_by_password(gate, attempt), attempt)
        yield gate.acting_as(gate.authenticate(f"Bearer {pair.access_token}", address=HERE))

    now = datetime.now(UTC)
    furnish(server.gate)
    furnish(gate)
    there, here = everything(over_http, now), everything(in_the_process, now)

    assert there.names == set(TABLE)
    assert [name for name, _ in here.lines] == [name for name, _ in there.lines]
    assert [pair for pair in zip(here.others, there.others, strict=True) if pair[0] != pair[1]] == []
    assert [pair for pair in zip(here.lines, there.lines, strict=True) if pair[0] != pair[1]] == []
