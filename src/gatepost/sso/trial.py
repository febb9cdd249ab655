"""A dry run: sign in at a provider, and see what would become of it.  It changes nothing.

It answers the claims, the username, the groups and roles that would result, the account that would be opened, and each
check in the order in which a sign-in runs them, with the first that failed.  Whoever signs in at the provider sees their
own claims.  What is known here of accounts is for those who may see it anyhow: for everyone else a dry run would be a
way to ask, again and again and without a trace, which accounts there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gatepost.audit.record import AuditRecord, Outcome
from gatepost.errors import GatepostError
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.sso.callback import SignedIn, Vouched, check_answer, read_person, redeem_answer
from gatepost.sso.claimed_roles import CarriedRoles, carried_roles
from gatepost.sso.claims import read_groups, read_username, require_admission
from gatepost.sso.login import Attempt
from gatepost.sso.provider import Provider
from gatepost.sso.rehearsal import NOTHING, Rehearsed, Resulting, foresee, rehearse
from gatepost.sso.shown_claims import ShownClaim, shown_claims

SEES_ACCOUNTS = ("user:view", "conflict:view")
SEES_DETAILS = "provider:view"


class Came(StrEnum):
    """How a check came out.  The values are what scripts read."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not_reached"
    HIDDEN = "hidden"  # not for this caller to see


@dataclass(frozen=True, slots=True)
class Step:
    """One check, what it is about, and what it said if it failed."""

    name: str
    about: str
    came: Came = Came.NOT_REACHED
    said: str = ""


