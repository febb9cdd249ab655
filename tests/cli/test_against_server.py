"""The command line and the SDK against a real server: issue 2's story, told by scripts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

import gatepost
from gatepost import errors
from gatepost.client import AsyncClient, Bearer, Client, Password, Tokens
from tests.loops import in_a_loop
from tests.ports import free_port

SOURCE = str(Path(gatepost.__file__).parent.parent)
GATEPOST = (sys.executable, "-m", "gatepost.cli")
ADMIN = Password("admin", "correct horse battery staple")
START = 30.0  # seconds until the server must be ready


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """One person's shell: a folder for sign-ins, and the server in the environment."""

    folder: Path
    url: str

    def __call__(self, *arguments: str, stdin: str = "", **variables: str) -> Ran:
        environ = {"PYTHONPATH": SOURCE, "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(self.folder)}
        done = subprocess.run(
            (*GATEPOST, *arguments),
            env={**environ, "GATEPOST_URL": self.url, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str, stdin: str = "", **variables: str) -> str:
        ran = self(*arguments, stdin=stdin, **variables)
        assert ran.code == 0, f"{arguments}: {ran}"
        return ran.out


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run `gatepost serve` on a free port and an empty database until the block ends."""
    port = free_port()
    environ = {
        "PYTHONPATH": SOURCE,
        "PATH": os.environ["PATH"],
        "GATEPOST_DATABASE__URL": f"sqlite:///{folder / 'gatepost.db'}",
        "GATEPOST_INITIAL_ADMIN_PASSWORD": ADMIN.password,
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            (*GATEPOST, "serve", "--port", str(port)), env=environ, cwd=folder, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process, folder / "server.log")
            yield url
        finally:
            process.terminate()
            process.wait(START)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask until the server says that it is ready: this one, and no other test's that took the port in between."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if (
                f"Gatepost is at {url}" in log.read_text()
                and httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200
            ):
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)  # between two questions; the answer is what is waited for
    pytest.fail(f"the server did not become ready:\n{log.read_text()}")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as place:
        yield place


@pytest.fixture(scope="module")
def admin(url: str, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("admin"), url)
    shell.done("login", "--username", "admin", "--password", "-", stdin=f"{ADMIN.password}\n")
    return shell


def person(admin: Shell, name: str, folder: Path) -> Shell:
    """Make somebody and sign them in."""
    password = f"{name} has a long password"
    admin.done("user", "create", name, "--password", "-", stdin=f"{password}\n")
    shell = Shell(folder / name, admin.url)
    shell.done("login", "--username", name, "--password", "-", stdin=f"{password}\n")
    return shell


def test_a_colleague_in_the_group_sees_what_is_shared(admin: Shell, tmp_path: Path) -> None:
    ann, ben = person(admin, "ann", tmp_path), person(admin, "ben", tmp_path)
    ann.done("resource", "create", "collection:sales", "--display-name", "Sales")
    admin.done("group", "create", "data-team")

    assert ben("check", "me", "view", "collection:sales").code == 1
    assert ben("resource", "show", "collection:sales").code == 2

    ann.done("access", "grant", "collection:sales", "editor", "group:data-team#member")
    admin.done("group", "add", "data-team", "user:ben")

    assert ben("check", "me", "edit", "collection:sales") == Ran(0, "allowed\n", "")
    assert ben("check", "me", "delete", "collection:sales") == Ran(1, "denied\n", "")
    assert "data-team" in ben.done("check", "me", "edit", "collection:sales", "--explain")
    assert "Sales" in ben.done("resource", "list")
    assert "group:data-team#member" in ann.done("access", "list", "collection:sales")

    ann.done("access", "revoke", "collection:sales", "editor", "group:data-team#member")
    assert ben("check", "me", "view", "collection:sales").code == 1


def test_who_may_not_ask_about_others_cannot_tell(admin: Shell, tmp_path: Path) -> None:
    cid = person(admin, "cid", tmp_path)

    ran = cid("check", "user:admin", "view", "collection:none")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert admin("check", "user:cid", "view", "collection:none").code == 1


def test_a_script_does_the_same_with_an_api_token(admin: Shell, url: str, tmp_path: Path) -> None:
    secret = admin.done("token", "create", "ci").strip()
    script = Shell(tmp_path, url)

    who = json.loads(script.done("whoami", "--json", GATEPOST_API_KEY=secret))
    assert (who["username"], who["method"]) == ("admin", "api_token")
    assert secret not in admin.done("token", "list", "--json")

    [token] = [row for row in json.loads(admin.done("token", "list", "--json")) if row["name"] == "ci"]
    admin.done("token", "revoke", token["id"])
    assert script("whoami", GATEPOST_API_KEY=secret).code == 2


def test_an_api_token_is_a_secret_in_a_server_spec(admin: Shell, url: str, tmp_path: Path) -> None:
    """AG-17: user:secret@host:port, the secret being a token."""
    secret = admin.done("token", "create", "spec").strip()
    spec = f"admin:{secret}@{url.removeprefix('http://')}"

    who = json.loads(Shell(tmp_path, url).done("whoami", "--json", "--server", "-", stdin=f"{spec}\n"))

    assert who["username"] == "admin"


def test_a_service_has_a_role_and_a_token(admin: Shell, url: str, tmp_path: Path) -> None:
    admin.done("role", "create", "loader", "--permission", "dataset:view")
    secret = admin.done("service-token", "create", "etl", "--role", "loader").strip()

    who = json.loads(Shell(tmp_path, url).done("whoami", "--json", GATEPOST_API_KEY=secret))

    assert (who["kind"], who["roles"]) == ("service", ["loader"])
    assert "etl" in admin.done("service", "list")
    assert "loader" in admin.done("role", "list")


def test_without_a_credential_one_is_anonymous(url: str, tmp_path: Path) -> None:
    nobody = Shell(tmp_path, url)

    assert json.loads(nobody.done("whoami", "--json"))["kind"] == "anonymous"
    ran = nobody("group", "create", "g")
    assert (ran.code, ran.err) == (2, "gatepost: this needs a signed-in caller (gatepost login)\n")


def test_logout_ends_the_tokens_too(admin: Shell, url: str, tmp_path: Path) -> None:
    dan = person(admin, "dan", tmp_path)
    kept = json.loads((tmp_path / "dan" / "gatepost" / "sign-ins.json").read_text())["servers"][url]

    dan.done("logout")

    with Client(url, Bearer(kept["access_token"])) as client, pytest.raises(errors.InvalidToken):
        client.me()


def test_the_audit_log_is_filtered_by_the_server(admin: Shell) -> None:
    admin.done("group", "create", "audited")

    rows = json.loads(admin.done("audit", "list", "--json", "--filter", "event=group.created"))

    assert "group:audited" in {row["target"] for row in rows}
    assert {row["event"] for row in rows} == {"group.created"}
    lines = admin.done("audit", "export", "--filter", "event=group.created").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows]


def test_what_somebody_alone_owns_asks_for_an_option(admin: Shell, tmp_path: Path) -> None:
    person(admin, "owen", tmp_path).done("resource", "create", "collection:owens")

    refused = admin("user", "delete", "owen")

    assert (refused.code, refused.out) == (2, "")
    assert refused.err.endswith("alone owns 1 resource: say whom to transfer to (--transfer-to): collection:owens\n")
    assert admin.done("user", "delete", "owen", "--transfer-to", "admin") == "deleted user owen\n"


def test_a_wrong_field_is_named(admin: Shell) -> None:
    ran = admin("group", "create", "a b")

    assert ran.code == 2
    assert "name" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "list"],
        ["user", "show", "admin"],
        ["user", "rights", "admin"],
        ["user", "find", "adm"],
        ["user", "identities"],
        ["user", "conflicts"],
        ["group", "list"],
        ["role", "list"],
        ["role", "show", "admin"],
        ["role", "assignees", "admin"],
        ["service", "list"],
        ["service-token", "list"],
        ["session", "list"],
        ["resource", "list"],
        ["provider", "list"],
        ["provider", "options"],
        ["keys", "list"],
        ["audit", "list"],
        ["audit", "export", "--format", "csv"],
        ["audit", "export"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_everything_can_be_read(admin: Shell, arguments: list[str]) -> None:
    admin.done(*arguments)
    if arguments[:2] != ["audit", "export"]:
        json.loads(admin.done(*arguments, "--json"))


def test_the_sdk_reads_every_answer_as_its_type(url: str) -> None:
    with Client(url, ADMIN) as client:
        client.create_group("readers", description="who reads")
        client.add_member("readers", "user:admin")
        client.create_resource("dataset:orders-2027", display_name="odd id")
        client.grant("dataset:orders-2027", "viewer", "group:readers#member")

        assert client.me().roles == ("admin",)
        assert client.group("readers").description == "who reads"
        assert [member.subject for member in client.members("readers")] == ["user:admin"]
        assert client.resource("dataset:orders-2027").display_name == "odd id"
        assert {grant.relation for grant in client.access("dataset:orders-2027")} == {"owner", "viewer"}
        assert client.check("user:admin", "view", "dataset:orders-2027").allowed
        assert client.explain("user:admin", "view", "dataset:orders-2027").sentence
        batch = client.check_batch([("user:admin", "view", "dataset:orders-2027"), (None, "view", "dataset:none")])
        assert len(batch.results) == 2
        assert client.create_token("sdk").id in {token.id for token in client.tokens()}
        for listing in (client.users, client.roles, client.services, client.service_tokens, client.sessions):
            list(listing(limit=1))
        for plain in (client.audit, client.providers, client.keys, client.sign_in_options, client.identities):
            list(plain())
        client.revoke("dataset:orders-2027", "viewer", "group:readers#member")
        client.delete_resource("dataset:orders-2027")
        client.delete_group("readers")
        with pytest.raises(errors.NotFound):
            client.group("readers")


def test_many_threads_share_one_refresh(url: str) -> None:
    with Client(url, ADMIN) as first:
        tokens = first.sign_in()
    stale = Tokens(tokens.access_token[:-4] + "AAAA", tokens.refresh_token)
    with Client(url, stale) as client, ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda _: client.me().username, range(32)))

    assert set(names) == {"admin"}


def test_many_tasks_share_one_refresh(url: str) -> None:
    async def run() -> set[str]:
        async with AsyncClient(url, ADMIN) as first:
            tokens = await first.sign_in()
        stale = Tokens(tokens.access_token[:-4] + "AAAA", tokens.refresh_token)
        async with AsyncClient(url, stale) as client:
            return {me.username for me in await asyncio.gather(*(client.me() for _ in range(32)))}

    assert in_a_loop(run) == {"admin"}
