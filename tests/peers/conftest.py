"""Other people's programs, started for the tests that talk to them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "oidc_provider"
NPM = Path(__file__).resolve().parents[2] / "tools/npm.py"
REDIRECT_URI = "http://127.0.0.1:8420/oauth/peer/callback"


def node() -> str:
    """The machine's node, or the one that tools/npm.py brings."""
    if found := shutil.which("node"):
        return found
    return subprocess.run([sys.executable, NPM, "--node"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A running oidc-provider with the people alice and bob, and the client `gatepost` at REDIRECT_URI."""
    with running(REDIRECT_URI) as address:
        yield address


@contextmanager
def running(redirect_uri: str) -> Iterator[str]:
    """Run an oidc-provider whose client is at `redirect_uri`, with the addresses for signing out beside it."""
    if not (FOLDER / "node_modules").is_dir():
        pytest.skip("oidc-provider is not installed: run `make test-peers`")
    command = [node(), "provider.mjs", redirect_uri]
    with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if not (address := process.stdout.readline().strip()):
                pytest.fail(f"oidc-provider did not start: {process.stderr.read()}")
            yield address
        finally:
            process.terminate()