STEPS = (
    Step("provider", "The provider's addresses are known"),
    Step("answer", "Its answer belongs to this sign-in, and is a yes"),
    Step("tokens", "It says who this is, and what it says holds in every respect"),
    Step("admission", "The person may enter: groups, domains and tenants"),
    Step("username", "The claims make a username"),
    Step("roles", "The roles that the claims carry can be read"),
    Step("account", "An account may be opened"),
    Step("default_role", "The default role is one that the person has"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of a dry run."""

    provider: str
    at: datetime
    steps: tuple[Step, ...]
    claims: tuple[ShownClaim, ...] = ()
    subject: str = ""
    username: str = ""
    display_name: str = ""
    email: str = ""
    email_verified: bool = False
    account: str = ""
    sees_accounts: bool = False
    groups: Resulting = NOTHING
    roles: Resulting = NOTHING
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> Step | None:
        """The first check that failed."""
        return next((step for step in self.steps if step.came is Came.FAILED), None)

    @property
    def is_vouched(self) -> bool:
        """Whether the provider said who this is."""
        return any(step.name == "tokens" and step.came is Came.PASSED for step in self.steps)


@dataclass(slots=True)
class _Run:
    """A dry run under way: how each check came out so far."""

    sees_details: bool
    steps: dict[str, Step]

    def note(self, name: str, came: Came, said: str = "") -> None:
        self.steps[name] = replace(self.steps[name], came=came, said=said)

    def failed(self, name: str, error: GatepostError) -> None:
        detail = f" ({error.detail})" if error.detail and self.sees_details else ""
        self.note(name, Came.FAILED, f"{error}{detail}")

    def passes(self, name: str, check: Callable[[], object]) -> bool:
        try:
            check()
        except GatepostError as error:
            self.failed(name, error)
            return False
        self.note(name, Came.PASSED)
        return True


def try_out(
    gate: Gatepost, provider: Provider, attempt: Attempt, params: Mapping[str, str], caller: Principal
) -> Trial:
    """Go through the checks of a sign-in, for `caller` to see.  Raises nothing for a check that fails."""
    run = _begun(gate, caller)
    run.note("provider", Came.PASSED)
    vouched = _vouched(run, provider, attempt, params, gate.now())
    if vouched is None:
        trial = Trial(provider=provider.name, at=gate.now(), steps=tuple(run.steps.values()))
    else:
        trial = _read(gate, run, provider, vouched, caller)
    _record(gate, trial, caller)
    return trial


def unreached(gate: Gatepost, provider: Provider, error: GatepostError, caller: Principal) -> Trial:
    """Return the dry run of a provider to which the browser could not even be sent."""
    run = _begun(gate, caller)
    run.failed("provider", error)
    return Trial(provider=provider.name, at=gate.now(), steps=tuple(run.steps.values()))


def _begun(gate: Gatepost, caller: Principal) -> _Run:
    return _Run(gate.may(caller, SEES_DETAILS), {step.name: step for step in STEPS})


def _vouched(
    run: _Run, provider: Provider, attempt: Attempt, params: Mapping[str, str], now: datetime
) -> Vouched | None:
    found: list[Vouched] = []
    if run.passes("answer", lambda: check_answer(provider, attempt, params, now)):
        run.passes("tokens", lambda: found.append(redeem_answer(provider, attempt, params["code"], now)))
    return found[0] if found else None


def _read(gate: Gatepost, run: _Run, provider: Provider, vouched: Vouched, caller: Principal) -> Trial:
    """Read the person as far as the claims allow: one thing that does not fit hides no other."""
    claims, settings = vouched.claims, provider.settings
    groups = read_groups(claims, settings.groups_claim)
    run.passes("admission", lambda: require_admission(claims, groups, settings))
    run.passes("username", lambda: read_username(claims, settings))
    carried: list[CarriedRoles] = []
    run.passes("roles", lambda: carried.append(carried_roles(claims, settings)))
    sees_accounts = all(gate.may(caller, permission) for permission in SEES_ACCOUNTS)
    trial = Trial(
        provider=provider.name,
        at=gate.now(),
        steps=(),
        claims=shown_claims(vouched),
        subject=str(claims["sub"]),
        sees_accounts=sees_accounts,
        notes=(*vouched.notes, *([groups.note] if groups.note else [])),
    )
    if carried and run.steps["username"].came is Came.PASSED:
        person = read_person(_letting_in_everybody(provider), vouched)
        trial = _of_person(gate, run, provider, person, carried[0], trial)
    return replace(trial, steps=tuple(run.steps.values()))


def _letting_in_everybody(provider: Provider) -> Provider:
    """The provider without its lists, which were asked before: whoever is not let in is shown all the same."""
    open_to_all = copy(provider)
    open_to_all.settings = replace(provider.settings, allowed_groups=(), allowed_domains=(), allowed_tenants=())
    return open_to_all


def _of_person(
    gate: Gatepost, run: _Run, provider: Provider, person: SignedIn, carried: CarriedRoles, trial: Trial
) -> Trial:
    came = (rehearse if trial.sees_accounts else foresee)(gate, provider.settings, person, carried)
    _note_account(run, came, carried, sees_accounts=trial.sees_accounts)
    return replace(
        trial,
        username=person.username,
        display_name=person.display_name,
        email=person.email,
        email_verified=person.email_verified,
        account=came.account,
        groups=came.groups,
        roles=came.roles,
    )


def _note_account(run: _Run, came: Rehearsed, carried: CarriedRoles, *, sees_accounts: bool) -> None:
    hidden = f"shown to whoever is signed in here with {' and '.join(SEES_ACCOUNTS)}"
    if sees_accounts:
        run.note("account", Came.FAILED if came.clash else Came.PASSED, came.clash)
    else:
        run.note("account", Came.HIDDEN, hidden)
    if came.has_default is None:
        run.note("default_role", Came.HIDDEN, hidden)
    elif not came.clash:
        missing = f"they would not have {carried.default}"
        run.note("default_role", Came.PASSED if came.has_default else Came.FAILED, "" if came.has_default else missing)


def _record(gate: Gatepost, trial: Trial, caller: Principal) -> None:
    """Keep that a dry run was made, and how it ended.

    Anybody may make one, as often as they like and from wherever: those of people who are not signed in are added up,
    whatever their address.
    """
    failed = trial.failed
    gate.journal.note_now_and_then(
        AuditRecord.of(
            caller,
            "provider.tried",
            f"provider:{trial.provider}",
            at=trial.at,
            outcome=Outcome.FAILED if failed else Outcome.DONE,
            reason=f"{failed.name}: {failed.said}"[:300] if failed else "",
        ),
        place="" if caller.is_anonymous else caller.address,
    )
