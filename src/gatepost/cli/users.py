"""`gatepost user`: people."""

from __future__ import annotations

import click

from gatepost import errors
from gatepost.cli import show
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.cli.secret import read_secret, secret_option
from gatepost.client import requests


@click.group("user")
def users() -> None:
    """People: accounts, passwords, rights."""


@users.command("list")
@click.option("--search", help="A part of the username, the name or the e-mail.")
@remote
def list_users(at: Remote, search: str | None) -> None:
    """List the accounts."""
    at.table(requests.users(q=search), "username", "display_name", "email", "external", "disabled")


@users.command("show")
@click.argument("username")
@remote
def show_user(at: Remote, username: str) -> None:
    """Show one account."""
    at.card(requests.user(username))


@users.command("create")
@click.argument("username")
@secret_option("--password", "The first password; asked for if it is left out")
@click.option("--email")
@click.option("--display-name")
@click.option("--external", metavar="PROVIDER", help="The provider or issuer that will speak for it: no password then.")
@remote
def create_user(
    at: Remote, username: str, password: str | None, email: str | None, display_name: str | None, external: str | None
) -> None:
    """Make an account: a local one with a password, or one that a provider's first matching sign-in binds."""
    if external and password:
        raise click.UsageError("an external account has no password")
    secret = None if external else read_secret(password, "password", confirm=True)
    call = requests.create_user(username, password=secret, email=email, display_name=display_name, external=external)
    at.done(call, f"made user {username}")


@users.command("edit")
@click.argument("username")
@click.option("--disable/--enable", "disabled", default=None, help="Disabling ends all sessions and tokens at once.")
@click.option("--display-name")
@click.option("--email")
@click.option("--email-verified/--email-unverified", default=None)
@remote
def edit_user(
    at: Remote,
    username: str,
    disabled: bool | None,
    display_name: str | None,
    email: str | None,
    email_verified: bool | None,
) -> None:
    """Change an account; what is not named stays."""
    call = requests.change_user(
        username, disabled=disabled, display_name=display_name, email=email, email_verified=email_verified
    )
    answer = at.done(call, f"changed user {username}") or {}
    for resource in answer.get("left_without_owner") or []:
        click.echo(f"{resource} has no other owner", err=True)


@users.command("delete")
@click.argument("username")
@click.option("--transfer-to", metavar="SUBJECT", help="Who gets what the account alone owns.")
@yes_option
@remote
def delete_user(at: Remote, username: str, transfer_to: str | None, yes: bool) -> None:
    """Delete an account, its tokens, sessions and memberships."""
    sure(f"delete user {username}", yes)
    try:
        at.done(requests.delete_user(username, transfer_to=transfer_to), f"deleted user {username}")
    except errors.Conflict as error:
        raise click.ClickException(str(error).replace("(transfer_to)", "(--transfer-to)")) from error


@users.command("password")
@click.argument("username")
@secret_option("--current-password", "One's own takes the current one too; asked for with --own")
@secret_option("--password", "The new password; asked for if it is left out")
@click.option("--own", is_flag=True, help="Ask for the current password.")
@remote
def set_password(at: Remote, username: str, current_password: str | None, password: str | None, own: bool) -> None:
    """Set a password.  From standard input, the current one comes first, each on a line of its own."""
    current = read_secret(current_password, "current password") if own or current_password else None
    call = requests.set_password(username, read_secret(password, "password", confirm=True), current_password=current)
    at.done(call, f"set the password of {username}")


@users.command("rights")
@click.argument("username")
@remote
def rights(at: Remote, username: str) -> None:
    """List what a person may effectively do, and where each right comes from."""
    answer = at.ask(requests.rights(username))
    if at.wants_json:
        show.as_json(answer)
        return
    rows = [*answer.get("permissions", ()), *answer.get("relations", ())]
    show.as_table(rows, ("right", "resource", "source", "expires_at", "condition", "sentence"))


@users.command("sync")
@click.argument("username")
@remote
def sync(at: Remote, username: str) -> None:
    """Have a person's groups and roles read again, at each provider that gave a refresh token for them."""
    answer = at.done(requests.sync_user(username), f"read the groups of {username} again")
    if at.wants_json:
        return
    for said in (answer or {}).get("items", ()):
        for what in ("groups", "roles"):
            for name in (*said[what]["added"], *said[what]["removed"]):
                sign = "+" if name in said[what]["added"] else "-"
                why = said[what]["why"].get(name, "")  # a provider's own words are in it
                click.echo(show.text_of(f"{sign} {what.removesuffix('s')} {name}: {why}"))
        if said["refused"]:
            click.echo(show.text_of(f"{said['sessions_ended']} sessions ended: {said['refused']}"), err=True)
        if said.get("failed"):
            click.echo(show.text_of(f"not read at {said['provider']}: {said['failed']}"), err=True)


@users.command("find")
@click.argument("text")
@remote
def find(at: Remote, text: str) -> None:
    """Find users, groups and services by name, to share with."""
    at.table(requests.subjects(text), "subject", "kind", "display_name")


@users.command("identities")
@remote
def identities(at: Remote) -> None:
    """List the sign-ins elsewhere that are linked to your account."""
    at.table(requests.identities(), "id", "provider", "issuer", "subject", "linked_at")


@users.command("unlink")
@click.argument("identity")
@yes_option
@remote
def unlink(at: Remote, identity: str, yes: bool) -> None:
    """Unlink one of your sign-ins elsewhere, by its id."""
    sure(f"unlink {identity}", yes)
    at.done(requests.unlink_identity(identity), f"unlinked {identity}")


@users.command("conflicts")
@remote
def conflicts(at: Remote) -> None:
    """List sign-ins that were refused because their name or e-mail is somebody else's."""
    at.table(requests.conflicts(), "id", "at", "provider", "issuer", "subject", "username", "reason")


@users.command("dismiss-conflict")
@click.argument("conflict")
@remote
def dismiss_conflict(at: Remote, conflict: str) -> None:
    """Take a refused sign-in off that list, by its id.  It changes nobody's account."""
    at.done(requests.dismiss_conflict(conflict), f"dismissed {conflict}")
