"""Other products' configuration of single sign-on, turned into Gatepost's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gatepost.errors import ConfigurationError
from gatepost.settings.imports.allegrograph import from_allegrograph
from gatepost.settings.imports.conduktor import from_conduktor
from gatepost.settings.imports.draft import refused
from gatepost.settings.imports.hasura import from_hasura
from gatepost.settings.imports.imported import Imported
from gatepost.settings.imports.infrahub import from_infrahub
from gatepost.settings.imports.proof import prove

PRODUCTS: Mapping[str, Callable[[str], Imported]] = {
    "hasura": from_hasura,
    "allegrograph": from_allegrograph,
    "conduktor": from_conduktor,
    "infrahub": from_infrahub,
}

__all__ = ["PRODUCTS", "Imported", "convert"]


def convert(product: str, text: str, file: str) -> Imported:
    """Return the configuration that a product's file means, which passes `config check` once its secrets are set.

    `file` is the name to give in errors.

    Raises:
        ConfigurationError: with one sentence that names the file, the key and, where it is known, the line.
    """
    try:
        imported = PRODUCTS[product](text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"))
        prove(imported)
    except ConfigurationError as error:
        raise refused(error, file) from None
    return imported
