"""GraphQL as programs ask it: the server in the process, with the tests' company in it."""

from __future__ import annotations

from tests.server.conftest import client, company, in_process, served

__all__ = ["client", "company", "in_process", "served"]  # fixtures, passed on
