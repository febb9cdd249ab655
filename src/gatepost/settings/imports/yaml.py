"""Reading YAML as a tree of texts with their lines.  Nothing is turned into numbers, dates or objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Keys, Leaf, Planter, joined, refusal

Node = Any  # of PyYAML's composer: its `id` says whether `value` is a text, a list or a list of pairs
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


def read_yaml(text: str, fold: Callable[[str], str] = str) -> Leaf | Keys:
    """Return the one document of a YAML text.

    Raises:
        ConfigurationError: if it is not YAML, a key stands twice, or PyYAML is not installed.
    """
    try:
        import yaml  # only who comes from a product that writes YAML needs it
    except ImportError:
        raise refusal("is YAML, and to read it PyYAML is needed: pip install pyyaml") from None
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refusal("is not YAML that can be read", mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, RecursionError):
        raise refusal("is not YAML that can be read") from None
    return Keys("", fold) if root is None else _Reader(fold).read(root, "")


class _Reader(Planter):
    def read(self, node: Node, label: str, depth: int = 0) -> Leaf | Keys:
        self.counted(label, depth)
        line = node.start_mark.line + 1
        if node.id == "scalar":
            nothing = node.style is None and node.value in NOTHING
            return Leaf(label, None if nothing else node.value, line)
        if node.id == "sequence":
            if all(item.id == "scalar" for item in node.value):
                return Leaf(label, [item.value for item in node.value], line)
            items: Iterator[tuple[str, str, Node]] = (
                (str(index), f"{label}[{index}]", item) for index, item in enumerate(node.value)
            )
        else:
            pairs = _pairs(node)
            if not pairs:
                return Leaf(label, None, line)
            items = ((name, joined(label, name), item) for name, item in pairs)
        keys = Keys(label, self.fold, line)
        for name, inner, item in items:
            keys.put(name, self.read(item, inner, depth + 1))
        return keys


def _pairs(node: Node, depth: int = 0) -> list[tuple[str, Node]]:
    """Return the keys of a mapping, with those merged into it by `<<` that it does not have itself."""
    own: list[tuple[str, Node]] = []
    merged: dict[str, Node] = {}
    for name, value in node.value:
        if name.id != "scalar":
            raise refusal("a key must be a word", name.start_mark.line + 1)
        if name.value != "<<":
            own.append((name.value, value))
            continue
        for table in value.value if value.id == "sequence" else [value]:
            if table.id != "mapping" or depth > 8:
                raise refusal("<< must name a table of keys", name.start_mark.line + 1)
            for inner, item in _pairs(table, depth + 1):
                merged.setdefault(inner, item)
    known = {name for name, _ in own}
    return own + [(name, item) for name, item in merged.items() if name not in known]


def environment(root: Leaf | Keys) -> Iterator[Leaf]:
    """Yield the variables of a list or table of them, or of every service of a Compose file, where `$$` is a `$`."""
    for leaf in _variables(root):
        yield replace(leaf, value=leaf.value.replace("$$", "$") if isinstance(leaf.value, str) else leaf.value)


def _variables(root: Leaf | Keys) -> Iterator[Leaf]:
    if isinstance(root, Leaf):
        yield from _listed(root)
    elif "services" in root.nodes:
        services = root.below("services")
        for name in list(services.nodes):
            service = services.below(name)
            if "environment" in service.nodes:
                yield from _variables(service.nodes["environment"])
    elif "environment" in root.nodes:
        yield from _variables(root.nodes["environment"])
    else:
        for name, node in root.nodes.items():
            if isinstance(node, Keys):
                raise refusal(f"{shown(node.label)} must be the value of a variable")
            yield Leaf(name, node.value, node.line)


def _listed(root: Leaf) -> Iterator[Leaf]:
    for item in root.value if isinstance(root.value, list) else [root.value]:
        name, equals, value = str(item).partition("=")
        if item is None or not name.strip() or not equals:
            raise refusal("each variable must be written NAME=VALUE", root.line)
        yield Leaf(name.strip(), value, root.line)
