"""Every command: what it sends, what it prints, and how it ends (CO-X3)."""

from __future__ import annotations

import json

import click
import pytest

from gatepost.cli.commands import COMMANDS, root
from tests.cli.conftest import Run
from tests.cli.stand_in import StandIn

OK: tuple[int, object] = (204, None)
ALLOWED: tuple[int, object] = (200, {"allowed": True, "revision": "e.1"})
DENIED: tuple[int, object] = (200, {"allowed": False, "revision": "e.1"})


def commands(group: click.Group, *above: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """List every command that does something, with its words."""
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        words = (*above, name)
        found += commands(command, *words) if isinstance(command, click.Group) else [(words, command)]
    return found


LOCAL = {("serve",), ("demo",), ("config", "check"), ("config", "import"), ("model", "check"), ("model", "test")}


def test_every_command_that_asks_a_server_takes_server_and_json() -> None:
    for words, command in commands(root):
        if words not in LOCAL and words[0] not in ("context", "completion"):
            assert {"spec", "wants_json"} <= {option.name for option in command.params}, words


def test_every_command_says_what_it_does() -> None:
    assert all(command.help for _, command in commands(root))
    assert all(entry.help for entry in COMMANDS.values())


@pytest.mark.parametrize(
    "arguments",
    [
        "--server URL --json user show bob",
        "--server=URL user --json show bob",
        "user --server URL show bob --json",
        "--json user show bob --server URL",
    ],
)
def test_which_server_is_said_before_the_command_or_after_it(run: Run, server: StandIn, arguments: str) -> None:
    server.answers["GET /users/bob"] = (200, {"username": "bob"})

    result = run(*arguments.replace("URL", server.url).split())

    assert (result.exit_code, json.loads(result.stdout)) == (0, {"username": "bob"}), result.stderr


@pytest.mark.parametrize("arguments", ["whoami", "user show bob", "token create t", "check me view collection:c"])
def test_json_of_another_server_is_no_answer(run: Run, server: StandIn, arguments: str) -> None:
    for asked in ("GET /me", "GET /users/bob", "POST /tokens", "POST /check"):
        server.answers[asked] = (200, {"hello": "world"})

    result = run(*arguments.split(), "--server", server.url)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("gatepost: the answer has no ")


@pytest.mark.parametrize("answer", [[], {}, {"items": [{"hello": "world"}]}, {"items": [], "next_cursor": 7}])
def test_a_list_of_another_server_is_no_answer(run: Run, server: StandIn, answer: object) -> None:
    server.answers["GET /users"] = (200, answer)

    result = run("user", "list", "--server", server.url)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("gatepost: the answer ")


def test_a_command_that_asks_no_server_takes_none_before_it_either(run: Run) -> None:
    result = run("--server", "http://127.0.0.1:1", "serve")

    assert (result.exit_code, result.stderr) == (2, "gatepost: No such option '--server' (see gatepost serve --help)\n")


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("user create bob --external keycloak", "POST /users"),
        ("user edit bob --disable", "PATCH /users/bob"),
        ("user delete bob --transfer-to user:alice", "DELETE /users/bob?transfer_to=user%3Aalice"),
        ("user sync bob", "POST /users/bob/sync"),
        ("user unlink 7", "DELETE /me/identities/7"),
        ("group create analysts", "POST /groups"),
        ("group edit analysts --description x", "PATCH /groups/analysts"),
        ("group delete analysts", "DELETE /groups/analysts"),
        ("group add data group:analysts#member", "PUT /groups/data/members/group:analysts%23member"),
        ("group remove data user:bob", "DELETE /groups/data/members/user:bob"),
        ("role create r --permission dataset:view", "POST /roles"),
        ("role edit r --permission dataset:*", "PATCH /roles/r"),
        ("role delete r", "DELETE /roles/r"),
        ("role assign reader anonymous:*", "PUT /roles/reader/assignees/anonymous:*"),
        ("role unassign reader anonymous:*", "DELETE /roles/reader/assignees/anonymous:*"),
        ("service create etl", "POST /services"),
        ("service edit etl --description x", "PATCH /services/etl"),
        ("service delete etl", "DELETE /services/etl"),
        ("token revoke 1", "DELETE /tokens/1"),
        ("service-token revoke 1", "DELETE /service-tokens/1"),
        ("session revoke 1", "DELETE /sessions/1"),
        ("resource create dataset:orders --parent collection:sales", "POST /resources"),
        ("resource edit dataset:orders --display-name Orders", "PATCH /resources/dataset/orders"),
        ("resource delete dataset:orders", "DELETE /resources/dataset/orders"),
        ("access grant collection:sales viewer user:*", "POST /resources/collection/sales/access"),
        ("access revoke collection:sales viewer user:*", "DELETE /resources/collection/sales/access/viewer/user:*"),
        ("keys rotate", "POST /keys/rotate"),
    ],
)
def test_a_change_is_one_request_and_one_sentence(run: Run, server: StandIn, arguments: str, sent: str) -> None:
    server.answers[sent] = OK

    result = run(*arguments.split(), "--server", server.url)

    assert (result.exit_code, server.lines) == (0, [sent])
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("user list", "GET /users"),
        ("user find ali", "GET /subjects?q=ali"),
        ("user identities", "GET /me/identities"),
        ("user conflicts", "GET /conflicts"),
        ("group list", "GET /groups"),
        ("group members g", "GET /groups/g/members"),
        ("role list", "GET /roles"),
        ("role assignees r", "GET /roles/r/assignees"),
        ("service list", "GET /services"),
        ("token list", "GET /tokens"),
        ("service-token list", "GET /service-tokens"),
        ("session list", "GET /sessions"),
        ("token list --owner bob", "GET /tokens?owner=bob"),
        ("service-token list --service etl", "GET /service-tokens?service=etl"),
        ("resource list", "GET /resources"),
        ("resource list --type dataset", "GET /resources?type=dataset"),
        ("access list collection:sales", "GET /resources/collection/sales/access"),
        ("provider list", "GET /providers"),
        ("provider options", "GET /auth/providers"),
        ("keys list", "GET /keys"),
        ("audit list", "GET /audit?limit=100"),
    ],
)
def test_a_list_is_json_for_scripts(run: Run, server: StandIn, arguments: str, sent: str) -> None:
    named = dict.fromkeys(("name", "username", "subject", "type", "id", "kid"), "x")
    row = {**named, "something_new": 1}
    listed: object = [row] if arguments == "provider options" else {"items": [row], "next_cursor": None}
    server.answers[sent] = (200, listed)

    result = run(*arguments.split(), "--json", "--server", server.url)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == [row]


