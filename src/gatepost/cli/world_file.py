"""A world: a model, tuples and expected answers, in the format of OpenFGA's store files (`.fga.yaml`)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatepost.access import AuthorizationModel, RelationTuple, allows
from gatepost.access.tuples import TupleCondition
from gatepost.cli.model_file import read_model_text, read_text
from gatepost.cli.yaml_file import read_yaml
from gatepost.errors import ConfigurationError, InvalidField, InvalidModel
from gatepost.principal import Entity, Subject

LARGEST_WORLD = 4 << 20  # bytes, of the file and of each that it names
MOST_TUPLES = 100_000
WORDS_FOR_ANSWERS = {"yes": True, "on": True, "no": False, "off": False}  # where YAML 1.1 has a boolean
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ExpectedCheck:
    """One question and its answer."""

    user: str
    relation: str
    object: str
    allowed: bool
    context: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExpectedObjects:
    """The objects of a type that a user has a relation to."""

    user: str
    relation: str
    type: str
    objects: frozenset[str]
    context: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExpectedUsers:
    """Whoever has a relation to an object, of the kinds that `filters` name (`user`, `group#member`)."""

    object: str
    relation: str
    filters: tuple[str, ...]
    users: frozenset[str]
    context: Json = field(default_factory=dict)


Expected = ExpectedCheck | ExpectedObjects | ExpectedUsers


@dataclass(frozen=True, slots=True)
class WorldTest:
    """Questions with their answers; `tuples` are there for these questions only."""

    name: str
    expected: tuple[Expected, ...]
    tuples: tuple[RelationTuple, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What a world file says.  `model_text` is the model as it is written there."""

    name: str
    model: AuthorizationModel
    model_text: str
    tuples: tuple[RelationTuple, ...] = ()
    tests: tuple[WorldTest, ...] = ()


def read_world(file: Path, *, main: bool = False) -> World:
    """Read a world whole.  Raises `ConfigurationError` with what is wrong and where."""
    return _Reader(file, main).world()


