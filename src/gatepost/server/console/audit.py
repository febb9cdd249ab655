"""The audit log: who did what, who was refused, and why."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.server.console.rendering import caller_of, gate_of, own, render, url

FIELDS = ("event", "outcome", "subject", "target", "issuer")


def show_audit(request: Request) -> Response:
    gate, caller = gate_of(request), caller_of(request)
    wanted = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    for name in ("subject", "issuer"):
        if wanted[name] and ":" not in wanted[name]:
            wanted[name] = f"user:{wanted[name]}"
    page = read_audit(gate, caller, Wanted(cursor=request.query_params.get("cursor", "")), _filter(wanted))
    return render(request, "audit.html", page=page, wanted=wanted, here=url("audit", **wanted))


def _filter(wanted: dict[str, str]) -> Filter:
    return Filter(
        event=wanted["event"],
        outcome=wanted["outcome"],
        subject=wanted["subject"],
        target=wanted["target"],
        issuer=wanted["issuer"],
    )


def routes() -> list[BaseRoute]:
    return [Route("/audit", own(show_audit), methods=["GET"])]
