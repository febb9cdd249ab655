"""The keys of another product's configuration, each taken at most once, so that what nobody took can be said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from gatepost.errors import ConfigurationError
from gatepost.settings.imports.toml import one_line, shown
from gatepost.settings.place import plain

DEEPEST = 24  # tables within tables; no configuration has more
MOST = 20_000  # keys; a file that refers to itself would have no end of them
YES = frozenset({"true", "yes", "on", "1"})
NO = frozenset({"false", "no", "off", "0"})


def refusal(sentence: str, line: int = 0) -> ConfigurationError:
    """Make the error of one sentence.  The file's name is put before it by `convert`."""
    return ConfigurationError([one_line(f"line {line}: {sentence}" if line else sentence)])


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value and where it stands: the key with its path, and the line (from 1) where it is known, else 0.

    The value is None, a text, a number, a boolean, or a list of these.
    """

    label: str
    value: object = field(repr=False)
    line: int = 0

    @property
    def is_empty(self) -> bool:
        return self.value is None or self.value == "" or self.value == []

    def refuse(self, sentence: str) -> ConfigurationError:
        """Make the error for this value, without repeating it: it may be a secret."""
        return refusal(f"{shown(self.label)} {sentence}", self.line)

    def text(self) -> str:
        """Return the value as text.  Raises `ConfigurationError` if it is neither text nor number."""
        if isinstance(self.value, str):
            return self.value.strip()
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return str(self.value)
        raise self.refuse("must be a text")

    def flag(self) -> bool:
        """Return the value as a boolean.  Raises `ConfigurationError` if it is not one in any spelling."""
        said = str(self.value).strip().lower()
        if said not in YES | NO:
            raise self.refuse("must be true or false")
        return said in YES

    def number(self) -> int:
        """Return the value as a whole number, 0 or more.  Raises `ConfigurationError`."""
        if isinstance(self.value, bool) or not re.fullmatch(r"[0-9]{1,12}", str(self.value).strip()):
            raise self.refuse("must be a whole number")
        return int(str(self.value))

    def words(self) -> list[str]:
        """Return the value as texts: a list, a JSON list, or words with spaces or commas between them."""
        value = self.value
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self.json()
        if isinstance(value, str):
            return [word for word in re.split(r"[\s,]+", value) if word]
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.refuse("must be a list of texts")
        return [str(item).strip() for item in value]

    def json(self) -> object:
        """Return what the JSON of this value says, or the value itself where it is no text."""
        return parse_json(self.value, self.refuse) if isinstance(self.value, str) else self.value


class Keys:
    """One table.  Names are compared as `fold` makes them, for some products write one key in several ways."""

    def __init__(self, label: str = "", fold: Callable[[str], str] = str, line: int = 0) -> None:
        self.label = label
        self.fold = fold
        self.line = line
        self.nodes: dict[str, Leaf | Keys] = {}
        self.taken: set[str] = set()

    def put(self, name: str, node: Leaf | Keys) -> None:
        """Add a key.  Raises `ConfigurationError` if it stands there already, in any spelling."""
        folded = self.fold(name)
        if folded in self.nodes:
            raise refusal(f"{shown(node.label)} stands twice", node.line)
        self.nodes[folded] = node

    def table(self, name: str, label: str) -> Keys:
        """Return the table of this name, which is made if it is not there."""
        node = self.nodes.get(self.fold(name))
        if node is None:
            node = Keys(label, self.fold)
            self.put(name, node)
        if isinstance(node, Leaf):
            raise node.refuse("is a value, and its own keys stand beside it")
        return node

    def leaf(self, name: str) -> Leaf | None:
        """Take a value.  An empty one counts as not given, and is told among the rest."""
        node = self.nodes.get(name)
        if node is None or (isinstance(node, Leaf) and node.is_empty):
            return None
        if isinstance(node, Keys):
            raise refusal(f"{shown(node.label)} must be a value, not a table", node.line)
        self.taken.add(name)
        return node

    def needed(self, name: str, spelled: str) -> Leaf:
        """Take a value that has to be there.  Raises `ConfigurationError`; `spelled` is how the product writes it."""
        leaf = self.leaf(name)
        if leaf is None:
            raise refusal(f"{shown(self.label + '.' if self.label else '')}{spelled} is missing", self.line)
        return leaf

    def words(self, name: str) -> tuple[list[str], Leaf] | None:
        """Take a list of texts, written in one value or in one for each index."""
        node = self.nodes.get(name)
        if not isinstance(node, Keys):
            leaf = self.leaf(name)
            return (leaf.words(), leaf) if leaf is not None else None
        leaves = [leaf for leaf in (node.leaf(index) for index in node.indexes()) if leaf is not None]
        return ([leaf.text() for leaf in leaves], Leaf(node.label, None, leaves[0].line)) if leaves else None

    def below(self, name: str) -> Keys:
        """Return a table, empty if it is not there."""
        node = self.nodes.get(name)
        if isinstance(node, Leaf) and not node.is_empty:
            raise node.refuse("must be a table of keys")
        return node if isinstance(node, Keys) else Keys(joined(self.label, name), self.fold, self.line)

    def each(self, name: str) -> list[Keys]:
        """Return the tables of a list, in order."""
        tables = self.below(name)
        found = [tables.nodes[index] for index in tables.indexes()]
        for node in found:
            if isinstance(node, Leaf):
                raise node.refuse("must be a table of keys")
        return [node for node in found if isinstance(node, Keys)]

    def indexes(self) -> list[str]:
        if not all(re.fullmatch(r"[0-9]{1,6}", name) for name in self.nodes):
            raise refusal(f"{shown(self.label)} must be a list", self.line)
        return sorted(self.nodes, key=int)

    def rest(self) -> Iterator[str]:
        """Yield the label of each value that nobody took."""
        for name, node in self.nodes.items():
            if isinstance(node, Keys):
                yield from node.rest()
            elif name not in self.taken:
                yield shown(node.label)

    def leaves(self) -> Iterator[Leaf]:
        for node in self.nodes.values():
            yield from node.leaves() if isinstance(node, Keys) else [node]


class Planter:
    """Makes a tree of what a JSON or TOML reader returned, and counts, for the sake of an end."""

    def __init__(self, fold: Callable[[str], str] = str) -> None:
        self.fold = fold
        self.count = 0

    def plant(self, value: object, label: str, line: int = 0, depth: int = 0) -> Leaf | Keys:
        self.counted(label, depth)
        if isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
            pairs = [(str(index), f"{label}[{index}]", item) for index, item in enumerate(value)]
        elif isinstance(value, Mapping) and value:
            pairs = [(str(name), joined(label, str(name)), item) for name, item in value.items()]
        else:
            return Leaf(label, None if isinstance(value, Mapping) else value, line)
        keys = Keys(label, self.fold, line)
        for name, inner, item in pairs:
            keys.put(name, self.plant(item, inner, line, depth + 1))
        return keys

    def counted(self, label: str, depth: int) -> None:
        self.count += 1
        if depth > DEEPEST or self.count > MOST:
            raise refusal(f"{shown(label)} holds more tables than any configuration")


def joined(label: str, name: str) -> str:
    return f"{label}.{plain(name)}" if label else plain(name)


def parse_json(text: str, refuse: Callable[[str], ConfigurationError]) -> object:
    """Parse JSON, in which no name may stand twice.  What is wrong is said without repeating the text."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        table = dict(pairs)
        if len(table) < len(pairs):
            raise ValueError("a name stands twice in one object")
        return table

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise refuse(f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise refuse("is not JSON that can be read: it is nested too deeply") from None
    except ValueError as error:
        raise refuse(f"is not JSON that can be read: {str(error)[:80]}") from None