def test_a_list_is_a_table_for_people(run: Run, server: StandIn) -> None:
    rows = [
        {"username": "alice", "display_name": "Alice", "disabled": False},
        {"username": "bo", "display_name": "B\x1b[31mo\n", "disabled": True},
    ]
    server.answers["GET /users"] = (200, {"items": rows, "next_cursor": None})

    result = run("user", "list", "--server", server.url)

    assert result.stdout.splitlines() == [
        "USERNAME  DISPLAY NAME  DISABLED",
        "alice     Alice",
        "bo        B\\x1b[31mo\\n  yes",
    ]


def test_what_a_provider_said_does_not_steer_a_terminal(run: Run, server: StandIn) -> None:
    """A claim's own words say why a group was left out, and whoever runs the provider writes them."""
    words = "\x1b]0;owned\x07\x1b[2J"
    synced = {"added": [], "removed": [f"team{words}"], "why": {f"team{words}": words}}
    said = {"provider": f"op{words}", "groups": synced, "roles": synced, "sessions_ended": 1, "refused": words}
    server.answers["POST /users/bob/sync"] = (200, {"items": [{**said, "failed": words}]})

    result = run("user", "sync", "bob", "--server", server.url)

    assert result.exit_code == 0
    assert "team\\x1b]0;owned" in result.stdout
    assert not {"\x1b", "\x07"} & set(result.output)


def test_what_a_server_says_of_an_error_does_not_steer_a_terminal(run: Run, server: StandIn) -> None:
    server.answers["GET /me"] = (403, {"title": "no", "code": "forbidden", "detail": "no\x1b[2J: Grüße,\n世界"})

    result = run("whoami", "--server", server.url)

    assert result.exit_code == 2
    assert "no\\x1b[2J: Grüße, 世界" in result.stderr
    assert "\x1b" not in result.output


def test_a_list_goes_on_to_its_last_page(run: Run, server: StandIn) -> None:
    server.answers["GET /groups"] = (200, {"items": [{"name": "a"}], "next_cursor": "c2"})
    server.answers["GET /groups?cursor=c2"] = (200, {"items": [{"name": "b"}], "next_cursor": None})

    result = run("group", "list", "--server", server.url)

    assert result.stdout.split() == ["NAME", "a", "b"]


