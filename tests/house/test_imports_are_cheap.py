"""`import gatepost` costs next to nothing, so that a command line answers at once.

Counted in modules, not in milliseconds: a count is the same on every machine.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "alembic",
    "argon2",
    "cryptography",
    "fastapi",
    "httpx2",
    "jinja2",
    "joserfc",
    "psycopg",
    "pydantic",
    "sqlalchemy",
)


def loaded_by(statement: str) -> set[str]:
    """Run a statement in an interpreter of its own and answer the top-level modules that it left loaded."""
    program = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(answer.stdout.split())


@pytest.mark.parametrize("statement", ["import gatepost", "import gatepost.errors, gatepost.principal"])
def test_importing_the_words_loads_nothing_heavy(statement: str) -> None:
    loaded = loaded_by(statement)

    assert "gatepost" in loaded
    assert loaded.intersection((*HEAVY, "starlette", "uvicorn", "click", "asyncio")) == set()


def test_the_count_sees_a_heavy_import() -> None:
    assert "sqlalchemy" in loaded_by("import sqlalchemy")
