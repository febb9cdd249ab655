"""What one request may ask for.  Each attack is one request that a server without the limit would work on for long.

None of them is executed: the operation that would have answered is not asked.
"""

from __future__ import annotations

import json

import pytest
from graphql import get_introspection_query
from starlette.testclient import TestClient

from gatepost.directory import resources
from gatepost.server.graphql import limits
from tests.graphql.asking import ask, code_of, refused, send
from tests.server.calling import Company

PAGES = "{ edges { node { id access(first: 500) { edges { node { why subject relation } } } } } }"
DOUBLING = " ".join(
    ["fragment F0 on Resource { id type displayName }"]
    + [f"fragment F{n} on Resource {{ ...F{n - 1} ...G{n - 1} }}" for n in range(1, 25)]
    + ["fragment G0 on Resource { id type displayName }"]
    + [f"fragment G{n} on Resource {{ ...F{n - 1} ...G{n - 1} }}" for n in range(1, 25)]
)
DEEP_TYPES = "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"


def context(value: str) -> str:
    """A question with this context, written in the document."""
    return f'{{ check(action: "view", resource: "collection:sales", context: {value}) {{ allowed }} }}'


ATTACKS = {
    "a long document": ("{ me { " + "id " * 1_100 + "} }", "tokens"),
    "a long comment": ("#" + "x" * 100_000 + "\n{ me { id } }", "100,000 characters"),
    "many empty lines": ("\n" * 2_001 + "{ me { nothing } }", "2,000 lines"),
    "many empty lines of another kind": ("\r" * 2_001 + "{ me { nothing } }", "2,000 lines"),
    "many brackets": ("{ me" * 5_000, "too deeply"),
    "one field under many names": ("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(31)) + " }", "aliases"),
    "one mutation under many names": (
        "mutation { " + " ".join(f'a{n}: createToken(name: "x") {{ token }}' for n in range(31)) + " }",
        "aliases",
    ),
    "lists in lists": (f"{{ resources(first: 500) {PAGES} }}", "fields, and 50000 is the most"),
    "the length in a variable": (f"query($n: Int = 500) {{ resources(first: $n) {PAGES} }}", "is the most"),
    "a length that is no number": (f'{{ resources(first: "500") {PAGES} }}', "is the most"),
    "fragments that double": (f"{{ resources {{ edges {{ node {{ ...F24 }} }} }} }} {DOUBLING}", "is the most"),
    "the schema within itself": (DEEP_TYPES, "introspection"),
    "the schema under many names": (
        "{ "
        + " ".join(
            f"a{n}: __schema {{ types {{ fields {{ args {{ type {{ ofType {{ name }} }} }} }} }} }}" for n in range(30)
        )
        + " }",
        "too much of the schema",
    ),
    "the schema's name under many names": ("{ " + " ".join("__typename" for _ in range(11)) + " }", "10 times"),
    "one field in one place many times": ("{ " + "me { kind } " * 11 + "}", "10 times in one place"),
    "the same in brackets": ("{ " + "... { me { kind } } " * 11 + "}", "10 times in one place"),
    "and in brackets within brackets": (
        "{ " + "... { me { kind } ... { me { kind } } } " * 6 + "}",
        "10 times in one place",
    ),
    "one change in one place many times": ("mutation { " + "rotateKeys { kid } " * 11 + "}", "10 times in one place"),
    "one fragment in one place many times": (
        "{ me { " + "...F " * 21 + "} } fragment F on Me { kind }",
        "20 fragments",
    ),
    "many fragments in one place": (
        "{ me { " + "... { ...F ...G } " * 11 + "} } fragment F on Me { id } fragment G on Me { kind }",
        "20 fragments",
    ),
    "many operations": (" ".join(f"query A{n} {{ me {{ kind }} }}" for n in range(21)), "20 operations"),
    "fragments that nobody counts": (
        "{ me { ...F0 } } " + " ".join(f"fragment F{n} on Me {{ ...F{n + 1} }}" for n in range(200)),
        "tokens",
    ),
    "a directive a thousand times": ("{ me " + "@include(if: true) " * 1_000 + "{ kind } }", "tokens"),
    "a directive a hundred times": ("{ me " + "@include(if: true) " * 100 + "{ kind } }", "only be used once"),
    "directives that nobody knows": ("{ me " + "@a " * 300 + "{ kind } }", "unknown directive"),
    "a value without a bottom": (context("{a: " * 65 + "1" + "}" * 65), "64 levels"),
    "a list without a bottom": (context("[" * 65 + "]" * 65), "64 levels"),
    "a value beyond what is read": (context("{a: " * 300 + "1" + "}" * 300), "too deeply"),
    "a type without a bottom": ("query($a: " + "[" * 300 + "Int" + "]" * 300 + ") { me { kind } }", "too deeply"),
    "plans under many names": (
        "{ " + " ".join(f"a{n}: plan(desired: {{}}) {{ digest }}" for n in range(11)) + " }",
        "is the most",
    ),
    "everything that was revoked under many names": (
        "{ " + " ".join(f"a{n}: revocations {{ ended }}" for n in range(11)) + " }",
        "is the most",
    ),
    "a list of many scopes": (
        'mutation($s: [String!]) { createToken(name: "x", scopes: $s) { token } }',
        "200 items",
    ),
}


