"""OpenFGA's own Python SDK, unchanged, against Gatepost's address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from openfga_sdk import ClientConfiguration, CreateStoreRequest, ReadRequestTupleKey, RelationReference, UserTypeFilter
from openfga_sdk import WriteAuthorizationModelRequest as NewModel
from openfga_sdk.client.models import (
    ClientAssertion,
    ClientBatchCheckItem,
    ClientBatchCheckRequest,
    ClientCheckRequest,
    ClientExpandRequest,
    ClientListObjectsRequest,
    ClientReadChangesRequest,
    ClientTuple,
    ClientWriteRequest,
    ClientWriteRequestOnDuplicateWrites,
    ClientWriteRequestOnMissingDeletes,
    ConflictOptions,
)
from openfga_sdk.client.models.list_users_request import ClientListUsersRequest
from openfga_sdk.credentials import CredentialConfiguration, Credentials
from openfga_sdk.exceptions import NotFoundException, ValidationException
from openfga_sdk.models import RelationshipCondition
from openfga_sdk.models.fga_object import FgaObject
from openfga_sdk.sync import OpenFgaClient

from tests.server.calling import api_token, as_admin
from tests.server.conftest import Running, Served
from tests.server.openfga_world import MODEL


@pytest.fixture
def gate_url(database_url: str) -> str:
    """On both databases."""
    return database_url


@pytest.fixture
def running(served: Served) -> Running:
    return served()


@pytest.fixture
def sdk(running: Running) -> Iterator[OpenFgaClient]:
    token = api_token(running.client, as_admin(running.client))
    credentials = Credentials(method="api_token", configuration=CredentialConfiguration(api_token=token))
    with OpenFgaClient(ClientConfiguration(api_url=running.url, credentials=credentials)) as client:
        yield client


def with_store(sdk: OpenFgaClient) -> str:
    sdk.set_store_id(sdk.create_store(CreateStoreRequest(name="shop")).id)
    made = sdk.write_authorization_model(NewModel(**MODEL))
    sdk.set_authorization_model_id(made.authorization_model_id)
    return str(made.authorization_model_id)


def tuple_of(user: str, relation: str, name: str, **more: Any) -> ClientTuple:
    return ClientTuple(user=user, relation=relation, object=name, **more)


def test_a_story_from_the_store_to_its_changes(sdk: OpenFgaClient) -> None:
    model = with_store(sdk)
    sdk.write(
        ClientWriteRequest(
            writes=[
                tuple_of("user:ann", "member", "group:sales"),
                tuple_of("group:sales#member", "viewer", "folder:2025"),
                tuple_of("folder:2025", "parent", "doc:q3"),
                tuple_of("user:eve", "reader", "doc:q3"),
            ]
        )
    )

    assert sdk.check(ClientCheckRequest(user="user:ann", relation="viewer", object="doc:q3")).allowed
    assert not sdk.check(ClientCheckRequest(user="user:bob", relation="viewer", object="doc:q3")).allowed
    objects = sdk.list_objects(ClientListObjectsRequest(user="user:ann", relation="viewer", type="doc"))
    assert objects.objects == ["doc:q3"]
    streamed = list(sdk.streamed_list_objects(ClientListObjectsRequest(user="user:ann", relation="viewer", type="doc")))
    assert [each.object for each in streamed] == ["doc:q3"]
    users = sdk.list_users(
        ClientListUsersRequest(
            object=FgaObject(type="doc", id="q3"), relation="viewer", user_filters=[UserTypeFilter(type="user")]
        )
    )
    assert [each.object.id for each in users.users] == ["ann"]
    tree = sdk.expand(ClientExpandRequest(relation="viewer", object="doc:q3")).tree
    assert [node.name for node in tree.root.union.nodes] == ["doc:q3#viewer"] * 3
    assert tree.root.union.nodes[2].leaf.tuple_to_userset.computed[0].userset == "folder:2025#viewer"

    sdk.write(ClientWriteRequest(deletes=[tuple_of("user:ann", "member", "group:sales")]))
    assert not sdk.check(ClientCheckRequest(user="user:ann", relation="viewer", object="doc:q3")).allowed

    changes = sdk.read_changes(body=ClientReadChangesRequest("group")).changes
    assert [(each.operation, each.tuple_key.user) for each in changes] == [
        ("TUPLE_OPERATION_WRITE", "user:ann"),
        ("TUPLE_OPERATION_DELETE", "user:ann"),
    ]
    read = sdk.read(ReadRequestTupleKey(object="doc:q3"))
    assert sorted(each.key.user for each in read.tuples) == ["folder:2025", "user:eve"]
    assert sdk.read_latest_authorization_model().authorization_model.id == model
    assert {each.id for each in sdk.read_authorization_models().authorization_models} == {model}
    types = sdk.read_authorization_model().authorization_model.type_definitions
    assert [each.type for each in types] == ["user", "group", "folder", "doc"]
    assert types[1].metadata.relations["member"].directly_related_user_types[1] == RelationReference(
        type="group", relation="member"
    )


def test_conditions_context_and_contextual_tuples(sdk: OpenFgaClient) -> None:
    with_store(sdk)
    condition = RelationshipCondition(name="cheap", context={})
    sdk.write(ClientWriteRequest(writes=[tuple_of("user:ann", "member", "group:sales", condition=condition)]))

    asked = {"user": "user:ann", "relation": "member", "object": "group:sales"}
    assert sdk.check(ClientCheckRequest(**asked, context={"price": 5})).allowed
    assert not sdk.check(ClientCheckRequest(**asked, context={"price": 50})).allowed
    with pytest.raises(ValidationException):
        sdk.check(ClientCheckRequest(**asked))
    supposing = [tuple_of("user:bob", "member", "group:sales")]
    suppose = ClientCheckRequest(user="user:bob", relation="member", object="group:sales", contextual_tuples=supposing)
    assert sdk.check(suppose).allowed
    assert not sdk.check(ClientCheckRequest(user="user:bob", relation="member", object="group:sales")).allowed


def test_a_batch_answers_each_by_its_own_id(sdk: OpenFgaClient) -> None:
    with_store(sdk)
    sdk.write(ClientWriteRequest(writes=[tuple_of("user:ann", "viewer", "doc:1")]))
    checks = [
        ClientBatchCheckItem(user="user:ann", relation="viewer", object="doc:1", correlation_id="yes"),
        ClientBatchCheckItem(user="user:ann", relation="viewer", object="doc:2", correlation_id="no"),
        ClientBatchCheckItem(user="user:ann", relation="nope", object="doc:2", correlation_id="wrong"),
    ]

    answers = {each.correlation_id: each for each in sdk.batch_check(ClientBatchCheckRequest(checks=checks)).result}

    assert answers["yes"].allowed
    assert not answers["no"].allowed
    assert answers["wrong"].error.input_error == "validation_error"


def test_what_is_there_already_may_be_ignored(sdk: OpenFgaClient) -> None:
    with_store(sdk)
    body = ClientWriteRequest(writes=[tuple_of("user:ann", "viewer", "doc:1")])
    sdk.write(body)
    with pytest.raises(ValidationException) as failed:
        sdk.write(body)
    assert failed.value.parsed_exception.code == "write_failed_due_to_invalid_input"

    ignore = ConflictOptions(
        on_duplicate_writes=ClientWriteRequestOnDuplicateWrites.IGNORE,
        on_missing_deletes=ClientWriteRequestOnMissingDeletes.IGNORE,
    )
    sdk.write(body, {"conflict": ignore})
    gone = ClientWriteRequest(deletes=[tuple_of("user:zoe", "viewer", "doc:1")])
    sdk.write(gone, {"conflict": ignore})


def test_assertions_and_the_end_of_a_store(sdk: OpenFgaClient) -> None:
    with_store(sdk)
    sdk.write_assertions([ClientAssertion(user="user:ann", relation="viewer", object="doc:1", expectation=True)])
    assert [each.expectation for each in sdk.read_assertions().assertions] == [True]
    assert sdk.get_store().name == "shop"
    assert {"main", "shop"} <= {store.name for store in sdk.list_stores().stores}

    sdk.delete_store()

    with pytest.raises(NotFoundException) as gone:
        sdk.get_store()
    assert gone.value.parsed_exception.code == "store_id_not_found"
