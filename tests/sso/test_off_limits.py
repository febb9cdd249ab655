"""Server-side request forgery: a provider's document, or the name of a host, that leads to what listens on this machine.

A name is looked up anew for each call (DNS rebinding), and one address has many spellings: what counts is where the
connection has led, and nothing is sent on one that leads where it should not.
"""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from gatepost.errors import ProviderFailed
from gatepost.sso.addresses import is_off_limits, why_not_callable
from gatepost.sso.http import ProviderHttp
from gatepost.sso.provider import Provider
from tests.sso.provider_in_process import InProcessProvider

LONG = timedelta(seconds=20)


def door(*configured: str) -> ProviderHttp:
    return ProviderHttp("op", timeout=LONG, allow_insecure=True, configured=configured)


def port_of(op: InProcessProvider) -> int:
    return urlsplit(op.issuer).port or 0


def leads_here(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Names are the attacker's to point."""
    honest = socket.getaddrinfo

    def looked_up(host: Any, *args: Any, **options: Any) -> Any:
        return honest("127.0.0.1" if host in (name, name.encode()) else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@pytest.mark.parametrize("host", ["127.1", "0.0.0.0", "0", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_this_machine_is_asked(op: InProcessProvider, host: str) -> None:
    with pytest.raises(ProviderFailed, match=r"^op: (the address of the key set|no answer)"):
        door().get(f"http://{host}:{port_of(op)}/jwks", "key set")

    assert op.requests["/jwks"] == 0


def test_a_name_that_is_led_here_is_not_asked(op: InProcessProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_here(monkeypatch, "rebound.example")
    address = f"http://rebound.example:{port_of(op)}"

    with pytest.raises(ProviderFailed, match="leads to a machine that it has no business with"):
        door("idp.example").get(f"{address}/jwks", "key set")
    with pytest.raises(ProviderFailed, match="leads to a machine that it has no business with"):
        door().post(f"{address}/token", "token", {"code": "secret-code"})

    assert op.requests["/jwks"] == op.requests["/token"] == 0


def test_a_name_in_another_script_is_looked_at_too(op: InProcessProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library tells `xn--bcher-kva.example` as `bücher.example`, and connects to what it was: no proxy is between."""
    leads_here(monkeypatch, "xn--bcher-kva.example")
    address = f"http://xn--bcher-kva.example:{port_of(op)}/jwks"

    with pytest.raises(ProviderFailed, match="leads to a machine that it has no business with"):
        door().get(address, "key set")
    assert op.requests["/jwks"] == 0
    assert door("xn--bcher-kva.example").get(address, "key set").status == 200, "the configuration names it"


def test_what_the_configuration_names_is_asked_wherever_it_is(
    op: InProcessProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identity provider on the same machine, known by its public name."""
    leads_here(monkeypatch, "idp.example")

    assert door("idp.example").get(f"http://idp.example:{port_of(op)}/jwks", "key set").status == 200
    assert door().get(f"{op.issuer}/jwks", "key set").status == 200


def test_a_proxy_on_this_machine_is_the_environments_to_name(
    op: InProcessProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", op.issuer)
    with pytest.raises(ProviderFailed, match="no answer"):  # which is no proxy: but it was asked
        door().get("https://idp.example/jwks", "key set")


def test_an_endpoint_that_a_document_lists_is_not_the_configurations(
    op: InProcessProvider, monkeypatch: pytest.MonkeyPatch, dice: Any
) -> None:
    for name in ("idp.example", "evil.example"):
        leads_here(monkeypatch, name)
    issuer, evil = f"http://idp.example:{port_of(op)}", f"http://evil.example:{port_of(op)}"
    op.tamper.discovery = lambda document: {
        **{
            name: value.replace(op.issuer, issuer) if isinstance(value, str) else value
            for name, value in document.items()
        },
        "jwks_uri": f"{evil}/jwks",
    }

    provider = Provider(op.settings(issuer=issuer, allow_insecure=True, http_timeout=LONG), dice.now)
    assert provider.look().up is False

    assert "leads to a machine" in provider.state().last_error
    assert op.requests["/jwks"] == 0


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1%eth0", "::ffff:127.0.0.1", "x"],
)
def test_off_limits(address: str) -> None:
    assert is_off_limits(address)


@pytest.mark.parametrize("address", ["64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "2002:a9fe:a9fe::1", "2002:7f00:1::"])
def test_another_way_to_the_same_machine_is_none(address: str) -> None:
    """A translator (RFC 6052) or a relay (RFC 3056) makes the IPv4 address of it."""
    assert is_off_limits(address)


@pytest.mark.parametrize("address", ["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"])
def test_where_clouds_keep_secrets_without_being_next_door(address: str) -> None:
    assert is_off_limits(address)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "192.168.1.1", "192.0.2.1", "2001:db8::1", "fd00::1", "64:ff9b::a00:1"]
)
def test_a_companys_own_network_is_where_its_provider_is(address: str) -> None:
    assert not is_off_limits(address)


@pytest.mark.parametrize("host", ["op.example;sandbox", "op.example,default-src", "op'.example", "a*b"])
def test_a_host_that_would_say_something_in_a_policy_is_none(host: str) -> None:
    """It stands in the Content-Security-Policy of the page on which one signs out."""
    assert why_not_callable(f"https://{host}/end", allow_insecure=False) == "has a host that there cannot be"
