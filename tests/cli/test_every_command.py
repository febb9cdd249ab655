"""What holds for all commands, found by walking them: JSON, secrets by standard input, completion, how fast it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gatepost.cli.commands import root
from tests.cli.conftest import Run
from tests.cli.test_commands import commands
from tests.cli.test_endings import SOURCE

# These start something or print what is for another program; there is nothing to put into JSON.
NO_JSON = {("serve",), ("demo",), ("completion",), ("config", "import")}
SECRET_WORDS = ("password", "secret", "token", "key", "credential")


def options(command: click.Command) -> Iterator[click.Option]:
    yield from (each for each in command.params if isinstance(each, click.Option))


def test_json_can_be_had_of_every_command() -> None:
    without = {words for words, command in commands(root) if not any("--json" in o.opts for o in options(command))}
    assert without - NO_JSON == {words for words in without - NO_JSON if words[0] == "model"}


def test_a_secret_is_taken_from_standard_input_alone() -> None:
    """Nothing secret in `ps` or in history: an option for a secret has `-` as its only value."""
    found = []
    for words, command in commands(root):
        for option in options(command):
            named = max(option.opts, key=len).lstrip("-")
            if any(word in named.split("-") for word in SECRET_WORDS):
                assert option.callback is not None, (words, named)
                with pytest.raises(click.UsageError, match="can be read by others"):
                    option.callback(click.Context(command), option, "hunter2")
                found.append((*words, named))
        for argument in command.params:
            if isinstance(argument, click.Argument):
                assert not any(word in str(argument.name) for word in SECRET_WORDS), words
    assert ("login", "password") in found


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", "complete -o nosort -F"),
        ("zsh", "#compdef gatepost"),
        ("fish", "complete --no-files --command gatepost"),
    ],
)
def test_a_shell_can_have_its_completion(run: Run, shell: str, line: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert line in result.stdout
    assert run("completion", "csh").exit_code == 2


def test_the_help_has_the_lines_to_copy_as_they_are_typed(run: Run) -> None:
    """Click's mark for lines that stay as they are is the character, and no backslash with a letter."""
    for command in (("--help",), ("completion", "--help"), ("config", "import", "--help")):
        assert "\\b" not in run(*command).stdout
    assert '\n  bash, in ~/.bashrc:    eval "$(gatepost completion bash)"\n' in run("completion", "--help").stdout


def complete(*words: str, tmp_path: Path) -> list[str]:
    """Ask as bash's script does."""
    environ = {
        "PYTHONPATH": SOURCE,
        "PATH": os.environ["PATH"],
        "XDG_CONFIG_HOME": str(tmp_path),
        "COMP_WORDS": " ".join(("gatepost", *words)),
        "COMP_CWORD": str(len(words)),
        "_GATEPOST_COMPLETE": "bash_complete",
    }
    program = "from gatepost.cli import root; root.main(prog_name='gatepost')"
    done = subprocess.run((sys.executable, "-c", program), env=environ, capture_output=True, text=True, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    assert complete("con", tmp_path=tmp_path) == ["context", "config"]
    assert "--expires-at" in complete("access", "grant", "--e", tmp_path=tmp_path)


def test_bash_reads_its_script(tmp_path: Path, run: Run) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(run("completion", "bash").stdout)
    done = subprocess.run(("bash", "-n", str(script)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
