"""Text to model: a hand-written parser for OpenFGA's modelling language, schema 1.1."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatepost.access.model import (
    GENERIC,
    MAX_NESTING,
    MAX_RELATION_NAME,
    MAX_TYPE_NAME,
    PARAMETER_TYPES,
    SCHEMAS,
    AuthorizationModel,
    Computed,
    Condition,
    Direct,
    Exclusion,
    FromParent,
    Intersection,
    Restriction,
    Rewrite,
    Type,
    Union,
)
from gatepost.access.scan import Word, scan
from gatepost.errors import InvalidModel

Places = dict[tuple[str, str], tuple[int, int]]


@dataclass(slots=True)
class Parsed:
    """A model with the place (line, column) of each (type, relation).

    A type itself stands as (type, ""), a condition as ("condition", name) and its expression as ("{", name).
    """

    model: AuthorizationModel
    places: Places


def parse_model(text: str) -> AuthorizationModel:
    """Read a model.  Raises `InvalidModel` with line, column and what was expected; soundness is `validate`'s work."""
    return parse_with_places(text).model


def parse_with_places(text: str) -> Parsed:
    """Read a model and remember where each definition stands, for the errors of `validate`."""
    words = list[Word]()
    try:
        for word in scan(text):
            words.append(word)  # kept even if what comes later cannot be read
    except InvalidModel as error:
        return _Parser(words, error).model()
    return _Parser(words).model()