@pytest.fixture
def never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        pytest.fail("this was executed")

    monkeypatch.setattr(resources, "list_resources", asked)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.usefixtures("never_asked")
def test_a_request_that_asks_for_too_much_is_refused_unexecuted(name: str, company: Company) -> None:
    query, sentence = ATTACKS[name]

    given = {"s": ["dataset:view"] * 201} if "$s" in query else {}
    error = refused(company.client, query, company.admin, **given)

    assert code_of(error) == ("invalid_request", 400)
    assert sentence.lower() in error["message"].lower(), error["message"]


def test_of_many_errors_the_first_are_told(client: TestClient) -> None:
    """Each costs a look at all names that there are, for one that may have been meant, and at all lines before it."""
    many = " ".join(f"fragment F{n} on Resourc{n} {{ id }}" for n in range(100))

    errors = send(client, f"{{ me {{ id }} }} {many}").json()["errors"]

    assert len(errors) == limits.MOST_ERRORS + 1, "and one that says that there are more"
    assert "too many validation errors" in errors[-1]["message"].lower()


def deep(levels: int) -> str:
    """Nothing of ours nests without end: fragments on a type that is there, inside one another, do not count as levels."""
    return "{ me { " + "... on Me { " * levels + "kind" + " }" * levels + " } }"


