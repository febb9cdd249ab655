"""One model for the tests of `/stores`, in OpenFGA's JSON, and calling the API with it."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.server.calling import Headers, ok

Json = dict[str, Any]
Key = tuple[str, str, str]


def direct(*users: Json) -> Json:
    return {"directly_related_user_types": list(users)}


def kind(name: str, relations: Json | None = None, metadata: Json | None = None) -> Json:
    if relations is None:
        return {"type": name}
    return {"type": name, "relations": relations, "metadata": {"relations": metadata or {}}}


USER, MEMBERS, EVERYONE = {"type": "user"}, {"type": "group", "relation": "member"}, {"type": "user", "wildcard": {}}
CHEAP = {"type": "user", "condition": "cheap"}
THIS: Json = {"this": {}}
VIEWER = {
    "union": {
        "child": [
            THIS,
            {"computedUserset": {"relation": "editor"}},
            {"tupleToUserset": {"tupleset": {"relation": "parent"}, "computedUserset": {"relation": "viewer"}}},
        ]
    }
}
READER = {"difference": {"base": {"computedUserset": {"relation": "viewer"}}, "subtract": THIS}}
MODEL: Json = {
    "schema_version": "1.1",
    "type_definitions": [
        kind("user"),
        kind("group", {"member": THIS}, {"member": direct(USER, MEMBERS, CHEAP)}),
        kind("folder", {"viewer": THIS}, {"viewer": direct(USER, MEMBERS, EVERYONE)}),
        kind(
            "doc",
            {"parent": THIS, "editor": THIS, "viewer": VIEWER, "reader": READER},
            {
                "parent": direct({"type": "folder"}),
                "editor": direct(USER),
                "viewer": direct(USER, MEMBERS),
                "reader": direct(USER),
            },
        ),
    ],
    "conditions": {
        "cheap": {
            "name": "cheap",
            "expression": "price < 10",
            "parameters": {"price": {"type_name": "TYPE_NAME_INT"}},
        }
    },
}


def huge_model() -> Json:
    """A sound model of more than 256 KB: long names, each of them said often."""
    names = [f"{number:02}".ljust(240, "x") for number in range(60)]
    relations = {f"r{number}": THIS for number in range(12)}
    both = direct({"type": names[0]}, {"type": names[1]})
    kinds = [kind(name, relations, dict.fromkeys(relations, both)) for name in names]
    return {"schema_version": "1.1", "type_definitions": kinds}


def key(written: Key, **more: Any) -> Json:
    """`("user:ann", "viewer", "doc:1")` as the API has it."""
    return dict(zip(("user", "relation", "object"), written, strict=True)) | more


class Store:
    """One store over HTTP, as somebody with these headers sees it."""

    def __init__(self, client: httpx2.Client, headers: Headers, identifier: str) -> None:
        self.client = client
        self.headers = headers
        self.id = identifier

    def post(self, verb: str, body: Any) -> httpx2.Response:
        return self.client.post(f"/stores/{self.id}/{verb}", json=body, headers=self.headers)

    def get(self, verb: str, **query: Any) -> httpx2.Response:
        return self.client.get(f"/stores/{self.id}/{verb}", params=query, headers=self.headers)

    def put_model(self, model: Json = MODEL) -> str:
        return str(ok(self.post("authorization-models", model), 201)["authorization_model_id"])

    def write(self, *written: Key) -> None:
        ok(self.post("write", {"writes": {"tuple_keys": [key(each) for each in written]}}))

    def delete(self, *removed: Key) -> None:
        ok(self.post("write", {"deletes": {"tuple_keys": [key(each) for each in removed]}}))

    def check(self, *asked: str, **more: Any) -> bool:
        user, relation, name = asked
        answer = ok(self.post("check", {"tuple_key": key((user, relation, name)), **more}))
        return bool(answer["allowed"])


def new_store(client: httpx2.Client, headers: Headers, name: str = "shop", model: Json | None = MODEL) -> Store:
    made = ok(client.post("/stores", json={"name": name}, headers=headers), 201)
    store = Store(client, headers, made["id"])
    if model is not None:
        store.put_model(model)
    return store


def refused(answer: httpx2.Response, status: int, code: str) -> str:
    """The sentence of an error, which has to be in OpenFGA's shape."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    body = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert body["code"] == code, body
    return str(body["message"])
