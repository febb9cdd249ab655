"""Credentials from the environment (CO-12 to CO-15, CO-X2)."""

from __future__ import annotations

import pytest

from gatepost.client.credentials import Basic, Bearer, Credential, Nobody, Password
from gatepost.client.environment import credential_from, is_external, server_from
from gatepost.client.errors import Misconfigured
from gatepost.client.server import DEFAULT_URL, Server

URL = "https://gate.example"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, Nobody(), id="nothing"),
        pytest.param({"GATEPOST_API_KEY": "gp_k"}, Bearer("gp_k"), id="key"),
        pytest.param({"GATEPOST_API_KEY": "any", "GATEPOST_AUTH_MODE": "external"}, Bearer("any"), id="CO-14"),
        pytest.param(
            {"GATEPOST_USER": "id", "GATEPOST_PASSWORD": "s", "GATEPOST_AUTH_MODE": "external"},
            Basic("id", "s"),
            id="CO-15",
        ),
        pytest.param({"GATEPOST_USER": "a", "GATEPOST_PASSWORD": "pw"}, Password("a", "pw"), id="CO-12 password"),
        pytest.param(
            {"GATEPOST_USER": "a", "GATEPOST_PASSWORD": "gp_t", "GATEPOST_AUTH_MODE": "gatepost"},
            Basic("a", "gp_t"),
            id="a token as the password",
        ),
        pytest.param({"GATEPOST_API_KEY": "", "GATEPOST_USER": ""}, Nobody(), id="empty is unset"),
    ],
)
def test_the_environment_gives_one_credential(environ: dict[str, str], expected: Credential) -> None:
    assert credential_from(environ) == expected


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({"GATEPOST_USER": "a"}, "without GATEPOST_PASSWORD", id="CO-X2 half given"),
        pytest.param({"GATEPOST_PASSWORD": "hunter2"}, "without GATEPOST_USER", id="the other half"),
        pytest.param({"GATEPOST_USER": "a", "GATEPOST_API_KEY": "hunter2"}, "unset one", id="CO-X2 both"),
        pytest.param({"GATEPOST_PASSWORD": "hunter2", "GATEPOST_API_KEY": "k"}, "unset one", id="key and password"),
        pytest.param({"GATEPOST_AUTH_MODE": "hunter2"}, "neither 'gatepost' nor 'external'", id="CO-X2 unknown mode"),
        pytest.param({"GATEPOST_AUTH_MODE": "EXTERNAL"}, "neither 'gatepost' nor 'external'", id="in capitals"),
        pytest.param(
            {"GATEPOST_URL": "a:hunter2@h:1", "GATEPOST_API_KEY": "k"}, "unset one", id="a credential in the URL too"
        ),
    ],
)
def test_what_is_ambiguous_or_half_given_is_one_sentence(environ: dict[str, str], says: str) -> None:
    with pytest.raises(Misconfigured, match=says) as raised:
        server_from(environ)

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("environ", "spec", "expected"),
    [
        pytest.param({}, None, Server(DEFAULT_URL), id="nothing"),
        pytest.param({"GATEPOST_URL": URL}, None, Server(URL), id="url"),
        pytest.param({"GATEPOST_URL": URL, "GATEPOST_API_KEY": "k"}, None, Server(URL, Bearer("k")), id="url and key"),
        pytest.param({"GATEPOST_URL": URL}, "https://other", Server("https://other"), id="the command line's"),
        pytest.param(
            {"GATEPOST_API_KEY": "k"}, "a:pw@h:1", Server("http://h:1", Password("a", "pw")), id="a spec stands alone"
        ),
        pytest.param(
            {"GATEPOST_AUTH_MODE": "external", "GATEPOST_URL": "a:pw@h:1"},
            None,
            Server("http://h:1", Basic("a", "pw")),
            id="external spec",
        ),
    ],
)
def test_the_server_is_found(environ: dict[str, str], spec: str | None, expected: Server) -> None:
    assert server_from(environ, spec) == expected


def test_the_default_mode_is_gatepost() -> None:
    assert not is_external({})
    assert not is_external({"GATEPOST_AUTH_MODE": ""})
