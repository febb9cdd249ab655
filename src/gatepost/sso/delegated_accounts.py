"""Which account a delegated token opens: rule 1 of the design, for tokens that nobody signed in with here."""

from __future__ import annotations

from sqlalchemy import select

from gatepost.gate import Gatepost
from gatepost.settings.issuers import DelegatedIssuer
from gatepost.sso.callback import SignedIn
from gatepost.sso.provisioning import bind, find_user, has_identity, is_admin, make_account, opens_already
from gatepost.store import tables
from gatepost.store.store import Change

u = tables.users


def account_of_delegated(
    gate: Gatepost, tx: Change, issuer: DelegatedIssuer, person: SignedIn
) -> tuple[str | None, str]:
    """Return the username of the account, or None and the sentence that says why not.

    The caller has looked for the identity without the lock; it may have come in between.
    """
    i = tables.identities
    query = select(i.c.username).where(i.c.issuer == person.issuer, i.c.subject == person.subject)
    known: str | None = tx.connection.execute(query).scalar_one_or_none()
    if known is not None:
        return known, ""
    named = find_user(tx, person.username)
    if named is not None and named.external == issuer.name and not has_identity(tx, named.username):
        bind(tx, person, named.username, "the account was made for this issuer")
        return named.username, ""
    linked = _linked(gate, tx, issuer, person)
    if linked is not None:
        return linked, ""
    if _names_an_unproved_address(issuer, person):
        return None, f"{issuer.name} says that the e-mail address is not verified, and it would name the account"
    if named is not None:
        return None, f"the name {person.username} belongs to another account, for which {issuer.name} may not speak"
    if not issuer.auto_create_users:
        return None, f"there is no account for {person.username} here, and {issuer.name} may not make one"
    made: str = make_account(gate, tx, person).username
    return made, ""


def _linked(gate: Gatepost, tx: Change, issuer: DelegatedIssuer, person: SignedIn) -> str | None:
    """Bind an account that exists, as far as `link` allows.  An account that another subject there opens stays theirs."""
    if issuer.link == "username":
        row = find_user(tx, person.username)
        why = "the issuer may speak for accounts by their name"
    elif issuer.link == "email" and person.email_verified and person.email:
        rows = tx.connection.execute(select(u).where(u.c.email == person.email, u.c.email_verified).limit(2)).all()
        row = rows[0] if len(rows) == 1 and not is_admin(gate, rows[0].username) else None
        why = "the same verified e-mail, from an issuer that may speak for it"
    else:
        return None
    if row is None or opens_already(tx, person, row.username):
        return None
    bind(tx, person, row.username, why)
    username: str = row.username
    return username


def _names_an_unproved_address(issuer: DelegatedIssuer, person: SignedIn) -> bool:
    """An issuer that says `false` has not proved the address that would become the account's name.

    One that says nothing is taken at its word: access tokens seldom carry `email_verified`, and the operator chose the
    claim that people are known by.
    """
    named = issuer.username_claim == "email" or (person.email and person.username == person.email.lower())
    said = person.claims.get("email_verified")
    return bool(named) and said is not None and said is not True
