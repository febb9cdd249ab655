"""Gatepost as a gateway asks it: in the process, with an application of its own host configured.

gateway       a Gatepost behind a trusted proxy, with Ann, Ben and Cy, and the application `app.example`
ask           asks `/forward-auth` as a gateway in front of Gatepost's own host does
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx2
import pytest
from starlette.testclient import TestClient

from gatepost.gate import Gatepost
from gatepost.settings import ForwardAuthSettings, HostSettings, Settings
from tests.conftest import OpenGate, settings_for
from tests.server.calling import Company, settle
from tests.server.conftest import PEER, InProcess, in_process

__all__ = ["in_process"]  # a fixture, passed on

URL = "https://gate.example"
APP = "https://app.example"
OTHER = "https://other.example"
Ask = Callable[..., httpx2.Response]


@dataclass(frozen=True)
class Gateway:
    """A Gatepost, a client that reaches it as the gateway does, and the people in it."""

    gate: Gatepost
    client: TestClient
    people: Company


def behind_a_gateway(settings: Settings) -> Settings:
    main = replace(
        settings.main,
        public_url=URL,
        public_url_configured=True,
        trusted_proxies=(ipaddress.ip_network(f"{PEER[0]}/32"),),
    )
    hosts = tuple(HostSettings(host=url.removeprefix("https://"), public_url=url) for url in (APP, OTHER))
    return replace(settings, main=main, forward_auth=ForwardAuthSettings(hosts=hosts))


@pytest.fixture
def gateway(open_gate: OpenGate, gate_url: str, in_process: InProcess) -> Gateway:
    gate = open_gate(behind_a_gateway(settings_for(gate_url)))
    client = in_process(gate)
    return Gateway(gate, client, settle(client))


@pytest.fixture
def ask(gateway: Gateway) -> Ask:
    def asking(path: str = "/forward-auth", **headers: str) -> httpx2.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return gateway.client.get(path, headers=sent)

    return asking
