"""My account: how I am called, my password, and the sign-ins elsewhere that open it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.users import NewPassword, UserChange, change_user, get_user, set_password
from gatepost.errors import InvalidField
from gatepost.server.console.forms import Form, Wrong, posted, status_of
from gatepost.server.console.origins import names_of_providers
from gatepost.server.console.rendering import caller_of, gate_of, go_to, own, render
from gatepost.sso.identities import list_identities, password_counts, unlink_identity


def show_account(request: Request, wrong: Wrong | None = None) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    profile = get_user(gate, caller, caller.subject.id)
    names = names_of_providers(gate.settings)
    return render(
        request,
        "account.html",
        status=status_of(wrong),
        wrong=wrong,
        profile=profile,
        provider=names.get(profile.external or "", profile.external or ""),
        identities=list_identities(gate, caller),
        providers=names,
        passwords=password_counts(gate, profile.username),
    )


@posted("profile", show_account)
def change(request: Request, form: Form) -> Response:
    caller = caller_of(request)
    wanted = UserChange(display_name=form.text("display_name"), email=form.text("email") or None)
    change_user(gate_of(request), caller, caller.subject.id, wanted)
    return go_to(request, "/account", "changed")


@posted("password", show_account, hashes=True)
def change_password(request: Request, form: Form) -> Response:
    caller = caller_of(request)
    if form.raw("password") != form.raw("again"):
        raise InvalidField({"again": "the two are not the same: type the new password twice"})
    wanted = NewPassword(password=form.raw("password"), current_password=form.raw("current_password"))
    set_password(gate_of(request), caller, caller.subject.id, wanted)
    return go_to(request, "/account", "password")


@posted("unlink", show_account)
def unlink(request: Request, form: Form) -> Response:
    unlink_identity(gate_of(request), caller_of(request), form.text("id"))
    return go_to(request, "/account#elsewhere", "unlinked")


def routes() -> list[BaseRoute]:
    return [
        Route("/account", own(show_account), methods=["GET"]),
        Route("/account/profile", change, methods=["POST"]),
        Route("/account/password", change_password, methods=["POST"]),
        Route("/account/unlink", unlink, methods=["POST"]),
    ]