def test_the_audit_log_stops_at_its_limit(run: Run, server: StandIn) -> None:
    server.answers["GET /audit?event=x&limit=2"] = server.answers["GET /audit?limit=2&event=x"] = (
        200,
        {"items": [{"event": "x"}, {"event": "x"}], "next_cursor": "c2"},
    )

    result = run("audit", "list", "--limit", "2", "--filter", "event=x", "--json", "--server", server.url)

    assert (result.exit_code, len(json.loads(result.stdout)), len(server.seen)) == (0, 2, 1)


@pytest.mark.parametrize(("form", "media_type"), [("csv", "text/csv"), ("jsonl", "application/jsonl")])
def test_the_audit_log_is_exported_as_it_comes(run: Run, server: StandIn, form: str, media_type: str) -> None:
    server.answers["GET /audit?event=x"] = (200, "at,event")
    server.media_type = media_type

    result = run("audit", "export", "--format", form, "--filter", "event=x", "--server", server.url)

    assert (result.exit_code, result.stdout) == (0, '"at,event"')
    assert media_type in server.seen[0].headers["Accept"]


@pytest.mark.parametrize(
    ("answer", "exit_code", "output"),
    [
        pytest.param(ALLOWED, 0, "allowed\n", id="allowed"),
        pytest.param(DENIED, 1, "denied\n", id="denied"),
        pytest.param((503, {"title": "x", "detail": "later"}), 2, "", id="an outage is not a no"),
        pytest.param((401, {"title": "x", "detail": "who?"}), 2, "", id="unauthenticated"),
        pytest.param((403, {"title": "x", "detail": "no"}), 2, "", id="may not ask"),
        pytest.param((200, {"revision": "e.1"}), 2, "", id="no answer in the answer"),
        pytest.param((200, {"allowed": "no"}), 2, "", id="a text is not an answer"),
        pytest.param((200, []), 2, "", id="another shape"),
    ],
)
def test_check_answers_by_its_exit_code(
    run: Run, server: StandIn, answer: tuple[int, object], exit_code: int, output: str
) -> None:
    server.answers["POST /check"] = answer

    result = run("check", "user:alice", "view", "collection:sales", "--server", server.url)

    assert (result.exit_code, result.stdout) == (exit_code, output)
    assert server.seen[0].body == {"subject": "user:alice", "action": "view", "resource": "collection:sales"}
    assert len(result.stderr.splitlines()) == (1 if exit_code == 2 else 0)


def test_check_explains_a_yes(run: Run, server: StandIn) -> None:
    step = {"object": "group:g", "relation": "member", "subject": "user:alice", "text": "alice is in group g"}
    answer = {"allowed": True, "sentence": "alice may, through group g", "path": [step], "tried": []}
    server.answers["POST /explain"] = (200, answer)

    result = run("check", "me", "edit", "collection:sales", "--explain", "--server", server.url)

    assert result.stdout.splitlines() == [
        "allowed",
        "  alice may, through group g",
        "  because: alice is in group g",
    ]
    assert server.seen[0].body == {"action": "edit", "resource": "collection:sales"}


def test_check_explains_a_no(run: Run, server: StandIn) -> None:
    answer = {"allowed": False, "sentence": "no", "path": [], "tried": ["a role"], "would_allow": ["a share"]}
    server.answers["POST /explain"] = (200, answer)

    result = run("check", "me", "edit", "collection:sales", "--explain", "--server", server.url)

    assert (result.exit_code, result.stdout.splitlines()[1:]) == (
        1,
        ["  no", "  tried: a role", "  would allow it: a share"],
    )


def test_check_takes_the_specs_resource(run: Run, server: StandIn) -> None:
    server.answers["POST /check"] = ALLOWED
    spec = f"alice:gp_x@{server.url.removeprefix('http://')}/dataset:orders"

    assert run("check", "me", "view", "--server", spec).exit_code == 0
    assert server.seen[0].body["resource"] == "dataset:orders"
    assert run("check", "me", "view", "--server", server.url).exit_code == 2


def test_doctor_says_why_not(run: Run, server: StandIn) -> None:
    server.answers["GET /readyz"] = (503, {"status": "stale", "database": "unreachable"})
    result = run("doctor", "--server", server.url)
    assert result.exit_code == 1
    assert "unreachable" in result.stdout

    server.answers["GET /readyz"] = (200, {"status": "ready"})
    assert run("doctor", "--server", server.url).exit_code == 0


def test_provider_try_is_an_address(run: Run, server: StandIn) -> None:
    server.answers["GET /auth/providers"] = (200, [{"name": "keycloak", "login_url": "/oauth/keycloak/login"}])
    result = run("provider", "try", "keycloak", "--no-browser", "--server", server.url)
    assert result.stdout == f"{server.url}/oauth/keycloak/login?try=true\n"
