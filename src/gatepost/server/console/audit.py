"""The audit log: who did what, who was refused, and why; on pages, and as a file for a spreadsheet."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from gatepost.audit.export import csv_lines
from gatepost.audit.trail import Filter, export_audit, read_audit
from gatepost.directory.pages import Wanted
from gatepost.server.console.forms import Form
from gatepost.server.console.rendering import caller_of, gate_of, own, render, url

FIELDS = ("event", "outcome", "subject", "target", "issuer", "since", "until")


def show_audit(request: Request) -> Response:
    gate, caller, wanted = gate_of(request), caller_of(request), _wanted(request)
    page = read_audit(gate, caller, Wanted(cursor=request.query_params.get("cursor", "")), _filter(wanted))
    given = {"here": url("audit", **wanted), "file": url("audit", "file", **wanted)}
    return render(request, "audit.html", given, page=page, wanted=wanted)


def send_file(request: Request) -> Response:
    """What the filter finds, whole, as CSV."""
    gate, caller, wanted = gate_of(request), caller_of(request), _filter(_wanted(request))
    read_audit(gate, caller, Wanted(limit=1), wanted)  # asked first, so that a refusal is a page and no half a file
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(csv_lines(export_audit(gate, caller, wanted)), media_type="text/csv", headers=headers)


def _wanted(request: Request) -> dict[str, str]:
    wanted = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    for name in ("subject", "issuer"):
        if wanted[name] and ":" not in wanted[name]:
            wanted[name] = f"user:{wanted[name]}"
    return wanted


def _filter(wanted: dict[str, str]) -> Filter:
    """Both days count whole, in UTC.  Raises `InvalidField`."""
    days = Form({name: [wanted[name]] for name in ("since", "until")})
    over = days.until("since")
    return Filter(
        event=wanted["event"],
        outcome=wanted["outcome"],
        subject=wanted["subject"],
        target=wanted["target"],
        issuer=wanted["issuer"],
        since=over and over - timedelta(days=1),
        until=days.until("until"),
    )


def routes() -> list[BaseRoute]:
    return [
        Route("/audit", own(show_audit), methods=["GET"]),
        Route("/audit/file", own(send_file), methods=["GET"]),
    ]
