"""Signing in through the browser: here on this computer, or on any other with a code to type."""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from gatepost.cli.loopback import Loopback, Typed
from gatepost.cli.show import text_of
from gatepost.client import oauth2
from gatepost.client.credentials import Tokens
from gatepost.client.errors import (
    Misconfigured,
    NotGatepost,
    Refused,
    SignInRefused,
    Throttled,
    Unavailable,
    Unreachable,
)

if TYPE_CHECKING:
    from gatepost.client.sync_client import Client

PATIENCE = 600.0  # seconds
LONGEST_PAUSE = 60.0
SLOWER = 5.0  # seconds more for each `slow_down` (RFC 8628 section 3.5)


def is_browser_likely(environ: Mapping[str, str], platform: str) -> bool:
    """Guess whether a browser that is opened here is seen by the person who asked."""
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    return platform in ("darwin", "win32") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def issuer_of(client: Client) -> str:
    """Return what the server calls itself.  Raises `Misconfigured` if that is another one than the one meant."""
    issuer = client.send(oauth2.metadata()).issuer
    oauth2.require_same_server(issuer, client.server.url)
    return issuer


def in_browser(client: Client, *, scope: str, opens: bool) -> Tokens:
    """Sign in in a browser on this computer."""
    issuer = issuer_of(client)
    state, verifier = new_secret(), new_secret()
    with Loopback(state) as loopback:
        redirect_uri = loopback.redirect_uri
        url = oauth2.authorization_url(issuer, redirect_uri=redirect_uri, state=state, verifier=verifier, scope=scope)
        _say(f"Sign in at this address, in a browser on this computer:\n\n  {text_of(url)}\n")
        pastes = not opens or sys.stdin.isatty()
        if pastes:
            _say("If the browser is on another computer, its last page will not load: paste that page's address here.")
        if opens:
            open_in_browser(url)
        answer = loopback.wait(PATIENCE, Typed() if pastes else lambda: "")
    code = oauth2.code_of(answer, state=state, issuer=issuer)
    return client.send(oauth2.exchange_code(code, redirect_uri, verifier))


def new_secret() -> str:
    """256 bits, as RFC 7636 section 4.1 wants them written."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode("ascii").rstrip("=")


def open_in_browser(url: str) -> None:
    import webbrowser  # lazily: it looks for programs when it is imported

    # One that cannot be opened is no error: the address stands in the terminal.
    webbrowser.open(url)


def on_a_device(client: Client, *, scope: str, sleep: Callable[[float], None] = time.sleep) -> Tokens:
    """Sign in in a browser anywhere, with a code that is typed there."""
    issuer = issuer_of(client)
    codes = client.send(oauth2.begin_device(scope))
    if not codes.verification_uri.startswith(f"{issuer}/"):
        raise Misconfigured(f"the server sends you to {urlsplit(codes.verification_uri).netloc}, which is another one")
    _say(f"Open this address in any browser:\n\n  {text_of(codes.verification_uri)}\n")
    _say(f"and type this code, within {codes.expires_in // 60} minutes:\n\n  {text_of(codes.user_code)}\n")
    if codes.verification_uri_complete.startswith(f"{issuer}/"):
        _say(f"or open this, where the code is filled in already:\n\n  {text_of(codes.verification_uri_complete)}\n")
    return _wait_for_answer(client, codes, sleep)


def _wait_for_answer(client: Client, codes: oauth2.DeviceCodes, sleep: Callable[[float], None]) -> Tokens:
    end = time.monotonic() + codes.expires_in
    interval = pause = float(max(codes.interval, 1))
    while time.monotonic() < end:
        sleep(pause)
        pause = interval
        try:
            return client.send(oauth2.poll_device(codes.device_code))
        except Throttled as error:
            pause = max(interval, error.retry_after)
        except (Unreachable, Unavailable, NotGatepost):
            # RFC 8628 section 3.5: a connection that fails is tried again, ever more slowly.
            interval = pause = min(interval * 2, LONGEST_PAUSE)
        except Refused as error:
            interval = pause = _interval_after(error, interval)
    raise SignInRefused("nobody typed the code within the time that there was: try again")


def _interval_after(error: Refused, interval: float) -> float:
    """Return the seconds to wait for, or raise what a refusal means."""
    match error.problem.code:
        case "authorization_pending":
            return interval
        case "slow_down":
            return interval + SLOWER
        case "access_denied":
            raise SignInRefused("the sign-in was refused in the browser") from error
        case "expired_token":
            raise SignInRefused("nobody typed the code within the time that there was: try again") from error
        case _:
            raise error


def _say(text: str) -> None:
    """On standard error: standard output is for the answer."""
    click.echo(text, err=True)
