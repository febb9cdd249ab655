"""What those who run it ask: the audit trail, providers and keys, and how it is doing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gatepost.audit import export, trail
from gatepost.audit.record import AuditRecord
from gatepost.client import answers as a
from gatepost.directory.given import require_texts
from gatepost.directory.pages import Page, Wanted
from gatepost.embedded.asking import Asking
from gatepost.errors import InvalidField
from gatepost.tokens import key_rotation
from gatepost.tokens.signing_keys import SigningKey

if TYPE_CHECKING:
    from gatepost.sso.reports import ProviderReport

FORMATS = {"text/csv": export.csv_lines, "application/jsonl": export.jsonl}


def _entry(record: AuditRecord) -> a.AuditEntry:
    return a.AuditEntry(
        id=record.id,
        at=record.at,
        event=record.event,
        target=record.target,
        subject=record.subject,
        method=record.method,
        outcome=record.outcome.value,
        actor=record.actor or "",
        issuer=record.issuer or "",
        credential_id=record.credential_id,
        reason=record.reason,
        address=record.address,
        count=record.count,
        detail=dict(record.detail),
        revision=record.revision or "",
    )


def _provider(report: ProviderReport) -> a.Provider:
    return a.Provider(
        name=report.name,
        display_name=report.display_name,
        kind=report.kind,
        protocol=report.protocol,
        issuer=report.issuer or "",
        status=report.status,
        message=report.message,
        last_error=report.last_error,
        last_error_at=report.last_error_at,
        last_success_at=report.last_success_at,
        failures=report.failures,
        keys_known=report.keys_known,
        key_fetches=report.key_fetches,
        addresses=dict(report.addresses),
    )


def _key(key: SigningKey) -> a.SigningKey:
    return a.SigningKey(key.kid, key.algorithm, key.state.value, key.created_at, key.activated_at, key.retired_at)


class Operating(Asking):
    """Calls on Gatepost itself."""

    def audit(
        self, *, limit: int | None = None, cursor: str | None = None, filters: Mapping[str, str] | None = None
    ) -> Iterator[a.AuditEntry]:
        """The audit log, newest first.  `filters`: event, outcome, subject, target, issuer, since, until."""
        wanted = trail.read_filter(filters or {})
        return self._all(lambda gate, by, page: trail.read_audit(gate, by, page, wanted), _entry, limit, cursor)

    def audit_export(self, media_type: str, *, filters: Mapping[str, str] | None = None) -> str:
        """The audit log as `text/csv` or `application/jsonl`, whole."""
        require_texts(media_type=media_type)
        if media_type not in FORMATS:
            raise InvalidField({"media_type": f"allowed are {' and '.join(FORMATS)}"})
        wanted, by = trail.read_filter(filters or {}), self._for()
        trail.read_audit(*by, Wanted(limit=1), wanted)  # asked first, so that a refusal is no half a file
        return "".join(FORMATS[media_type](trail.export_audit(*by, wanted)))

    def providers(self) -> Iterator[a.Provider]:
        """The state of each identity provider and delegated issuer, as this process knows it."""
        from gatepost.sso.reports import provider_states  # with an HTTP library, which few need

        return self._all(lambda gate, by, _: Page(provider_states(gate, by)), _provider, None, None)

    def look_at_provider(self, name: str) -> a.Provider:
        """Ask a provider or issuer for its documents now, and say how it is doing.  It may be slow."""
        from gatepost.sso.reports import look_at

        return _provider(look_at(*self._for(name=name), name))

    def keys(self) -> Iterator[a.SigningKey]:
        return self._all(lambda gate, by, _: Page(key_rotation.list_keys(gate, by)), _key, None, None)

    def rotate_keys(self) -> a.Rotated:
        """Make the published next key the one that signs, and publish another."""
        return a.Rotated(key_rotation.rotate(*self._for()))

    def examine(self) -> a.Examination:
        """Examine database, keys, and each provider, which is asked now.  It may be slow."""
        from gatepost import doctor

        checks = doctor.look_and_examine(*self._for())
        found = tuple(a.Examined(check.name, check.status.value, check.message) for check in checks)
        return a.Examination(doctor.worst(checks).value, found)

    def readiness(self) -> object:
        """Tell whether it is ready: an `Unavailable` says why not."""
        memory = self._gate.memory
        revision = str(memory.graph.revision)
        return {"status": "ready", "revision": revision, "behind_seconds": round(memory.behind_seconds, 1)}