def test_levels_are_counted(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    query = "{ resources { edges { node { access { edges { node { why } } } } } } }"  # seven
    assert ask(client, query)
    assert ask(client, deep(100))

    monkeypatch.setattr(limits, "MOST_DEPTH", 6)

    assert "at most 6 levels" in refused(client, query)["message"]
    inside = "edges { node { access { edges { node { why } } } } }"
    fragment = f"{{ resources {{ ...A }} }} fragment A on ResourceConnection {{ {inside} }}"
    assert "at most 6 levels" in refused(client, fragment)["message"]
    assert ask(client, "{ resources { edges { node { viewerCan { edit } } } } }")


def test_what_a_tool_asks_when_it_starts_passes(client: TestClient) -> None:
    found = ask(client, get_introspection_query(input_value_deprecation=True))

    assert found["__schema"]["mutationType"] == {"name": "Mutation", "kind": "OBJECT"}


@pytest.mark.usefixtures("never_asked")
def test_fragments_in_a_circle_are_refused(company: Company) -> None:
    query = "{ resources { ...A } } fragment A on ResourceConnection { ...B } fragment B on ResourceConnection { ...A }"

    assert "itself" in refused(company.client, query, company.admin)["message"]


def test_a_page_of_a_hundred_with_access_passes(company: Company) -> None:
    """The limit is above what a front end asks for."""
    every = "subject relation origin author createdAt expiresAt inheritedFrom why"
    can = "viewerCan { view edit delete manageAccess }"
    node = f"type id displayName parent {can} access {{ edges {{ node {{ {every} }} }} }}"
    query = f"{{ resources(first: 100) {{ edges {{ cursor node {{ {node} }} }} }} }}"

    ask(company.client, query, company.admin)


@pytest.mark.parametrize("first", [0, -1, 501])
def test_the_length_of_a_list_is_bounded(first: int, company: Company) -> None:
    error = refused(company.client, "query($n: Int!) { users(first: $n) { edges { cursor } } }", company.admin, n=first)

    assert code_of(error) == ("invalid_field", 422)
    assert error["extensions"]["errors"] == {"first": "allowed are 1 to 500"}


def test_what_is_wrong_is_named_as_the_schema_names_it(company: Company) -> None:
    """`cursor`, `current_password` and `transfer_to` are words of the REST API."""
    after = refused(company.client, '{ users(after: "nonsense") { edges { cursor } } }', company.admin)
    own = 'mutation { setPassword(username: "ann", password: "a long one of her own") { revision } }'
    heir = 'mutation($to: String) { deleteUser(username: "ann", transferTo: $to) { revision } }'

    assert after["extensions"]["errors"] == {"after": "this is not a cursor of this list"}
    assert after["message"] == "after: this is not a cursor of this list"
    assert set(refused(company.client, own, company.ann)["extensions"]["errors"]) == {"currentPassword"}
    assert "(transferTo)" in refused(company.client, heir, company.admin)["message"]
    assert set(refused(company.client, heir, company.admin, to="nobody")["extensions"]["errors"]) == {"transferTo"}
    variable = refused(company.client, "query($x_y: String) { me { id } }", company.admin, x_y="a\0b")
    assert set(variable["extensions"]["errors"]) == {"variables.x_y"}, "whose name is the caller's own"


def test_a_value_of_another_type_is_told_the_type_and_not_repeated(company: Company) -> None:
    """What is written in the document may be a secret in the wrong place."""
    written = {
        "{ users(first: null) { edges { cursor } } }": "Int!",
        '{ users(first: "hush") { edges { cursor } } }': "Int",
        "query($n: Int) { users(first: $n) { edges { cursor } } }": "Int!",
        '{ audit(filter: {since: "hush"}) { edges { cursor } } }': "DateTime, such as 2030-01-31T12:00:00Z",
    }
    for query, expected in written.items():
        error = refused(company.client, query, company.admin, n=None)
        assert error["message"] == f"expected is a value of type {expected}"
        assert code_of(error) == ("invalid_request", 400)


CANNOT_BE_STORED = ["a\0b", "\ud800", "x" * 5_000]


@pytest.mark.parametrize("text", CANNOT_BE_STORED, ids=["NUL", "half a pair", "too long"])
def test_a_text_that_cannot_be_stored_reaches_no_operation(text: str, company: Company) -> None:
    query = "mutation($name: String!, $more: [String!]!) { createRole(name: $name, permissions: $more) { name } }"
    for variables in ({"name": text, "more": []}, {"name": "x", "more": [text]}):
        body = json.dumps({"query": query, "variables": variables})  # with half a pair as JSON can write it
        headers = company.admin | {"Content-Type": "application/json"}
        answer = company.client.post("/graphql", content=body, headers=headers)
        assert answer.status_code == 400 or code_of(answer.json()["errors"][0]) == ("invalid_field", 422)
    written = text.encode("unicode_escape").decode().replace("\\x00", "\\u0000")
    error = refused(company.client, f'mutation {{ createGroup(name: "{written}") {{ name }} }}', company.admin)
    assert code_of(error)[1] in (400, 422)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "9" * 90_000, "9" * 400 + ".5"], ids=len)
