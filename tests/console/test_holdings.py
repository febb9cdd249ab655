"""What somebody holds, with where each came from: asked of the person, and not of every group that they are in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from gatepost.directory.groups import add_member, create_group
from gatepost.directory.rights import rights_of
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.console.holdings import Holding, groups_held, roles_held

ANN = "user:ann"


def test_each_group_and_role_says_where_it_came_from_in_one_query(gate: Gatepost, admin: Principal) -> None:
    create_user(gate, admin, NewUser(username="ann"))
    create_group(gate, admin, "all")
    for number in range(30):
        create_group(gate, admin, f"team-{number:02}")
        add_member(gate, admin, f"team-{number:02}", ANN)
        add_member(gate, admin, "all", f"group:team-{number:02}#member")
    assign_role(gate, admin, "reader", ANN)
    rights = rights_of(gate, admin, "ann")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(gate.database.engine, "before_cursor_execute", note)
    try:
        groups = groups_held(gate, admin, rights, ANN)
    finally:
        event.remove(gate.database.engine, "before_cursor_execute", note)

    assert sum(statement.startswith("SELECT") for statement in asked) == 1
    assert groups[0] == Holding("all", "", None, removable=False)
    assert groups[1:] == [Holding(f"team-{number:02}", "manual", None, removable=True) for number in range(30)]
    assert Holding("reader", "manual", None, removable=True) in roles_held(gate, admin, rights, ANN)
