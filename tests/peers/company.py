"""A Gatepost that signs people in at other people's real providers, and what a browser does at it."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from gatepost.directory.groups import create_group
from gatepost.gate import Gatepost
from gatepost.settings.load import load
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.waiting import eventually

GROUPS = ("data-team", "staff")
WITHIN = 20  # seconds for a provider to call us
AnyTable = dict[str, Any]


class Place:
    """Where a Gatepost will be: its address is known to a provider before it runs."""

    def __init__(self, listener: socket.socket, url: str) -> None:
        self.listener = listener
        self.url = url


def configured(place: Place, database: str, file: Path, text: str) -> Any:
    """The settings that a person's configuration file makes, on a database of the tests."""
    file.write_text(text, encoding="utf-8")
    read = load(file, {})
    settings = settings_for(database)
    return replace(settings, main=replace(settings.main, public_url=place.url), sso=read.sso, delegated=read.delegated)


def table(head: str, **keys: object) -> str:
    """Write one table of a configuration file."""
    return "\n".join([f"[[{head}]]", *(f"{key} = {_toml(value)}" for key, value in keys.items()), ""])


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)  # TOML's texts, numbers and lists are JSON's


def with_groups(open_gate: OpenGate, settings: Any) -> Gatepost:
    """Open a Gatepost that has the groups of the providers' people."""
    gate = open_gate(settings)
    for name in GROUPS:
        create_group(gate, ADMIN, name)
    return gate


class Visitor:
    """One browser with one page, before a Gatepost."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.url = url

    def me(self) -> AnyTable:
        """What Gatepost knows about whoever this browser is signed in as; empty for nobody."""
        answer = self.page.request.get(f"{self.url}/api/v1/me")
        said: AnyTable = answer.json() if answer.ok else {}
        return {} if said.get("kind") == "anonymous" else said

    def choose(self, display_name: str) -> None:
        """Press a provider's button on the sign-in page, which takes the browser there."""
        self.page.goto(f"{self.url}/login")
        self.page.get_by_role("link", name=display_name, exact=True).click()

    def is_back(self) -> None:
        """Wait for the provider to send the browser back, and for the session."""
        self.page.wait_for_url(f"{self.url}/**")
        assert self.me(), self.page.content()

    def sign_out(self) -> None:
        """Sign out here, by the page that everybody uses."""
        self.page.goto(f"{self.url}/logout")
        self.page.get_by_role("button", name="Sign out").click()

    def is_signed_out_there_too(self, provider: str) -> None:
        expect(self.page.get_by_text(f"{provider} says that yours there is, too")).to_be_visible()
        assert self.me() == {}

    def is_signed_out_soon(self) -> None:
        """Wait for a call from the provider to end the session."""
        eventually(lambda: not self.me(), WITHIN, "the session has ended")


def to(address: str) -> re.Pattern[str]:
    """Any page under an address."""
    return re.compile(re.escape(address))
