"""The audit trail as files: JSON lines for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from gatepost.audit.record import AuditRecord

# In the order of the API's answer.
NAMES = (
    "id", "at", "revision", "event", "outcome", "subject", "actor", "issuer",
    "method", "credential_id", "target", "reason", "address", "count", "detail",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula; the last four are read as the first four.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def jsonl(records: Iterable[AuditRecord]) -> Iterator[str]:
    for record in records:
        yield json.dumps(_members(record), ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_lines(records: Iterable[AuditRecord]) -> Iterator[str]:
    yield _line(NAMES)
    for record in records:
        yield _line([_cell(value) for value in _members(record).values()])


def _members(record: AuditRecord) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in NAMES}


def _plain(value: Any) -> Any:
    """A value as JSON has it: times as RFC 3339."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _cell(value: Any) -> str:
    """A cell that a spreadsheet will not take for a formula."""
    text = json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
