"""How much one request may ask for.  Everything is counted before anything is executed.

Attacks on a language that lets callers say how much they want, and where they end:

- a long document, to keep the parser and the comparison of its fields busy: tokens are counted as they are read
- what is no token, comments and a million empty lines: the place of each error is found by counting them; so characters
  and lines are counted before anything is read
- a hundred errors in one document, each with its place and with what may have been meant instead: the first few are told
- fields inside fields inside fields: depth
- one expensive field under a hundred names: aliases
- one cheap field or fragment two hundred times over, each compared with each: how many stand in one place
- lists inside lists, fragments that hold one another twice: the cost, in which the lengths of lists multiply
- the description of the schema, asked for within itself: the library's rule on introspection, and the cost
- values that REST would refuse: see `values`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
    validate,
    visit,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gatepost.directory.pages import MOST
from gatepost.errors import InvalidField, InvalidRequest
from gatepost.server.graphql.values import require_values

MOST_TOKENS = 1_000
MOST_CHARACTERS = 100_000
MOST_LINES = 2_000
MOST_ERRORS = 10
MOST_DEPTH = 10
MOST_ALIASES = 30
MOST_COST = 50_000
MOST_DESCRIBED = 100_000  # what every tool asks of the schema when it starts is about 70,000
MOST_REPEATED = 10  # of one field in one place: comparing each with each takes the square of it
MOST_SPREADS = 20  # of fragments in one place: so does comparing each fragment with each
MOST_OPERATIONS = 20

A_CHANGE = 500
A_QUESTION = 20
# What looks through much of what there is, however little it answers: a few of these fill a request.
HEAVY = {"plan": 5_000, "applyPlan": 5_000, "revocations": 5_000}
USUAL_LENGTH = 10  # of a list that nobody says the length of
# The lengths of the lists that describe the schema, about.
OWN_LENGTHS = {"types": 100, "fields": 6, "args": 2, "inputFields": 1, "enumValues": 1, "directives": 5}
OWN_NAMES = ("__schema", "__type")
SPREAD = "..."


class Limits(SchemaExtension):
    """Refuses what is too large, as an error of the request."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = MOST_TOKENS
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            context.validation_rules = (*context.validation_rules, MaxIntrospectionDepthRule)
            try:
                schema = context.schema._schema  # noqa: SLF001 - the one place where it keeps the library's own
                require_within(context.graphql_document, context.variables or {}, schema)
                _require_chosen(context.graphql_document, context._provided_operation_name)  # noqa: SLF001 - as sent
                rules = (*context.validation_rules, MaybeNullValidationRule, OneOfInputValidationRule)
                wrong = validate(schema, context.graphql_document, rules, max_errors=MOST_ERRORS)
                context.pre_execution_errors = wrong or None
                context.validation_rules = ()  # or the library would ask all of them once more
            except (InvalidField, InvalidRequest) as error:
                context.pre_execution_errors = [GraphQLError(str(error), original_error=error)]
        yield


def require_short(query: str) -> None:
    """Raises `InvalidRequest` for a document that is too much to be read."""
    if len(query) > MOST_CHARACTERS:
        raise InvalidRequest(f"the query is too long: {MOST_CHARACTERS:,} characters at most; values can be variables")
    if query.count("\n") > MOST_LINES or query.count("\r") > MOST_LINES:
        raise InvalidRequest(f"the query is too long: {MOST_LINES:,} lines at most")


def _require_chosen(document: DocumentNode, name: str | None) -> None:
    """Of several operations one has to be named (GraphQL, section 6.1): the library does the first of them unasked."""
    if name is None and sum(isinstance(each, OperationDefinitionNode) for each in document.definitions) > 1:
        raise InvalidRequest("there are several operations in the query: operationName says which")


def require_within(document: DocumentNode, variables: Mapping[str, Any], schema: GraphQLSchema) -> None:
    """Raises `InvalidRequest` for what is too much, `InvalidField` for what cannot be stored."""
    _require_few(document)
    require_values(document, variables, schema)
    measure = _Measure(schema, document, variables)
    size = measure.whole()
    if measure.described > MOST_DESCRIBED:
        raise InvalidRequest("this asks for too much of the schema at once")
    if size.depth > MOST_DEPTH:
        raise InvalidRequest(f"at most {MOST_DEPTH} levels of fields")
    if size.cost > MOST_COST:
        raise InvalidRequest(
            f"this asks for about {size.cost} fields, and {MOST_COST} is the most: ask for shorter lists (first)"
        )


