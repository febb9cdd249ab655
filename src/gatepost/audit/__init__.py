"""Who did what, who was refused, and why: one record in the same transaction as the change it speaks of."""

from gatepost.audit.record import AuditRecord, Outcome

__all__ = ["AuditRecord", "Outcome"]
