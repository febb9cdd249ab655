"""`gatepost doctor`: one line on each thing that can be wrong, for a server that runs and for a configuration alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gatepost.doctor import Check, Status, examine, examine_configuration, of_clock, worst
from gatepost.errors import Forbidden
from gatepost.gate import Dice, Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.settings import DelegatedIssuer, DelegatedSettings, KeysSettings, Secret, Settings, SsoSettings
from gatepost.sso.states import providers_of
from tests.conftest import ADMIN, OpenGate, settings_for
from tests.dice import FakeDice
from tests.sso.provider_in_process import InProcessProvider, Raw, running_provider


@pytest.fixture
def op() -> Iterator[InProcessProvider]:
    with running_provider() as provider:
        yield provider


def with_sources(url: str, op: InProcessProvider) -> Settings:
    issuer = DelegatedIssuer(name="gateway", issuer=op.issuer, audience=("elsewhere",))
    settings = replace(settings_for(url), delegated=DelegatedSettings(issuers=(issuer,)))
    main = replace(settings.main, public_url_configured=True, allow_anonymous_access=False)
    return replace(settings, main=main, sso=SsoSettings(providers=(op.settings(),)))


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def gate_url(database_url: str) -> str:
    return database_url


def test_a_gate_that_is_well(open_gate: OpenGate, gate_url: str, op: InProcessProvider) -> None:
    gate = open_gate(with_sources(gate_url, op), dice=Dice())
    for source in providers_of(gate).sources():
        source.look()

    checks = examine(gate, ADMIN)

    assert worst(checks) is Status.OK, checks
    names = {"database", "encryption key", "signing keys", "public_url", "provider: op", "clock: op"}
    assert names | {"issuer: gateway", "clock: gateway"} == set(by_name(checks)) - {"clock: database"}


def test_a_configuration_over_a_database_that_is_well(
    open_gate: OpenGate, gate_url: str, op: InProcessProvider
) -> None:
    settings = with_sources(gate_url, op)
    open_gate(settings)

    checks = examine_configuration(settings, Dice())

    assert worst(checks) is Status.OK, checks
    assert by_name(checks)["provider: op"].message == "it answers, 1 key known"


def test_one_that_is_down_is_a_finding_and_holds_up_nobody(sqlite_url: str, op: InProcessProvider) -> None:
    settings = with_sources(sqlite_url, op)
    op.tamper.raw["/jwks"] = Raw(status=503)
    nobody = op.settings(name="nobody", issuer="http://127.0.0.1:1")
    checks = by_name(
        examine_configuration(replace(settings, sso=SsoSettings(providers=(nobody, op.settings()))), Dice())
    )

    assert checks["provider: nobody"] == Check(
        "provider: nobody", Status.FAIL, "no answer when asked for the discovery document"
    )
    assert checks["provider: op"] == Check("provider: op", Status.FAIL, "the key set answered 503")
    assert checks["issuer: gateway"].status is Status.FAIL


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, op: InProcessProvider) -> None:
    settings = with_sources(f"sqlite:///{tmp_path}/gatepost.db", op)
    check = by_name(examine_configuration(settings, Dice()))["database"]

    assert (check.status, check.message) == (Status.WARN, "gatepost.db is not there yet: the first start makes it")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    check = by_name(examine_configuration(settings_for(f"sqlite:///{tmp_path}/no/gatepost.db"), Dice()))["database"]
    assert check.status is Status.FAIL
    assert "does not exist" in check.message


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "gatepost.db").write_text("this is no database, and longer than its header is")
    check = by_name(examine_configuration(settings_for(f"sqlite:///{tmp_path}/gatepost.db"), Dice()))["database"]
    assert check.status is Status.FAIL


@pytest.mark.parametrize(
    ("schema", "status"), [("0001", Status.WARN), ("9999", Status.FAIL)], ids=["older", "newer than the program"]
)
def test_a_schema_of_another_age(gate: Gatepost, gate_url: str, schema: str, status: Status) -> None:
    with gate.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": schema})

    checks = by_name(examine_configuration(settings_for(gate_url), Dice()))

    assert (checks["database"].status, schema in checks["database"].message) == (status, True)
    assert "signing keys" not in checks, "what is in a schema that we do not know is not guessed"


def test_another_encryption_key_is_a_finding(gate: Gatepost, gate_url: str) -> None:
    settings = replace(settings_for(gate_url), keys=KeysSettings(encryption_keys=(Secret("y" * 40),)))
    check = by_name(examine_configuration(settings, Dice()))["encryption key"]
    assert (check.status, check.message) == (
        Status.FAIL,
        "none of them is the key that this database was sealed with",
    )


def test_a_key_file_that_is_missing_is_not_made(open_gate: OpenGate, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gatepost.db"
    settings = replace(settings_for(url), keys=KeysSettings())
    open_gate(settings)
    (tmp_path / "gatepost.db.key").unlink()

    check = by_name(examine_configuration(settings, Dice()))["encryption key"]

    assert check.status is Status.FAIL
    assert not (tmp_path / "gatepost.db.key").exists()


def test_an_algorithm_that_does_not_sign_yet(gate: Gatepost, gate_url: str) -> None:
    settings = settings_for(gate_url)
    check = by_name(
        examine_configuration(replace(settings, tokens=replace(settings.tokens, signing_algorithm="EdDSA")), Dice())
    )["signing keys"]
    assert (check.status, check.message) == (
        Status.WARN,
        "ES256 signs, and EdDSA is configured: gatepost keys rotate",
    )


@pytest.mark.parametrize(
    ("skew", "status"),
    [
        (timedelta(seconds=-3), Status.OK),
        (timedelta(seconds=40), Status.WARN),
        (timedelta(seconds=-90), Status.FAIL),
    ],
)
def test_clocks_are_compared(skew: timedelta, status: Status) -> None:
    check = of_clock("clock: op", skew, timedelta(seconds=60), "its tokens are refused")
    assert check.status is status
    assert (status is not Status.FAIL) or check.message.startswith("90 s behind ours, beyond the 60 s allowed")


def test_a_clock_of_ours_that_is_wrong_shows(
    open_gate: OpenGate, sqlite_url: str, op: InProcessProvider, dice: FakeDice
) -> None:
    """The test's clock stands still somewhere else than the provider's."""
    dice.advance(timedelta(days=400))
    gate = open_gate(with_sources(sqlite_url, op))
    providers_of(gate).get("op").look()
    assert by_name(examine(gate, ADMIN))["clock: op"].status is Status.FAIL


def test_public_url_without_tls_is_warned_of(sqlite_url: str) -> None:
    settings = settings_for(sqlite_url)
    plain = replace(settings, main=replace(settings.main, public_url="http://gate.example"))
    assert by_name(examine_configuration(plain, Dice()))["public_url"].status is Status.WARN


def test_examining_takes_the_permissions(gate: Gatepost) -> None:
    ann = Principal(subject=Entity("user", "ann"), method=Method.EMBEDDED, scope=None)
    with pytest.raises(Forbidden):
        examine(gate, ann)