def test_a_number_beyond_a_double_reaches_no_operation(number: str, company: Company) -> None:
    """As a variable it is refused where the JSON is read; written in the document it would be infinite."""
    error = refused(company.client, context(f"{{ at: {number} }}"), company.ann)

    assert error["extensions"]["errors"] == {"query": "a number is too large"}
    body = f'{{"query": "query($c: JSON) {{ me {{ kind }} }}", "variables": {{"c": {number}}}}}'
    headers = company.ann | {"Content-Type": "application/json"}
    answer = company.client.post("/graphql", content=body, headers=headers)
    assert answer.status_code == 400 or answer.json()["errors"]


LONG = "x" * 5_000
TOO_LONG: dict[str, tuple[str, object]] = {
    "a description in a plan": ("DesiredState", {"groups": [{"name": "x", "description": LONG}]}),
    "a permission in a plan": ("DesiredState", {"roles": [{"name": "x", "permissions": [LONG]}]}),
    "a model beyond its own limit": ("DesiredState", {"model": "#" * 262_145}),
    "something else that is called model": ("JSON", {"model": LONG}),
    "a list where a model stands": ("DesiredState", {"model": [[LONG]]}),
    "a member that nobody knows": ("DesiredState", {LONG: 1}),
    "a type that nobody knows": ("Nothing", {"model": LONG}),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_text_is_long_only_where_it_may_be(name: str, company: Company) -> None:
    kind, value = TOO_LONG[name]
    query = f"query($x: {kind}!) {{ me {{ kind }} plan(desired: $x) {{ digest }} }}"

    error = refused(company.client, query, company.admin, x=value)

    assert code_of(error) == ("invalid_field", 422)
    assert set(error["extensions"]["errors"]) == {"variables.x"}
    assert LONG not in error["message"]


def test_many_members_that_nobody_knows_are_told_of_briefly(company: Company) -> None:
    """Each is compared with every name that there is: fifty are told of, and no more."""
    query = "mutation($u: UserInput!) { createUser(user: $u) { id } }"
    answer = send(company.client, query, company.admin, u={f"usernam{n}": 1 for n in range(20_000)})

    assert len(answer.json()["errors"]) <= 51
    assert len(answer.content) < 50_000


def test_neither_does_one_that_stands_in_the_document(company: Company) -> None:
    query = 'mutation { createGroup(name: "x", description: "a\\u0000b") { name } }'

    error = refused(company.client, query, company.admin)

    assert error["extensions"]["errors"] == {"query": "there is a NUL character in it"}


def test_a_question_has_an_object_as_its_context(company: Company) -> None:
    query = 'query($c: JSON) { check(action: "view", resource: "collection:sales", context: $c) { allowed } }'

    assert ask(company.client, query, company.ann, c={"hour": 9})["check"]["allowed"]
    assert code_of(refused(company.client, query, company.ann, c=[1])) == ("invalid_field", 422)
    assert "200 items" in refused(company.client, query, company.ann, c={"deep": [[1] * 201]})["message"]


def test_a_moment_needs_a_time_zone(company: Company) -> None:
    query = 'mutation($at: DateTime) { addMember(group: "data-team", subject: "user:cy", expiresAt: $at) { revision } }'

    ask(company.client, query, company.admin, at="2100-01-01T00:00:00+02:00")
    error = refused(company.client, query, company.admin, at="2100-01-01T00:00:00")
    assert error["extensions"]["errors"] == {"expiresAt": "this has to be a time with a zone"}
    assert code_of(refused(company.client, query, company.admin, at="9999-12-31T23:59:59-23:00"))[1] == 422


def test_more_questions_than_a_batch_has_are_refused(company: Company) -> None:
    query = "query($checks: [Question!]!) { checkBatch(checks: $checks) { revision } }"
    checks = [{"action": "view", "resource": "collection:sales"}] * 101

    assert code_of(refused(company.client, query, company.ann, checks=checks)) == ("invalid_field", 422)
    ask(company.client, query, company.ann, checks=checks[:100])


def test_a_body_beyond_a_mebibyte_is_refused(client: TestClient) -> None:
    assert send(client, "{ me { kind } }" + " " * (1 << 20)).status_code == 413
