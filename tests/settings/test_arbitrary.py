"""Whatever is written, the answer is settings or the list of problems."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.errors import ConfigurationError
from gatepost.settings import load, reference

KEYS = sorted({key.key.rpartition(".")[2] for key in reference()})
PATHS = sorted(key.key for key in reference() if "[]" not in key.key)
TEXTS = st.sampled_from(
    ["", "x", "https://x.example", "http://x", "30m", "$.a", "(a+)+", "^(.*)@.*", "\\1", "\n", "none"]
)
SCALARS = st.one_of(TEXTS, st.text(max_size=12), st.booleans(), st.integers(), st.floats(allow_nan=False), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "env", "file", "path", "default"]), inner, max_size=6),
    ),
    max_leaves=12,
)
ROWS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=14)


def loads(path: Path | None, environ: dict[str, str]) -> None:
    problems: tuple[str, ...] = ()
    try:
        load(path, environ).warnings()
    except ConfigurationError as error:
        problems = error.problems or ("",)
    for problem in problems:
        assert problem
        assert problem.isprintable()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arbitrary") / "gatepost.toml"


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_a_list_of_problems(content: bytes, file: Path) -> None:
    file.write_bytes(content)
    loads(file, {})


@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(
                ["[main]", "[sso]", "[[sso.providers]]", "[[delegated.issuers]]", "[keys]", "[tokens]", ""]
            ),
            st.sampled_from(KEYS),
            VALUES,
        ),
        max_size=8,
    )
)
def test_any_toml_is_a_configuration_or_a_list_of_problems(lines: list[tuple[str, str, object]], file: Path) -> None:
    text = "\n".join(f"{table}\n{key} = {toml(value)}" for table, key, value in lines)
    file.write_bytes(text.encode(errors="replace"))
    loads(file, {})


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(ROWS, max_size=3), section=st.sampled_from(["SSO__PROVIDERS", "DELEGATED__ISSUERS"]))
def test_any_json_in_a_variable_is_a_configuration_or_a_list_of_problems(
    rows: list[dict[str, object]], section: str
) -> None:
    loads(None, {f"GATEPOST_{section}": json.dumps(rows)})


@given(path=st.sampled_from(PATHS), text=st.text(max_size=60))
def test_any_text_in_a_variable_is_a_configuration_or_a_list_of_problems(path: str, text: str) -> None:
    section, _, key = path.partition(".")
    name = f"GATEPOST_{key}" if section == "main" else f"GATEPOST_{section}__{key}"
    loads(None, {name.upper(): text})


@given(secret=st.text("abcdefghijkmnpqrstuvwxyzABCDEFGH23456789", min_size=24, max_size=40), row=ROWS)
def test_no_problem_holds_a_secret_whatever_else_is_wrong(secret: str, row: dict[str, object]) -> None:
    environ = {
        "GATEPOST_SSO__PROVIDERS": json.dumps([{**row, "client_secret": secret}]),
        "GATEPOST_INITIAL_ADMIN_TOKEN": secret,
        "GATEPOST_KEYS__ENCRYPTION_KEYS": json.dumps([{"key": secret}]),
        "GATEPOST_DATABASE__URL": f"mysql://gatepost:{secret}@db/gatepost",
    }

    with pytest.raises(ConfigurationError) as raised:
        load(None, environ)

    assert secret not in str(raised.value)


def toml(value: object) -> str:
    """Write a value as TOML, nearly: what is not TOML is a test too."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)
