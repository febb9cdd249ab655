"""What `deploy/` holds beside the gateways: configuration that passes the check, and files that name what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gatepost.cli.commands import root
from gatepost.settings.load import check_file, load
from gatepost.settings.sources import keys_of, section_types, variable
from tests.house.source import ROOT

DEPLOY = ROOT / "deploy"
SECRETS = {
    "admin_password": "an-admin-of-the-tests",
    "database_url": "postgresql://gatepost:secret@postgres/gatepost",
    "encryption_key": "x" * 40,
}


@pytest.mark.parametrize("name", ["gatepost.toml", "compose.toml"])
def test_the_configuration_passes_the_check(name: str, tmp_path: Path) -> None:
    for secret, text in SECRETS.items():
        tmp_path.joinpath(secret).write_text(text)
    file = tmp_path / name
    file.write_text(DEPLOY.joinpath(name).read_text("utf-8").replace("/run/secrets/", f"{tmp_path}/"), "utf-8")

    assert check_file(file, {}) == []
    settings = load(file, {})
    assert settings.warnings() == []
    assert settings.main.trusted_proxies, "without them no gateway is believed"
    assert [host.public_url for host in settings.forward_auth.hosts] == ["https://app.example"]


def test_the_same_names_are_in_every_file() -> None:
    for name in ("gatepost.toml", "nginx.conf", "Caddyfile", "traefik-routes.yaml", "envoy.yaml"):
        text = DEPLOY.joinpath(name).read_text("utf-8")
        assert {"auth.example", "app.example"} <= set(re.findall(r"\b\w+\.example\b", text)), name


def test_what_compose_starts(tmp_path: Path) -> None:
    compose = yaml.safe_load(DEPLOY.joinpath("compose.yaml").read_text("utf-8"))
    gatepost = compose["services"]["gatepost"]

    assert (DEPLOY / gatepost["build"]["context"] / gatepost["build"]["dockerfile"]).is_file()
    assert (DEPLOY / gatepost["volumes"][0].partition(":")[0]).is_file()
    assert set(gatepost["secrets"]) == set(SECRETS)
    assert set(gatepost["secrets"]) | set(compose["services"]["postgres"]["secrets"]) == set(compose["secrets"])
    subnet = compose["networks"]["gateway"]["ipam"]["config"][0]["subnet"]
    assert subnet in DEPLOY.joinpath("compose.toml").read_text("utf-8")
    assert all(port.startswith("127.0.0.1:") for port in gatepost["ports"]), "only the gateway reaches it"


def test_what_the_container_is_built_of() -> None:
    text = DEPLOY.joinpath("Dockerfile").read_text("utf-8")
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")

    assert all((ROOT / name).is_file() for name in re.findall(r"requirements/\w+\.txt", text))
    assert all(f"\n{target}:" in makefile for target in re.findall(r"make (\w+)$", text, re.MULTILINE))
    assert re.search(r"^USER gatepost$", text, re.MULTILINE), "nothing of it is root's"


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "gatepost.service"])
def test_every_variable_and_option_that_is_named_exists(name: str) -> None:
    text = DEPLOY.joinpath(name).read_text("utf-8")
    known = {variable(section, key) for section, of in section_types().items() for key in keys_of(of)}
    served = CliRunner().invoke(root, ["serve", "--help"]).output

    assert set(re.findall(r"GATEPOST_[A-Z_]+", text)) <= known
    (line,) = re.findall(r"^(?:ExecStart=|CMD |    command: )(.*serve.*)$", text, re.MULTILINE)
    assert [option for option in re.findall(r"--[a-z-]+", line) if f"{option} " not in served] == []


def test_the_unit_starts_a_command_that_there_is(tmp_path: Path) -> None:
    text = DEPLOY.joinpath("gatepost.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    words = shlex.split(command)

    assert words[1] == "serve"
    assert {"--config", "--host", "--port"} <= set(words)
    database = re.findall(r'"sqlite:///(/[^"]*)"', DEPLOY.joinpath("gatepost.toml").read_text("utf-8"))
    folder = re.findall(r"^StateDirectory=(\w+)$", text, re.MULTILINE)
    assert database[0].startswith(f"/var/lib/{folder[0]}/"), "all else is read-only"


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    """Where systemd is: the rest of this file is tested everywhere."""
    verify = shutil.which("systemd-analyze")
    if verify is None:
        return
    unit = tmp_path / "gatepost.service"
    text = DEPLOY.joinpath("gatepost.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/gatepost/bin/gatepost", "/bin/true"), "utf-8")
    done = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)

    assert "gatepost.service:" not in done.stderr, done.stderr


def test_no_secret_gets_into_the_container() -> None:
    """The secrets of compose.yaml stand beside it, and so inside of what is copied to build."""
    ignored = DEPLOY.joinpath("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    compose = yaml.safe_load(DEPLOY.joinpath("compose.yaml").read_text("utf-8"))

    assert {f"deploy/{secret['file']}" for secret in compose["secrets"].values()} <= set(ignored)
    assert {".git", ".venv", "**/*.db*", "**/*.key", "**/*.pem", ".env"} <= set(ignored)


def test_whoever_runs_the_container_can_read_its_secrets() -> None:
    """Compose hands files on as they are on the host: with their owner, and their mode."""
    (user,) = re.findall(r"--uid (\d+)", DEPLOY.joinpath("Dockerfile").read_text("utf-8"))
    text = DEPLOY.joinpath("compose.yaml").read_text("utf-8")
    (owned,) = re.findall(rf"^#   chown {user} (.*?) &&", text, re.MULTILINE)

    assert set(owned.split()) == set(yaml.safe_load(text)["services"]["gatepost"]["secrets"])