@dataclass(slots=True)
class _Parser:
    words: list[Word]
    unreadable: InvalidModel | None = None  # why there are no more words: an error only for whoever comes so far
    position: int = 0
    places: Places = field(default_factory=dict)

    @property
    def here(self) -> Word:
        if self.unreadable is not None and self.position == len(self.words):
            raise self.unreadable
        return self.words[self.position]

    def fail(self, expected: str, at: Word | None = None) -> InvalidModel:
        at = at or self.here
        return InvalidModel(f"expected {expected}, found {at}", line=at.line, column=at.column)

    def wrong(self, sentence: str, at: Word) -> InvalidModel:
        return InvalidModel(sentence, line=at.line, column=at.column)

    def take(self) -> Word:
        word = self.here
        if word.kind != "end":
            self.position += 1
        return word

    def at(self, text: str) -> bool:
        return self.here.text == text and self.here.kind in ("word", "mark")

    def expect(self, text: str) -> Word:
        if not self.at(text):
            raise self.fail(repr(text))
        return self.take()

    def name(self, what: str, limit: int) -> Word:
        if self.here.kind != "word":
            raise self.fail(what)
        if len(self.here.text) > limit:
            raise self.wrong(f"{what} is longer than {limit} characters", self.here)
        return self.take()

    def skip_lines(self) -> None:
        while self.here.kind == "newline":
            self.position += 1

    def end_line(self) -> None:
        if self.here.kind not in ("newline", "end"):
            raise self.fail("the end of the line")
        self.skip_lines()

    def model(self) -> Parsed:
        self.skip_lines()
        if self.at("module"):
            raise self.wrong("modules are put together before they come here: expected 'model'", self.here)
        self.expect("model")
        self.skip_lines()
        self.expect("schema")
        version = self.name("a schema version", 10)
        if version.text not in SCHEMAS:
            raise self.wrong(f"schema {version.text} is not supported: expected {' or '.join(SCHEMAS)}", version)
        self.end_line()
        types: dict[str, Type] = {}
        conditions: dict[str, Condition] = {}
        while self.here.kind != "end":
            start = self.here
            if self.at("type"):
                kind = self.type()
                self.unique(kind.name, types, "type", start)
                types[kind.name] = kind
            elif self.at("condition"):
                condition = self.condition()
                self.unique(condition.name, conditions, "condition", start)
                conditions[condition.name] = condition
            elif self.at("extend"):
                raise self.wrong("'extend' is for modules: expected 'type' or 'condition'", self.here)
            else:
                raise self.fail("'type' or 'condition'")
        return Parsed(AuthorizationModel(types, conditions, version.text), self.places)

    def unique(self, name: str, known: dict[str, Type] | dict[str, Condition], what: str, at: Word) -> None:
        if name in known:
            raise self.wrong(f"{what} {name} is defined twice", at)

    def type(self) -> Type:
        self.expect("type")
        name = self.name("a type name", MAX_TYPE_NAME)
        self.places[name.text, ""] = (name.line, name.column)
        self.end_line()
        relations: dict[str, Rewrite] = {}
        if self.at("relations"):
            self.take()
            self.end_line()
            if not self.at("define"):
                raise self.fail("'define'")
            while self.at("define"):
                self.take()
                relation = self.name("a relation name", MAX_RELATION_NAME)
                if relation.text in relations:
                    raise self.wrong(f"relation {relation.text} of type {name.text} is defined twice", relation)
                self.places[name.text, relation.text] = (relation.line, relation.column)
                self.expect(":")
                relations[relation.text] = self.rewrite(depth=0, leftmost=True)
                self.end_line()
        return Type(name.text, relations)

    def rewrite(self, *, depth: int, leftmost: bool) -> Rewrite:
        first = self.operand(depth=depth, leftmost=leftmost)
        if self.at("but"):
            self.take()
            self.expect("not")
            result: Rewrite = Exclusion(first, self.operand(depth=depth, leftmost=False))
        elif self.at("or") or self.at("and"):
            operator = self.here.text
            operands = [first]
            while self.at(operator):
                self.take()
                operands.append(self.operand(depth=depth, leftmost=False))
            result = Union(tuple(operands)) if operator == "or" else Intersection(tuple(operands))
        else:
            return first
        if self.at("or") or self.at("and") or self.at("but"):
            raise self.wrong("operators are mixed: expected parentheses around one of them", self.here)
        return result

    def operand(self, *, depth: int, leftmost: bool) -> Rewrite:
        if self.at("("):
            opening = self.take()
            if depth >= MAX_NESTING:
                raise self.wrong(f"parentheses are nested deeper than {MAX_NESTING}", opening)
            inner = self.rewrite(depth=depth + 1, leftmost=leftmost)
            self.expect(")")
            return inner
        if self.at("["):
            if not leftmost:
                raise self.wrong("direct types stand first in a definition: expected a relation name", self.here)
            return self.restrictions()
        relation = self.name("a relation name, '[' or '('" if leftmost else "a relation name or '('", MAX_RELATION_NAME)
        if not self.at("from"):
            return Computed(relation.text)
        self.take()
        return FromParent(relation.text, self.name("a relation name", MAX_RELATION_NAME).text)

    def restrictions(self) -> Direct:
        self.expect("[")
        found = [self.restriction()]
        while self.at(","):
            self.take()
            found.append(self.restriction())
        if not self.at("]"):
            raise self.fail("',' or ']'")
        self.take()
        return Direct(tuple(found))

    def restriction(self) -> Restriction:
        kind = self.name("a type name", MAX_TYPE_NAME).text
        relation, wildcard, condition = "", False, ""
        if self.at("#"):
            self.take()
            relation = self.name("a relation name", MAX_RELATION_NAME).text
        elif self.at(":"):
            self.take()
            self.expect("*")
            wildcard = True
        if self.at("with"):
            self.take()
            condition = self.name("a condition name", MAX_RELATION_NAME).text
        return Restriction(kind, relation, wildcard, condition)

    def condition(self) -> Condition:
        self.expect("condition")
        name = self.name("a condition name", MAX_RELATION_NAME)
        self.places["condition", name.text] = (name.line, name.column)
        self.expect("(")
        parameters: dict[str, str] = {}
        while True:
            parameter = self.name("a parameter name", MAX_RELATION_NAME)
            if parameter.text in parameters:
                raise self.wrong(f"parameter {parameter.text} is declared twice", parameter)
            self.expect(":")
            parameters[parameter.text] = self.parameter_type()
            if not self.at(","):
                break
            self.take()
        if not self.at(")"):
            raise self.fail("',' or ')'")
        self.take()
        self.skip_lines()
        block = self.here
        if block.kind != "block":
            raise self.fail("'{'")
        self.take()
        self.end_line()
        expression = block.text.strip()
        self.places["{", name.text] = _start(block)
        if not expression:
            raise self.wrong("expected an expression between the braces", block)
        return Condition(name.text, tuple(parameters.items()), expression)

    def parameter_type(self, depth: int = 0) -> str:
        kind = self.name("a parameter type", MAX_RELATION_NAME)
        if kind.text not in PARAMETER_TYPES:
            raise self.wrong(f"unknown parameter type {kind.text}: expected {', '.join(sorted(PARAMETER_TYPES))}", kind)
        if kind.text not in GENERIC:
            return kind.text
        if depth > MAX_NESTING:
            raise self.wrong(f"parameter types are nested deeper than {MAX_NESTING}", kind)
        self.expect("<")
        inner = self.parameter_type(depth + 1)
        self.expect(">")
        return f"{kind.text}<{inner}>"


def _start(block: Word) -> tuple[int, int]:
    """Where the expression in braces begins."""
    before = block.text[: len(block.text) - len(block.text.lstrip())]
    lines = before.count("\n")
    return block.line + lines, len(before) - before.rfind("\n") if lines else block.column + 1 + len(before)
