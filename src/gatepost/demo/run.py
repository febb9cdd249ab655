"""`gatepost demo`: a server on a throw-away database, a sample company, and its identity provider beside it."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket

from gatepost.demo import platform
from gatepost.demo.provider import DemoClient, DemoProvider, ProviderAccount, start_provider
from gatepost.demo.seed import fresh_token, seed
from gatepost.errors import ConfigurationError, GatepostError
from gatepost.gate import Dice, Gatepost
from gatepost.opening import open_gatepost
from gatepost.server.first_look import look_at_providers
from gatepost.server.run import listen, run
from gatepost.settings import DatabaseSettings, MainSettings, ProviderSettings, Secret, Settings, SsoSettings

HOST = "127.0.0.1"
NARRATOR = "ines"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A button on the sign-in page.  Without `login_url` it fills the form, with the password that was printed too."""

    username: str
    label: str
    login_url: str | None
    password: str | None = field(repr=False)


def demo(port: int) -> int:
    """Run the demo until Ctrl-C.  Returns the exit code: 0 after a clean stop, 2 if it could not start."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        listener = listen(HOST, port)
    except OSError as error:
        print(f"gatepost: {error}; this one is free: gatepost demo --port {free_port()}", file=sys.stderr)
        return 2
    try:
        with suppress(KeyboardInterrupt), _platform(port) as gate:  # Ctrl-C may come before the server listens for it
            look_at_providers(gate)
            run(gate, listener)
    except (ConfigurationError, GatepostError) as error:
        print(f"gatepost: {error}", file=sys.stderr)
        return 2
    print("\nStopped. Nothing of the demo is left.")
    return 0


@contextmanager
def _platform(port: int) -> Iterator[Gatepost]:
    """The company, with its provider, on a database that is gone afterwards."""
    dice = Dice()
    password, client_secret = f"tidewater-{dice.secret(6)}", dice.secret(32)
    folder = Path(tempfile.mkdtemp(prefix="gatepost-demo-"))
    url = f"http://{HOST}:{port}"
    try:
        with ThreadPoolExecutor(1) as beside, _started(url, password, client_secret, beside) as provider:
            settings = _settings(url, folder, provider.issuer, client_secret, password)
            with open_gatepost(Gatepost, settings, dice) as gate:
                seed(gate, password)
                gate.demo_people = tuple(_buttons(password))
                _tell(url, provider.issuer, password, fresh_token(gate, NARRATOR))
                yield gate
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(url: str, password: str, client_secret: str, beside: ThreadPoolExecutor) -> Iterator[DemoProvider]:
    client = DemoClient(
        client_id="gatepost",
        client_secret=client_secret,
        public_url=url,
        redirect_uris=(f"{url}/oauth/{platform.PROVIDER}/callback",),
        post_logout_redirect_uris=(f"{url}/oauth/{platform.PROVIDER}/signed-out",),
    )
    accounts = [
        ProviderAccount(
            username=person.username,
            password=password,
            given_name=person.given_name,
            family_name=person.family_name,
            email=person.email,
            groups=person.groups,
        )
        for person in platform.PEOPLE
        if person.signs_in == "provider"
    ]
    with beside.submit(start_provider, accounts, client=client).result() as provider:
        yield provider


def _settings(url: str, folder: Path, issuer: str, client_secret: str, password: str) -> Settings:
    provider = ProviderSettings(
        name=platform.PROVIDER,
        display_name=platform.PROVIDER_DISPLAY_NAME,
        issuer=issuer,
        client_id="gatepost",
        client_secret=Secret(client_secret),
        groups_claim="groups",
    )
    return Settings(
        main=MainSettings(public_url=url, initial_admin_password=Secret(password)),
        database=DatabaseSettings(url=Secret(f"sqlite:///{folder / 'demo.db'}")),
        sso=SsoSettings(providers=(provider,)),
    )


def _buttons(password: str) -> Iterator[DemoPerson]:
    for person in platform.PEOPLE:
        if person.featured:
            elsewhere = person.signs_in == "provider"
            yield DemoPerson(
                username=person.username,
                label=f"{person.given_name}, {person.title}",
                login_url=f"/oauth/{platform.PROVIDER}/login?login_hint={person.username}" if elsewhere else None,
                password=None if elsewhere else password,
            )


def _tell(url: str, issuer: str, password: str, token: str) -> None:
    """Say where everything is, who is who, and three lines to paste."""
    print(f"\n{platform.COMPANY}, a sample data platform\n")
    print(f"  Gatepost           {url}")
    print(f"  {platform.PROVIDER_DISPLAY_NAME:<18} {issuer} (the identity provider)\n")
    print(f"  Everybody's password is {password}\n")
    print(f"    {'admin':<9} {'the administrator':<36} here")
    for person in platform.PEOPLE:
        where = f"at {platform.PROVIDER_DISPLAY_NAME}" if person.signs_in == "provider" else "here"
        print(f"    {person.username:<9} {f'{person.given_name}, {person.title}':<36} {where}")
    gatepost = _command()
    share = '{"subject": "group:sales-team", "relation": "viewer"}'
    print(f"\n  Three lines to paste into another terminal (the token is {NARRATOR}'s):\n")
    print(f"    curl -H 'Authorization: Bearer {token}' '{url}/api/v1/resources?limit=3'")
    print(f"    GATEPOST_URL={url} GATEPOST_API_KEY={token} {gatepost} check user:bob view dataset:invoices --explain")
    print(
        f"    curl -X POST -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' "
        f"-d '{share}' {url}/api/v1/resources/collection/operations/access"
    )
    print("\n  Ctrl-C stops it, and nothing stays behind.\n", flush=True)


def _command() -> str:
    """How `gatepost` is called from the folder that the demo was started in."""
    beside = Path(sys.executable).with_name("gatepost")
    if shutil.which("gatepost") or not beside.exists():
        return "gatepost"
    here = Path.cwd()
    return str(beside.relative_to(here)) if beside.is_relative_to(here) else str(beside)


def free_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
