"""What an application imports brings neither the server along nor a framework that it does not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Of the client, what speaks with a server: its answers are plain values that the embedded calls give too.
SERVER = ("gatepost.server", "gatepost.cli", "gatepost.demo", "gatepost.client.talk", "uvicorn", "strawberry")


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("gatepost.asgi", ("fastapi", "flask", "werkzeug")),
        ("gatepost.fastapi", ("flask", "werkzeug")),
        ("gatepost.wsgi", ("fastapi", "starlette", "flask", "werkzeug")),
        ("gatepost.sqlalchemy", ("fastapi", "starlette", "flask")),
        ("gatepost.testing", ("fastapi", "starlette", "flask", "pytest")),
    ],
)
def test_an_edge_brings_no_other(module: str, others: tuple[str, ...]) -> None:
    program = f"import {module}\nimport sys\nprint(*sorted(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(answer.stdout.split())

    assert module in loaded
    assert sorted(loaded.intersection((*SERVER, *others))) == []


def test_the_names_of_the_contract() -> None:
    import gatepost.asgi
    import gatepost.fastapi
    import gatepost.sqlalchemy
    import gatepost.testing
    import gatepost.wsgi

    promised = {
        gatepost.asgi: ("Authentication", "require"),
        gatepost.fastapi: ("current_principal", "requires"),
        gatepost.wsgi: ("Authentication",),
        gatepost.sqlalchemy: ("visible_to",),
        gatepost.testing: ("TestGatepost",),
    }
    assert [name for module, names in promised.items() for name in names if not hasattr(module, name)] == []
