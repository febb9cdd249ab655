"""To open a gate, to ask and to make somebody brings along no framework and no HTTP library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOREIGN = (
    "alembic",
    "fastapi",
    "httpx2",
    "jinja2",
    "prometheus_client",
    "pydantic",
    "starlette",
    "strawberry",
    "uvicorn",
)
OURS = ("gatepost.server", "gatepost.cli", "gatepost.client.talk", "gatepost.demo", "gatepost.authn")


def loaded_by(*lines: str) -> set[str]:
    """Run lines in an interpreter of its own and answer the modules that they left loaded."""
    program = "\n".join([*lines, "import sys", "print(*sorted(sys.modules))"])
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(answer.stdout.splitlines()[-1].split())


@pytest.fixture
def opening(tmp_path: Path) -> tuple[str, ...]:
    return "from gatepost import Gatepost", f"gate = Gatepost.open('sqlite:///{tmp_path}/gatepost.db')"


def test_opening_asking_and_writing(opening: tuple[str, ...]) -> None:
    loaded = loaded_by(
        *opening,
        "assert gate.check('user:admin', 'user:create', 'platform:main').allowed",
        "gate.create_user('alice')",
        "assert len(list(gate.users())) == 2",
        "assert gate.acting_as('user:alice').me().username == 'alice'",
        "gate.close()",
    )

    assert "gatepost.embedded.gatepost" in loaded
    assert sorted(loaded.intersection((*FOREIGN, *OURS))) == []


def test_who_signs_in_brings_the_ways_to_sign_in(opening: tuple[str, ...]) -> None:
    loaded = loaded_by(*opening, "assert gate.authenticate(None).is_anonymous", "gate.close()")

    assert "gatepost.authn" in loaded
    assert sorted(loaded.intersection((*FOREIGN, *OURS[:4]))) == []
