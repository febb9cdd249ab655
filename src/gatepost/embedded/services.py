"""Services and their tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gatepost.client import answers as a
from gatepost.directory import services
from gatepost.directory.given import list_of_texts, moment
from gatepost.embedded.asking import Asking
from gatepost.gate import Gatepost
from gatepost.records import TokenRecord
from gatepost.tokens import service_tokens
from gatepost.tokens.service_tokens import WantedServiceToken


def _service(service: services.Service) -> a.Service:
    return a.Service(service.name, service.description, service.role or "", service.created_at, service.created_by)


def _token(gate: Gatepost, token: TokenRecord, secret: str = "") -> a.ServiceToken:
    return a.ServiceToken(
        id=token.id,
        name=token.name,
        owner=str(token.owner),
        role=services.role_of(gate, token.owner.id) or "",
        issuer=str(token.issuer),
        scopes=tuple(sorted(token.scopes.patterns)),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        token=secret,
    )


class Services(Asking):
    """Calls on services and their tokens."""

    def services(self, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.Service]:
        return self._all(services.list_services, _service, limit, cursor)

    def service(self, name: str) -> a.Service:
        return _service(services.get_service(*self._for(name=name), name))

    def create_service(self, name: str, *, description: str | None = None) -> a.Service:
        """Make a service, without a token as yet."""
        by = self._for(name=name, description=description)
        return _service(services.create_service(*by, name, description or ""))

    def change_service(self, name: str, *, description: str) -> a.Service:
        return _service(services.change_service(*self._for(name=name, description=description), name, description))

    def delete_service(self, name: str) -> None:
        """Delete a service with its tokens."""
        services.delete_service(*self._for(name=name), name)

    def service_tokens(
        self, *, service: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[a.ServiceToken]:
        """List service tokens, without their secrets."""
        gate, _ = self._for(service=service)
        return self._all(
            lambda gate, by, page: service_tokens.list_service_tokens(gate, by, page, service or ""),
            lambda token: _token(gate, token),
            limit,
            cursor,
        )

    def create_service_token(
        self, name: str, *, role: str, scopes: Iterable[str] | None = None, expires_at: datetime | None = None
    ) -> a.ServiceToken:
        """Mint a token for the service `name`, which is made if it is new.  The secret is in this answer only."""
        gate, by = self._for(name=name, role=role)
        wanted = WantedServiceToken(
            name=name,
            role=role,
            scopes=None if scopes is None else list_of_texts(scopes, "scopes"),
            expires_at=moment(expires_at, "expires_at"),
        )
        issued = service_tokens.issue_service_token(gate, by, wanted)
        return _token(gate, issued.token, issued.secret)

    def revoke_service_token(self, token_id: str) -> None:
        """Revoke a service token, at once and everywhere."""
        service_tokens.revoke_service_token(*self._for(token_id=token_id), token_id)
