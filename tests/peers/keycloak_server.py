"""A Keycloak with its database in memory, and realms in it that are read from keycloak/realm.json."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.peers.company import Visitor
from tests.peers.programs import answers, made, program
from tests.ports import free_port

REALM = Path(__file__).parent / "keycloak/realm.json"
SECRET = "a-secret-of-the-test-client-only"
ADMIN = "admin-of-the-tests"
START_SECONDS = 240  # the first start ever builds itself, and two other programs may have the processors
# Half a gigabyte is enough; the thorough compiler would cost more than it gives in a minute's life.
JAVA = "-Xms64m -Xmx512m -XX:MaxMetaspaceSize=256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError"


def password(username: str) -> str:
    return f"{username}-at-keycloak"


def sign_in(visitor: Visitor, username: str = "alice", provider: str = "Keycloak") -> None:
    """Press the provider's button, and fill in Keycloak's form."""
    visitor.choose(provider)
    page = visitor.page
    page.locator("#username").fill(username)
    page.locator("#password").fill(password(username))
    page.locator("#kc-login").click()
    visitor.is_back()
    assert visitor.me()["username"] == username


class Realm:
    """One realm: alice (in data-team and staff, with the role curator) and bob (in nothing), and four clients."""

    def __init__(self, keycloak: Keycloak, name: str) -> None:
        self.issuer = f"{keycloak.url}/realms/{name}"
        self._keycloak = keycloak
        self._path = f"/admin/realms/{name}"

    def manage(self, method: str, path: str, **what: Any) -> Any:
        """Call the administration of this realm, and return what it answers."""
        return self._keycloak.manage(method, self._path + path, **what)

    def _id(self, kind: str, query: str) -> str:
        (found,) = self.manage("GET", f"/{kind}?{query}")
        return str(found["id"])

    def user(self, username: str) -> str:
        """The path of a user."""
        return f"/users/{self._id('users', f'username={username}&exact=true')}"

    def leave(self, username: str, group: str) -> None:
        """Take a user out of a group."""
        self.manage("DELETE", f"{self.user(username)}/groups/{self._id('groups', f'search={group}&exact=true')}")

    def join(self, username: str, group: str) -> None:
        """Put a user into a group."""
        self.manage("PUT", f"{self.user(username)}/groups/{self._id('groups', f'search={group}&exact=true')}")

    def end_sessions(self, username: str) -> None:
        """Sign a user out everywhere, as an administrator does."""
        self.manage("POST", f"{self.user(username)}/logout")

    def tokens(self, client: str, username: str) -> dict[str, str]:
        """What a client gets for a username and a password, without a browser."""
        asked = {"grant_type": "password", "scope": "openid", "username": username, "password": password(username)}
        with httpx2.Client(trust_env=False, timeout=30) as http:
            answer = http.post(
                f"{self.issuer}/protocol/openid-connect/token",
                data={**asked, "client_id": client, "client_secret": SECRET},
            )
        assert answer.is_success, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens


class Keycloak:
    """A running Keycloak."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)

    def realm(self, gatepost: str, algorithm: str = "ES256") -> Realm:
        """A fresh realm for the Gatepost at that address, which proves itself with keys of `algorithm`."""
        name = f"company-{next(self._numbers)}"
        text = REALM.read_text(encoding="utf-8")
        for variable, value in (("@REALM@", name), ("@GATEPOST@", gatepost), ("@ALGORITHM@", algorithm)):
            text = text.replace(variable, value)
        self.manage("POST", "/admin/realms", json=json.loads(text))
        return Realm(self, name)

    def manage(self, method: str, path: str, **what: Any) -> Any:
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=60) as http:
            asked = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": ADMIN}
            answer = http.post("/realms/master/protocol/openid-connect/token", data=asked)
            bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            answer = http.request(method, path, headers=bearer, **what)
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def _link(source: Path, target: Path, *, besides: str) -> None:
    for each in source.iterdir():
        if each.name != besides:
            (target / each.name).symlink_to(each)


@contextmanager
def running_keycloak(folder: Path) -> Iterator[Keycloak]:
    """Start Keycloak, with what it writes in `folder`.  Its host is another site than Gatepost's 127.0.0.1."""
    home, built = made("keycloak"), Path("lib/quarkus")
    _link(home, folder, besides="lib")
    (folder / "lib").mkdir()
    _link(home / "lib", folder / "lib", besides=built.name)
    shutil.copytree(home / built, folder / built)  # where it builds itself at its start, and so may another beside it
    port = free_port()
    command: list[str | Path] = [
        folder / "bin/kc.sh",
        "start-dev",
        "--db=dev-mem",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
    ]
    environment = {"JAVA_OPTS": JAVA, "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN}
    url = f"http://localhost:{port}"
    log = folder / "keycloak.log"
    with program(command, lambda: answers(f"{url}/realms/master"), log, within=START_SECONDS, environment=environment):
        yield Keycloak(url)
