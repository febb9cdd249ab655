"""`gatepost doctor` on the command line: a line for each check, `--json`, and exit codes 0, 1 and 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn
from tests.conftest import settings_for

READY = (200, {"status": "ready", "revision": "abc.7"})
CHECKS = [
    {"name": "database", "status": "ok", "message": "it answers"},
    {"name": "provider: op", "status": "warn", "message": "slow"},
]


def examined(status: str, *more: dict[str, str]) -> tuple[int, object]:
    return 200, {"status": status, "checks": [*CHECKS, *more]}


def test_a_line_for_each_check_and_0_with_warnings(run: Run, server: StandIn) -> None:
    server.answers |= {"GET /readyz": READY, "POST /doctor": examined("warn")}
    result = run("doctor", "--server", server.url)

    assert result.exit_code == 0
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [
        ["ok", "server"],
        ["ok", "database"],
        ["warn", "provider:"],
    ]


def test_a_finding_is_1_and_json_has_it_all(run: Run, server: StandIn) -> None:
    bad = {"name": "provider: second", "status": "fail", "message": "the key set answered 503"}
    server.answers |= {"GET /readyz": READY, "POST /doctor": examined("fail", bad)}
    result = run("doctor", "--server", server.url, "--json")

    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["status"] == "fail"
    assert answer["checks"][-1] == bad


@pytest.mark.parametrize(("status", "code"), [(401, "unauthenticated"), (403, "forbidden"), (404, "not_found")])
def test_whoever_may_not_ask_is_told_what_was_left_out(run: Run, server: StandIn, status: int, code: str) -> None:
    refused = (status, {"title": code, "code": code, "status": status, "detail": "no"})
    server.answers |= {"GET /readyz": READY, "POST /doctor": refused}
    result = run("doctor", "--server", server.url)

    assert result.exit_code == 0
    assert "sign in as an administrator" in result.stdout


def test_a_bad_credential_is_no_reason_to_leave_things_out(run: Run, server: StandIn) -> None:
    refused = (401, {"title": "invalid_token", "code": "invalid_token", "status": 401, "detail": "no"})
    server.answers |= {"GET /readyz": READY, "POST /doctor": refused}
    assert run("doctor", "--server", server.url).exit_code == 2


def test_a_server_that_cannot_be_asked_is_2(run: Run) -> None:
    assert run("doctor", "--server", "http://127.0.0.1:1").exit_code == 2


def write(folder: Path, text: str) -> str:
    file = folder / "gatepost.toml"
    file.write_text(text)
    return str(file)


def test_a_configuration_is_examined_without_a_server(run: Run, tmp_path: Path) -> None:
    provider = '[[sso.providers]]\nname = "op"\nissuer = "http://127.0.0.1:1"\nclient_id = "gatepost"\n'
    database = f'[database]\nurl = "sqlite:///{tmp_path}/gatepost.db"\n'
    result = run("doctor", "--config", write(tmp_path, database + provider))

    assert result.exit_code == 1
    assert "gatepost.db is not there yet" in result.stdout
    assert "no answer when asked for the discovery document" in result.stdout
    assert not (tmp_path / "gatepost.db").exists()


def test_a_wrong_configuration_is_a_finding_with_every_problem(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--json", "--config", write(tmp_path, '[main]\nno = 1\n[database]\nurl = "mysql://x"\n'))

    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert {check["name"] for check in answer["checks"]} == {"configuration"}
    assert len(answer["checks"]) == 2


def test_no_secret_is_printed(run: Run, tmp_path: Path) -> None:
    """The URL of the database and the keys stay where they are, whatever is wrong with them."""
    assert settings_for("sqlite:///x").keys.encryption_keys
    text = '[database]\nurl = "postgresql://gate:hunter2hunter2@127.0.0.1:1/gate"\n[keys]\nencryption_keys = ["'
    result = run("doctor", "--config", write(tmp_path, text + "hunter3" * 8 + '"]\n'))

    assert result.exit_code == 1
    assert "the database does not answer" in result.stdout
    assert "hunter" not in result.output