class _Counts(Visitor):
    """How often something stands in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases = 0
        self.operations = 0
        self.repeated = 0
        self.spreads = 0

    def enter_operation_definition(self, *_: Any) -> None:
        self.operations += 1

    def enter_selection_set(self, node: SelectionSetNode, *_: Any) -> None:
        places = Counter(_names_in(node))
        self.spreads = max(self.spreads, places.pop(SPREAD, 0))
        self.repeated = max(self.repeated, *places.values(), 0)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None


def _names_in(selections: SelectionSetNode) -> Iterator[str]:
    """The names that stand in one place: an inline fragment is the same place."""
    for each in selections.selections:
        if isinstance(each, FieldNode):
            yield (each.alias or each.name).value
        elif isinstance(each, FragmentSpreadNode):
            yield SPREAD
        elif isinstance(each, InlineFragmentNode):
            yield from _names_in(each.selection_set)


def _require_few(document: DocumentNode) -> None:
    counts = _Counts()
    visit(document, counts)
    if counts.aliases > MOST_ALIASES:
        raise InvalidRequest(f"at most {MOST_ALIASES} aliases in one request")
    if counts.operations > MOST_OPERATIONS:
        raise InvalidRequest(f"at most {MOST_OPERATIONS} operations in one document")
    if counts.repeated > MOST_REPEATED:
        raise InvalidRequest(f"a field is there more than {MOST_REPEATED} times in one place")
    if counts.spreads > MOST_SPREADS:
        raise InvalidRequest(f"at most {MOST_SPREADS} fragments in one place")


@dataclass(frozen=True, slots=True)
class Size:
    """How deep, and about how many fields an answer can have."""

    depth: int = 0
    cost: int = 0


@dataclass(slots=True)
class _Measure:
    """Measures every operation of a document.  A fragment is measured once for each type, however often it is named."""

    schema: GraphQLSchema
    document: DocumentNode
    variables: Mapping[str, Any]
    fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    known: dict[str, Size] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    defaults: dict[str, Any] = field(default_factory=dict)
    described: int = 0

    def whole(self) -> Size:
        operations = []
        for node in self.document.definitions:
            if isinstance(node, FragmentDefinitionNode):
                self.fragments[node.name.value] = node
            elif isinstance(node, OperationDefinitionNode):
                operations.append(node)
                for each in node.variable_definitions or ():
                    self.defaults[each.variable.name.value] = each.default_value
        sizes = [self._inside(node.selection_set, self.schema.get_root_type(node.operation)) for node in operations]
        return Size(max((s.depth for s in sizes), default=0), sum(s.cost for s in sizes))

    def _inside(self, selections: SelectionSetNode | None, parent: Any) -> Size:
        sizes = [self._of(node, parent) for node in (selections.selections if selections else ())]
        return Size(max((s.depth for s in sizes), default=0), sum(s.cost for s in sizes))

    def _of(self, node: SelectionNode, parent: Any) -> Size:
        if isinstance(node, FieldNode):
            return self._of_field(node, parent)
        if isinstance(node, InlineFragmentNode):
            return self._inside(node.selection_set, self._narrowed(node.type_condition, parent))
        if isinstance(node, FragmentSpreadNode):
            return self._of_fragment(node.name.value)
        return Size()

    def _narrowed(self, condition: Any, parent: Any) -> Any:
        return parent if condition is None else self.schema.get_type(condition.name.value)

    def _of_fragment(self, name: str) -> Size:
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open:
            return Size()  # the library's rules speak of it
        if name not in self.known:
            self.open.add(name)
            self.known[name] = self._inside(fragment.selection_set, self._narrowed(fragment.type_condition, None))
            self.open.discard(name)
        return self.known[name]

    def _of_field(self, node: FieldNode, parent: Any) -> Size:
        name = node.name.value
        if name in OWN_NAMES:
            self.described += self._described(node.selection_set)
            return Size(1, 1)
        known = parent.fields.get(name) if is_object_type(parent) else None
        if known is None:
            return Size(1, 1)  # the library's rules speak of it
        inside = self._inside(node.selection_set, get_named_type(known.type))
        return Size(1 + inside.depth, self._own(name, parent) + self._length(node, known, parent) * max(inside.cost, 1))

    def _described(self, selections: SelectionSetNode | None) -> int:
        """What a description of the schema costs: its lists are known by name."""
        return sum(self._described_by(node) for node in (selections.selections if selections else ()))

    def _described_by(self, node: SelectionNode) -> int:
        if isinstance(node, FieldNode):
            inside = self._described(node.selection_set)
            return 1 + OWN_LENGTHS.get(node.name.value, 1) * inside
        if isinstance(node, InlineFragmentNode):
            return self._described(node.selection_set)
        name = node.name.value if isinstance(node, FragmentSpreadNode) else ""
        fragment = self.fragments.get(name)
        if fragment is None or name in self.open:
            return 0
        if name not in self.known:
            self.open.add(name)
            self.known[name] = Size(0, self._described(fragment.selection_set))
            self.open.discard(name)
        return self.known[name].cost

    def _own(self, name: str, parent: GraphQLObjectType) -> int:
        if name in HEAVY and parent in (self.schema.query_type, self.schema.mutation_type):
            return HEAVY[name]
        if parent is self.schema.mutation_type:
            return A_CHANGE
        return A_QUESTION if parent is self.schema.query_type else 1

    def _length(self, node: FieldNode, known: Any, parent: GraphQLObjectType) -> int:
        if "first" in known.args:
            return self._given(node, known.args["first"].default_value)
        is_list = is_list_type(get_nullable_type(known.type))
        # The items of a page were counted where its length was said.
        if not is_list or parent.name.endswith("Connection") or not is_object_type(get_named_type(known.type)):
            return 1
        return USUAL_LENGTH

    def _given(self, node: FieldNode, usual: object) -> int:
        value: object = next((each.value for each in node.arguments or () if each.name.value == "first"), None)
        if isinstance(value, VariableNode):
            name = value.name.value
            value = self.variables[name] if name in self.variables else self.defaults.get(name)
        if isinstance(value, IntValueNode):
            value = int(value.value) if len(value.value) < len(str(MOST)) + 2 else MOST
        if value is None:
            value = usual
        return min(max(value, 1), MOST) if isinstance(value, int) else MOST
