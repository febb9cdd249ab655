"""People, for whoever runs the platform: making, looking at, changing, disabling, deleting."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.pages import Wanted
from gatepost.directory.rights import rights_of
from gatepost.directory.roles import list_roles
from gatepost.directory.users import (
    Ended,
    NewPassword,
    NewUser,
    UserChange,
    change_user,
    create_user,
    delete_user,
    get_user,
    list_users,
    set_password,
)
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.agents import agent_text
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.holdings import groups_held, roles_held
from gatepost.server.console.home import how
from gatepost.server.console.origins import names_of_providers
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render, url
from gatepost.sso.identities import list_identities
from gatepost.sso.reread import Reread
from gatepost.tokens.session_list import end_session, list_sessions

ACTIONS = ("create", "edit", "delete", "reset_password")
MOST_NAMES = 500


def may_of(gate: Gatepost, caller: Principal, noun: str, actions: tuple[str, ...] = ACTIONS) -> dict[str, bool]:
    """What the caller may do with users, groups, roles or services: what they may not is not offered."""
    return {action: gate.may(caller, f"{noun}:{action}") for action in actions}


def show_users(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    query, cursor = request.query_params.get("q", "").strip(), request.query_params.get("cursor", "")
    page = list_users(gate, caller, Wanted(cursor=cursor), query)
    may, vouching = may_of(gate, caller, "user"), names_of_providers(gate.settings)
    return render(request, "users.html", page=page, query=query, may=may, vouching=vouching)


def show_new(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require(caller, "user:create", seen_by="")
    vouching = [*names_of_providers(gate.settings).items()]
    vouching += [(i.name, i.name) for i in gate.settings.delegated.issuers]
    return render(request, "new_user.html", status=status_of(wrong), wrong=wrong, vouching=vouching)


@posted("user", show_new, hashes=True)
def create(request: Request, form: Form) -> Response:
    external = form.text("external") or None
    made = create_user(
        gate_of(request),
        caller_of(request),
        NewUser(
            username=form.text("username"),
            password=form.raw("password") or None,
            email=form.text("email") or None,
            display_name=form.text("display_name") or None,
            external=external,
        ),
    )
    return go_to(request, url("users", made.username), "made")


def show_user(
    request: Request, wrong: Wrong | None = None, ended: Ended | None = None, reread: Sequence[Reread] = ()
) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require(caller, "user:view", seen_by="")
    profile = get_user(gate, caller, request.path_params["username"])
    rights = rights_of(gate, caller, profile.username)
    subject = str(profile.entity)
    may = may_of(gate, caller, "user")
    may["assign"] = gate.may(caller, "role:assign") and gate.may(caller, "role:view")
    may["sessions"] = gate.may(caller, "session:view")
    may["end"] = gate.may(caller, "session:delete")
    may["sync"] = gate.may(caller, "user:sync")
    roles = [role.name for role in list_roles(gate, caller, Wanted(limit=MOST_NAMES)).items] if may["assign"] else []
    held = roles_held(gate, caller, rights, subject)
    return render(
        request,
        "user.html",
        status=status_of(wrong),
        wrong=wrong,
        ended=ended,
        reread=reread,
        profile=profile,
        rights=rights,
        groups=groups_held(gate, caller, rights, subject),
        roles=held,
        assignable=[name for name in roles if name not in {h.name for h in held if h.origin}],
        sessions=sessions_of(gate, caller, profile.username) if may["sessions"] else [],
        identities=list_identities(gate, caller, profile.username),
        providers=names_of_providers(gate.settings),
        subject=subject,
        may=may,
    )


def sessions_of(gate: Gatepost, caller: Principal, username: str) -> list[dict[str, object]]:
    """Where somebody is signed in, for the list on their page."""
    found = list_sessions(gate, caller, Wanted(), username).items
    return [{"session": it, "agent": agent_text(it.agent), "how": how(gate, it.method, it.provider)} for it in found]


@posted("session", show_user)
def end_one(request: Request, form: Form) -> Response:
    end_session(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, url("users", request.path_params["username"]) + "#sessions", "session-ended")


@posted("profile", show_user)
def change(request: Request, form: Form) -> Response:
    username = request.path_params["username"]
    gate, caller = gate_of(request), caller_of(request)
    profile = get_user(gate, caller, username)
    email, verified = form.text("email") or None, form.text("email_verified") == "yes"
    wanted = UserChange(display_name=form.text("display_name"), email=email)
    if verified != profile.email_verified or (verified and email != profile.email):
        wanted = UserChange(display_name=form.text("display_name"), email=email, email_verified=verified)
    change_user(gate, caller, username, wanted)
    return go_to(request, url("users", username), "changed")


@posted("disable", show_user)
def disable(request: Request, _form: Form) -> Response:
    """What ended with it is said here, so there is no redirect; doing it twice does nothing more."""
    username = request.path_params["username"]
    ended = change_user(gate_of(request), caller_of(request), username, UserChange(disabled=True))
    return show_user(request, ended=ended)


@posted("disable", show_user)
def enable(request: Request, _form: Form) -> Response:
    username = request.path_params["username"]
    change_user(gate_of(request), caller_of(request), username, UserChange(disabled=False))
    return go_to(request, url("users", username), "enabled")


@posted("password", show_user, hashes=True)
def reset_password(request: Request, form: Form) -> Response:
    username = request.path_params["username"]
    set_password(gate_of(request), caller_of(request), username, NewPassword(password=form.raw("password")))
    return go_to(request, url("users", username), "password")


def show_delete(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    gate.require(caller, "user:delete", seen_by="user:view")
    profile = get_user(gate, caller, request.path_params["username"])
    return render(
        request,
        "confirm.html",
        status=status_of(wrong),
        wrong=wrong,
        title=f"Delete {profile.display_name}?",
        what=f"The account {profile.username} goes for good, with its sessions, tokens, memberships and permissions.",
        label=f"Delete {profile.username}",
        back=url("users", profile.username),
        heir_field=True,
    )


@posted("confirm", show_delete)
def delete(request: Request, form: Form) -> Response:
    username = request.path_params["username"]
    delete_user(gate_of(request), caller_of(request), username, form.text("transfer_to") or None)
    return go_to(request, "/users", "deleted")


def routes() -> list[BaseRoute]:
    one = "/users/{username}"
    return [
        Route("/users", own(show_users), methods=["GET"]),
        Route("/users", create, methods=["POST"]),
        Route("/console/new-user", own(show_new), methods=["GET"]),
        Route(one, own(show_user), methods=["GET"]),
        Route(f"{one}/profile", change, methods=["POST"]),
        Route(f"{one}/disable", disable, methods=["POST"]),
        Route(f"{one}/enable", enable, methods=["POST"]),
        Route(f"{one}/password", reset_password, methods=["POST"]),
        Route(f"{one}/end-session", end_one, methods=["POST"]),
        Route(f"{one}/delete", own(show_delete), methods=["GET"]),
        Route(f"{one}/delete", delete, methods=["POST"]),
    ]
