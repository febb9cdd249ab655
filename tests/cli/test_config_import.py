"""`gatepost config import`: TOML on standard output, or one sentence and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.settings.imports.samples import SAMPLES


@pytest.mark.parametrize(("product", "text"), SAMPLES)
def test_what_is_printed_passes_config_check(run: Run, tmp_path: Path, product: str, text: str) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "gatepost.toml"
    theirs.write_text(text, encoding="utf-8")

    printed = run("config", "import", product, str(theirs))
    ours.write_text(printed.stdout, encoding="utf-8")
    names = [
        line.split(",")[0].removeprefix("#").strip() for line in printed.stdout.splitlines() if ", which was " in line
    ]
    checked = run("config", "check", str(ours), **dict.fromkeys(names, "value"))

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert (checked.exit_code, checked.stdout) == (0, "")


@pytest.mark.parametrize(
    ("product", "content", "sentence"),
    [
        pytest.param(
            "hasura", b"HASURA_GRAPHQL_SSO_PROVIDERS={", "line 1: HASURA_GRAPHQL_SSO_PROVIDERS is not JSON", id="json"
        ),
        pytest.param("allegrograph", b"Port 10035\n", "has no OAuth directive", id="nothing to take over"),
        pytest.param("conduktor", b"sso: [\n", "is not YAML that can be read", id="yaml"),
        pytest.param("infrahub", b"\xff\xfe", "is not UTF-8 text", id="bytes"),
        pytest.param("infrahub", b"A=1\n" * 300_000, "is longer than 1 MiB", id="huge"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    run: Run, tmp_path: Path, product: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / "theirs"
    file.write_bytes(content)

    result = run("config", "import", product, str(file))

    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert f"{file}: " in result.stderr
    assert sentence in result.stderr


def test_a_dash_is_standard_input(run: Run, tmp_path: Path) -> None:
    product, text = SAMPLES[0]
    (tmp_path / "theirs").write_text(text, encoding="utf-8")

    assert run("config", "import", product, "-", stdin=text).stdout == (
        run("config", "import", product, str(tmp_path / "theirs")).stdout
    )
    assert (
        "standard input: has no OAuth directive"
        in run("config", "import", "allegrograph", "-", stdin="Port 1\n").stderr
    )


def test_a_product_or_a_file_that_is_not_there_is_one_sentence(run: Run, tmp_path: Path) -> None:
    for arguments in (("keycloak", str(tmp_path)), ("hasura", str(tmp_path / "nowhere")), ("hasura",)):
        result = run("config", "import", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1


def test_the_help_names_every_product(run: Run) -> None:
    result = run("config", "import", "--help")

    assert result.exit_code == 0
    assert all(product in result.stdout for product in ("hasura", "allegrograph", "conduktor", "infrahub"))
