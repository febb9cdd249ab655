"""Reports on collections: whoever may view a collection reads its report, its editors write it.  Flask.

The gate is in this process, on a database of its own: flask run
"""

from __future__ import annotations

import os

from flask import Flask, request

from gatepost import Gatepost
from gatepost.wsgi import Authentication, current_principal, may, require


def create_app(gate: Gatepost | None = None) -> Flask:
    """The application, guarded by this gate.  `flask run` finds it by its name and opens one."""
    app = Flask("reports")
    reports: dict[str, str] = {}

    @app.get("/me")
    def me() -> dict[str, str]:
        return {"you are": str(current_principal().subject)}

    @app.get("/reports/<id>")
    @require("view", "collection:{id}")
    def read(id: str) -> dict[str, object]:
        return {"report": reports.get(id, ""), "editable": may("edit", f"collection:{id}")}

    @app.put("/reports/<id>")
    @require("edit", "collection:{id}")
    def write(id: str) -> tuple[str, int]:
        reports[id] = request.get_data(as_text=True)
        return "", 204

    gate = gate or Gatepost.open(os.environ.get("DATABASE", "sqlite:///gatepost.db"))
    app.wsgi_app = Authentication(app.wsgi_app, gate=gate)  # type: ignore[method-assign]
    return app