class _Reader:
    def __init__(self, file: Path, main: bool) -> None:
        self.file = file
        self.main = main
        self.count = 0

    def refusal(self, where: str, sentence: str) -> ConfigurationError:
        return ConfigurationError([f"{self.file}: {where}{': ' if where else ''}{sentence}"])

    def world(self) -> World:
        document = read_yaml(read_text(self.file, LARGEST_WORLD), str(self.file))
        whole = self.table(document, "")
        text, source = self.model_text(whole)
        try:
            model = read_model_text(text, main=self.main)
        except InvalidModel as error:
            raise ConfigurationError([f"{source}: {error.fields['model']}"]) from None
        tuples = tuple(self.tuples(whole, "", model))
        tests = [self.test(each, where, model) for where, each in self.tables(whole, "tests", "")]
        return World(self.text(whole, "name", "") or self.file.stem, model, text, tuples, tuple(tests))

    def model_text(self, whole: Json) -> tuple[str, str]:
        """The text, and where it stands."""
        inline, named = self.text(whole, "model", ""), self.text(whole, "model_file", "")
        if inline:
            return inline, f"{self.file}: model"
        if not named:
            raise self.refusal("", "has neither model nor model_file")
        if named.endswith(".mod"):
            raise self.refusal("model_file", "modules are put together with OpenFGA's tool first (fga model transform)")
        beside = self.file.parent / named
        return read_text(beside, LARGEST_WORLD), str(beside)

    # -- tuples -------------------------------------------------------------------------------------------------------

    def tuples(self, owner: Json, where: str, model: AuthorizationModel) -> Iterator[RelationTuple]:
        for place, given in self.given_tuples(owner, where):
            self.count += 1
            if self.count > MOST_TUPLES:
                raise self.refusal(place, f"there are more than {MOST_TUPLES} tuples")
            yield self.read_tuple(given, place, model)

    def given_tuples(self, owner: Json, where: str) -> Iterator[tuple[str, Json]]:
        for place, given in self.tables(owner, "tuples", where):
            yield place, given
        names = self.texts(owner, "tuple_files", where)
        single = self.text(owner, "tuple_file", where)
        for name in [single, *names] if single else names:
            rows = _tuple_file(self.file.parent / name)
            for number, row in enumerate(rows if isinstance(rows, list) else [rows]):
                place = f"{name}[{number}]"
                yield place, self.table(row, place)

    def read_tuple(self, given: Json, where: str, model: AuthorizationModel) -> RelationTuple:
        text = f"{self.needed(given, 'object', where)}#{self.needed(given, 'relation', where)}"
        condition = None
        if given.get("condition") is not None:
            guard = self.table(given["condition"], f"{where}.condition")
            name = self.needed(guard, "name", f"{where}.condition")
            condition = TupleCondition(name, dict(self.context(guard, f"{where}.condition")))
        try:
            bare = RelationTuple.parse(f"{text}@{self.needed(given, 'user', where)}")
            found = RelationTuple(bare.object, bare.relation, bare.subject, condition=condition)
            allows(model, found)
        except InvalidField as error:
            raise self.refusal(where, "; ".join(error.fields.values())) from None
        except ValueError as error:
            raise self.refusal(where, str(error)) from None
        return found

    # -- tests --------------------------------------------------------------------------------------------------------

    def test(self, given: Json, where: str, model: AuthorizationModel) -> WorldTest:
        expected = [*self.checks(given, where), *self.object_lists(given, where), *self.user_lists(given, where)]
        name = self.text(given, "name", where) or self.text(given, "description", where) or where
        return WorldTest(name, tuple(expected), tuple(self.tuples(given, where, model)))

    def checks(self, test: Json, where: str) -> Iterator[Expected]:
        for place, each in self.tables(test, "check", where):
            users = self.one_or_more(each, "user", "users", place)
            objects = self.one_or_more(each, "object", "objects", place)
            context = self.context(each, place)
            for relation, said in self.assertions(each, place).items():
                answer = WORDS_FOR_ANSWERS.get(said) if isinstance(said, str) else said
                if not isinstance(answer, bool):
                    raise self.refusal(f"{place}.assertions.{relation}", "has to be true or false")
                for user in users:
                    for entity in objects:
                        yield ExpectedCheck(user, relation, entity, answer, context)

    def object_lists(self, test: Json, where: str) -> Iterator[Expected]:
        for place, each in self.tables(test, "list_objects", where):
            user, kind = self.subject(self.needed(each, "user", place), place), self.needed(each, "type", place)
            context = self.context(each, place)
            for relation in self.assertions(each, place):
                names = self.texts(self.assertions(each, place), relation, f"{place}.assertions")
                yield ExpectedObjects(user, relation, kind, frozenset(names), context)

    def user_lists(self, test: Json, where: str) -> Iterator[Expected]:
        for place, each in self.tables(test, "list_users", where):
            entity = self.entity(self.needed(each, "object", place), place)
            filters = []
            for at, given in self.tables(each, "user_filter", place):
                relation = self.text(given, "relation", at)
                filters.append(self.needed(given, "type", at) + (f"#{relation}" if relation else ""))
            if not filters:
                raise self.refusal(place, "user_filter is missing")
            context = self.context(each, place)
            for relation, answer in self.assertions(each, place).items():
                at = f"{place}.assertions.{relation}"
                users = self.texts(self.table(answer, at), "users", at)
                yield ExpectedUsers(entity, relation, tuple(filters), frozenset(users), context)

    def assertions(self, owner: Json, where: str) -> Json:
        found = self.table(owner.get("assertions"), f"{where}.assertions")
        if not found:
            raise self.refusal(f"{where}.assertions", "is empty")
        return found

    def one_or_more(self, owner: Json, one: str, more: str, where: str) -> list[str]:
        names = self.texts(owner, more, where)
        single = self.text(owner, one, where)
        found = [single, *names] if single else names
        if not found:
            raise self.refusal(where, f"{one} is missing")
        read = self.subject if one == "user" else self.entity
        return [read(name, where) for name in found]

    def subject(self, text: str, where: str) -> str:
        try:
            return str(Subject.parse(text))
        except ValueError as error:
            raise self.refusal(where, str(error)) from None

    def entity(self, text: str, where: str) -> str:
        try:
            return str(Entity.parse(text))
        except ValueError as error:
            raise self.refusal(where, str(error)) from None

    # -- members ------------------------------------------------------------------------------------------------------

    def table(self, value: object, where: str) -> Json:
        if not isinstance(value, Mapping):
            raise self.refusal(where, "has to be a table of keys")
        return value

    def tables(self, owner: Json, name: str, where: str) -> Iterator[tuple[str, Json]]:
        """Yield the tables of a list with their places; a single one counts as a list of one."""
        value, place = owner.get(name), f"{where}.{name}" if where else name
        for number, each in enumerate(() if value is None else value if isinstance(value, list) else (value,)):
            yield f"{place}[{number}]", self.table(each, f"{place}[{number}]")

    def text(self, owner: Json, name: str, where: str) -> str:
        value = owner.get(name)
        if value is None:
            return ""
        if isinstance(value, Mapping | list | bool):
            raise self.refusal(f"{where}.{name}" if where else name, "has to be a text")
        return str(value)

    def needed(self, owner: Json, name: str, where: str) -> str:
        found = self.text(owner, name, where)
        if not found:
            raise self.refusal(where, f"{name} is missing")
        return found

    def texts(self, owner: Json, name: str, where: str) -> list[str]:
        value = owner.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(item, Mapping | list | bool | None) for item in value):
            raise self.refusal(f"{where}.{name}" if where else name, "has to be a list of texts")
        return [str(item) for item in value]

    def context(self, owner: Json, where: str) -> Json:
        value = owner.get("context")
        return {} if value is None else self.table(value, f"{where}.context")


def _tuple_file(file: Path) -> object:
    """Read a file of tuples: YAML, JSON, a JSON object a line, or CSV."""
    text = read_text(file, LARGEST_WORLD)
    try:
        match file.suffix:
            case ".json":
                return json.loads(text)
            case ".jsonl":
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            case ".csv":
                return [_csv_row(row) for row in csv.DictReader(io.StringIO(text), strict=True)]
    except (ValueError, RecursionError, csv.Error) as error:
        raise ConfigurationError([f"{file}: is not what its name says: {error}"]) from None
    return read_yaml(text, str(file))


def _csv_row(row: Mapping[str, str]) -> Json:
    """One tuple, in the columns that OpenFGA's tool has."""
    relation = f"#{row['user_relation']}" if row.get("user_relation") else ""
    found: dict[str, object] = {
        "user": f"{row.get('user_type')}:{row.get('user_id')}{relation}",
        "relation": row.get("relation"),
        "object": f"{row.get('object_type')}:{row.get('object_id')}",
    }
    if row.get("condition_name"):
        context = json.loads(row.get("condition_context") or "{}")
        found["condition"] = {"name": row["condition_name"], "context": context}
    return found
