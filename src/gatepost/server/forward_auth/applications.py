"""The applications that a gateway protects: on Gatepost's own host, or each on a host of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from gatepost.authn.credential import cookie_name
from gatepost.errors import InvalidRequest, Misdirected
from gatepost.gate import Gatepost
from gatepost.server.origin import Headers, all_of, allowed_hosts, allowed_origins

HERE = "/.gatepost"  # on an application's host the gateway routes what is below this to Gatepost
ENTRY = "/gateway/sign-in"  # on Gatepost's own host


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One application, as browsers see it.  `host` is empty for what stands on Gatepost's own host."""

    host: str
    public_url: str
    origins: frozenset[str]  # what its own pages say of where they come from
    audience: str  # of the identity that it is given
    cookie: str  # the name of the session cookie that counts there

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")

    def cookie_named(self, name: str) -> str:
        """On TLS no other host and no plain page can set a cookie of this name (RFC 6265bis section 4.1.3.2)."""
        return f"__Host-{name}" if self.is_secure else name

    def sign_in_url(self, next_: str) -> str:
        door = f"{self.public_url}{HERE}/sign-in" if self.host else f"{self.public_url}/login"
        return door if next_ == "/" else f"{door}?{urlencode({'next': next_})}"


@dataclass(frozen=True, slots=True)
class Applications:
    """All of them, by the `Host` that the gateway passes on."""

    own: Application
    own_hosts: frozenset[str]
    others: Mapping[str, Application]
    public_url: str

    def at(self, headers: Headers, *, believed: bool) -> Application:
        """The application that is asked about.  Raises `Misdirected` for a host that nobody configured.

        A gateway that calls us by another name says the application's in `X-Forwarded-Host`: that is `believed` of
        trusted proxies only.
        """
        forwarded = all_of(headers, b"x-forwarded-host") if believed else []
        sent = forwarded or all_of(headers, b"host")
        if len(sent) != 1:
            raise InvalidRequest("the host has to be named once")
        host = sent[0].lower()
        if (other := self.others.get(host)) is not None:
            return other
        if host in self.own_hosts:
            return self.own
        raise Misdirected(f"this is {self.public_url}: an application on another host needs its [[forward_auth.hosts]]")


def applications(gate: Gatepost) -> Applications:
    public_url = gate.settings.main.public_url
    hosts = allowed_hosts(gate)
    own = Application(
        host="",
        public_url=public_url,
        origins=allowed_origins(gate),
        audience=f"{public_url}/forward-auth",  # never that of access tokens
        cookie=cookie_name(secure=public_url.startswith("https://")),
    )
    others = {}
    for settings in gate.settings.forward_auth.hosts:
        host = settings.host.lower()
        if host not in hosts:
            others[host] = _elsewhere(host, settings.public_url, public_url)
    return Applications(own, hosts, others, public_url)


def _elsewhere(host: str, url: str, ours: str) -> Application:
    # Cookies do not tell ports apart: two applications of one machine need names of their own.
    name = f"gp_app_{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return Application(
        host=host,
        public_url=url,
        origins=frozenset({url}),
        audience=url if url != ours else f"{url}/forward-auth",
        cookie=f"__Host-{name}" if url.startswith("https://") else name,
    )
