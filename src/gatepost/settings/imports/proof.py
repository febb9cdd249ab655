"""What an import writes is read as any configuration is, before anybody sees it."""

from __future__ import annotations

import tomllib

from gatepost.errors import ConfigurationError
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.tree import refusal
from gatepost.settings.load import Reading
from gatepost.settings.sources import Given, Sources

SAMPLE = "to-be-set"


def prove(imported: Imported) -> None:
    """Return if `config check` will pass once the secrets are set.

    Raises:
        ConfigurationError: with the first thing that is wrong, such as two providers that cannot be told apart.
    """
    document = tomllib.loads(imported.toml)
    sources = Sources(
        given={(section, key): Given(value, "") for section, keys in document.items() for key, value in keys.items()}
    )
    Reading(sources, dict.fromkeys(imported.secrets, SAMPLE)).read("127.0.0.1", 8420)
    if sources.problems:
        raise refused(sources.problems[0])


def refused(problem: str) -> ConfigurationError:
    sentence = problem.removeprefix("environment").removeprefix(": ")
    return refusal(f"would make a configuration that does not start: {sentence}")
