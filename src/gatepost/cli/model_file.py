"""Reading a model from a file: the modelling language, or OpenFGA's JSON, with every fault that it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gatepost.access import AuthorizationModel, read_model_json
from gatepost.access.builtin import completed
from gatepost.access.dsl import Places, parse_with_places
from gatepost.access.validate import every_fault
from gatepost.errors import ConfigurationError, InvalidModel

LARGEST_MODEL = 1 << 20  # bytes of text: the model itself may have 256 KiB, and text has comments


def read_text(file: Path, most: int = LARGEST_MODEL) -> str:
    """Return the text of a file.  Raises `ConfigurationError` for one that is too large, or no text."""
    with file.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ConfigurationError([f"{file}: is longer than {most >> 20} MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{file}: is not UTF-8 text: byte {error.start + 1} fits no character"]) from None


def read_model_text(text: str, *, main: bool) -> AuthorizationModel:
    """Read a model whole.  Raises `InvalidModel` for its first fault.

    `main`: as on the platform's own store, where Gatepost's types are there already.
    """
    model, places = _parsed(text)
    model = completed(model) if main else model
    for fault in every_fault(model, places):
        raise fault
    return model


def faults_of(text: str, *, main: bool) -> list[InvalidModel]:
    """List every fault, in the order of their places.  What cannot be parsed has one: where the parser stopped."""
    try:
        model, places = _parsed(text)
        model = completed(model) if main else model
    except InvalidModel as error:
        return [error]
    return sorted(every_fault(model, places), key=lambda fault: (fault.line, fault.column))


def _parsed(text: str) -> tuple[AuthorizationModel, Places]:
    if not text.lstrip().startswith("{"):
        parsed = parse_with_places(text)
        return parsed.model, parsed.places
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidModel(f"this is not JSON: {error.msg}", line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise InvalidModel("this is nested too deep for JSON") from None
    if isinstance(document, Mapping) and isinstance(document.get("authorization_model"), Mapping):
        document = document["authorization_model"]  # as OpenFGA's API answers it
    return read_model_json(document), {}
