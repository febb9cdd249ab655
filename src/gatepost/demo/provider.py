"""The demo's identity provider: Canaille, an OpenID provider from PyPI, in a process of its own on `localhost`.

    with start_provider(accounts, port=8421, client=DemoClient(...)) as provider:
        ...                      # people sign in at provider.issuer

It is on `localhost` and Gatepost on `127.0.0.1`, so that browsers take them for two sites, as in real life.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from gatepost.errors import ConfigurationError, Unavailable

START_SECONDS = 30.0
STOP_SECONDS = 5.0
SERVER = Path(__file__).with_name("canaille_server.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderAccount:
    """One person's account at the provider.  The e-mail counts as verified."""

    username: str
    password: str = field(repr=False)
    given_name: str
    family_name: str
    email: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoClient:
    """Gatepost, as the provider knows it: a confidential client with PKCE."""

    client_id: str
    client_secret: str = field(repr=False)
    public_url: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()


class DemoProvider:
    """A provider that runs.  Leaving the `with` block stops it; so does the end of this process, however it ends."""

    def __init__(self, process: subprocess.Popen[str], issuer: str) -> None:
        self.issuer = issuer
        self._process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Stop the provider and wait until it is gone.  A second call does nothing."""
        _stop(self._process)


def start_provider(accounts: Iterable[ProviderAccount], *, client: DemoClient, port: int = 0) -> DemoProvider:
    """Start the provider and return when it answers, after a second or two.

    Args:
        accounts: who can sign in there.
        client: who may ask it to.
        port: on `localhost`; 0 takes a free one, told by `.issuer`.

    Raises:
        ConfigurationError: if the packages of the extra `demo` are not installed.
        Unavailable: if it does not start, for example because the port is taken.
    """
    if importlib.util.find_spec("canaille") is None:
        raise ConfigurationError(["the demo's identity provider is not installed: pip install 'gatepost[demo]'"])
    process = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        [sys.executable, "-P", str(SERVER)],  # -P, or `platform.py` beside it would hide the standard library's
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which then stops its provider
    )
    given = {"port": port, "client": asdict(client), "accounts": [asdict(account) for account in accounts]}
    try:
        issuer = _told(process, json.dumps(given))
    except BaseException:
        _stop(process)
        raise
    return DemoProvider(process, issuer)


def _told(process: subprocess.Popen[str], given: str) -> str:
    """Give the child what it needs, and return the issuer that it prints when it serves."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise Unavailable("the demo's identity provider has no pipes")
    with suppress(BrokenPipeError):  # then it has ended already, and the line that does not come says so
        stdin.write(given + "\n")
        stdin.flush()
    lines: SimpleQueue[str] = SimpleQueue()
    reader = threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True)
    reader.start()
    try:
        issuer = lines.get(timeout=START_SECONDS).strip()
    except Empty:
        raise Unavailable(f"the demo's identity provider did not start within {START_SECONDS:g} s") from None
    if not issuer.startswith("http://"):
        raise Unavailable("the demo's identity provider did not start; what it printed says why")
    return issuer


def _stop(process: subprocess.Popen[str]) -> None:
    # The child ends when its input does.  That holds even where nobody is left to send a signal.
    if process.stdin is not None and not process.stdin.closed:
        with suppress(BrokenPipeError):
            process.stdin.close()
    for harder in (process.terminate, process.kill):
        try:
            process.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            harder()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
