"""Completion as people have it: the real zsh and the real fish, with the lines that our help tells them to write.

What click's protocol answers, and bash, are in test_every_command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shells import PROMPT, Typing, fish, shell, zsh


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a file in it to be completed."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "model.fga").write_text("model\n  schema 1.1\ntype user\n")
    return folder


@pytest.fixture(scope="module")
def typing(desk: Path) -> Iterator[Typing]:
    with zsh(desk) as typing:
        yield typing


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        pytest.param("gatepost us", "gatepost user ", id="a command"),
        pytest.param("gatepost access gr", "gatepost access grant ", id="a command within a group"),
        pytest.param("gatepost access grant --e", "gatepost access grant --expires-at ", id="an option"),
        pytest.param("gatepost export --format c", "gatepost export --format csv ", id="one of few values"),
        pytest.param("gatepost model check mo", "gatepost model check model.fga ", id="a file"),
        pytest.param("gatepost export -o mo", "gatepost export -o model.fga ", id="a file as a value"),
    ],
)
def test_zsh_completes(typing: Typing, typed: str, becomes: str) -> None:
    typing.types(f"{typed}\t", until=becomes)
    typing.types("\x15\r", until=PROMPT)


def test_zsh_lists_what_fits_with_its_description(typing: Typing) -> None:
    """A description has commas and colons, which part nothing here."""
    shown = typing.types("gatepost con\t", until=f"{PROMPT}gatepost con")
    typing.types("\x15\r", until=PROMPT)
    assert "context  -- Servers by name: list, add, use, remove." in shown
    assert "config   -- Check a configuration, or make one of another product's." in shown


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("gatepost us", {"user": "People: accounts, passwords, rights."}),
        ("gatepost access gr", {"grant": "Give SUBJECT a RELATION (viewer, editor,..."}),
        ("gatepost access grant --e", {"--expires-at": "When it ends: 2027-01-31T18:00:00Z."}),
        ("gatepost completion ", {"bash": "", "fish": "", "zsh": ""}),
        ("gatepost model check mo", {"model.fga": ""}),
        ("gatepost user show ", {}),
    ],
)
def test_fish_completes(desk: Path, line: str, offered: dict[str, str]) -> None:
    shell("fish")
    found = fish(desk, line)
    assert found.keys() == offered.keys()
    for name, description in offered.items():
        assert description in found[name]
