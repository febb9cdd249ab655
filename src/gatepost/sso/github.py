"""What GitHub says of a person beside `GET /user`: verified e-mail addresses, organizations and teams.

They stand below the userinfo endpoint, at github.com as in an installation of one's own, and nowhere else is asked: the
pages are counted here, and no address out of an answer is followed with somebody's token.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gatepost.errors import ProviderFailed
from gatepost.sso.strict_json import strict_json

if TYPE_CHECKING:
    from gatepost.settings import ProviderSettings
    from gatepost.sso.provider import Provider

PAGE = 100  # the most that GitHub puts on one
MOST_PAGES = 10

log = logging.getLogger(__name__)


def complete(
    provider: Provider, said: Mapping[str, object], endpoint: str, headers: Mapping[str, str]
) -> tuple[dict[str, object], tuple[str, ...]]:
    """Add `email`, `email_verified`, `orgs` and `teams`, as far as they are wanted and to be had, with notes."""
    # What the profile shows as e-mail is what its owner wrote there: only /user/emails tells whether it is verified.
    claims: dict[str, object] = {**said, "email_verified": False}
    notes: list[str] = []
    for wanted, what, path, read in (
        (_may_read_emails(provider.settings), "e-mail addresses", "emails", _email),
        (_speaks_of(provider.settings, "orgs"), "organizations", "orgs", _orgs),
        (_speaks_of(provider.settings, "teams"), "teams", "teams", _teams),
    ):
        if not wanted:
            continue
        try:
            claims.update(read(_listed(provider, what, _below(endpoint, path), headers)))
        except ProviderFailed as failure:
            # Half a list would take memberships away: what is not known whole is not said at all.
            log.warning("%s (%s)", failure, failure.detail)
            notes.append(f"{failure}: went on without its {what}")
    return claims, tuple(notes)


def _may_read_emails(settings: ProviderSettings) -> bool:
    return not {"user", "user:email"}.isdisjoint(settings.scopes)


def _speaks_of(settings: ProviderSettings, claim: str) -> bool:
    """Whether the configuration makes anything of a claim.  Each costs a request a page at every sign-in."""
    return settings.groups_claim == claim or any(claim in rule.path for rule in settings.claims_map.values())


def _below(endpoint: str, path: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/{path}"


def _listed(provider: Provider, what: str, url: str, headers: Mapping[str, str]) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    for page in range(1, MOST_PAGES + 1):
        answer = provider.http.get(f"{url}?per_page={PAGE}&page={page}", what, headers)
        if answer.status != 200:
            raise ProviderFailed(f"{provider.name}: the {what} answered {answer.status}")
        try:
            document = strict_json(answer.body)
        except (ValueError, RecursionError) as error:
            raise ProviderFailed(f"{provider.name}: the {what} are not JSON") from error
        if not isinstance(document, list) or not all(isinstance(entry, Mapping) for entry in document):
            raise ProviderFailed(f"{provider.name}: the {what} are not a list of objects")
        found += document
        if len(document) < PAGE:
            return found
    raise ProviderFailed(f"{provider.name}: there are more than {PAGE * MOST_PAGES} {what}")


def _email(entries: list[Mapping[str, object]]) -> dict[str, object]:
    """The primary address and whether GitHub verified it, or none: a second address speaks for nobody's account."""
    primary = next((entry for entry in entries if entry.get("primary") is True), {})
    return {"email": primary.get("email"), "email_verified": primary.get("verified") is True}


def _orgs(entries: list[Mapping[str, object]]) -> dict[str, object]:
    return {"orgs": [entry.get("login") for entry in entries]}


def _teams(entries: list[Mapping[str, object]]) -> dict[str, object]:
    """A team is known by its organization and its slug: anybody may call a team of an own organization `admins`."""
    return {"teams": [_team(entry) for entry in entries]}


def _team(entry: Mapping[str, object]) -> str | None:
    organization, slug = entry.get("organization"), entry.get("slug")
    login = organization.get("login") if isinstance(organization, Mapping) else None
    return f"{login}/{slug}" if isinstance(login, str) and isinstance(slug, str) and login and slug else None
