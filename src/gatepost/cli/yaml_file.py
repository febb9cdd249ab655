"""Reading YAML as OpenFGA's tool does, bounded: no objects, no times, and no aliases that grow without end."""

from __future__ import annotations

from typing import Any

from gatepost.errors import ConfigurationError

MOST_NODES = 200_000
DEEPEST = 40
Node = Any  # of PyYAML's composer: its `id` says whether `value` is a text, a list or a list of pairs
_TAG = "tag:yaml.org,2002:"
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def read_yaml(text: str, source: str) -> object:
    """Return the one document of a YAML text as dicts, lists, texts, numbers and booleans.

    Times stay the text that they are.  Raises `ConfigurationError` for what is no such document, for a key that stands
    twice, and for more than so many values, those that an alias repeats counted each time.
    """
    import yaml  # only who comes with a world needs it

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigurationError([f"{source}: {where}is not YAML that can be read: {error.problem}"]) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigurationError([f"{source}: is not YAML that can be read"]) from None
    return None if root is None else _Reader(source).value(root)


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.seen = 0

    def refusal(self, node: Node, sentence: str) -> ConfigurationError:
        return ConfigurationError([f"{self.source}: line {node.start_mark.line + 1}: {sentence}"])

    def value(self, node: Node, depth: int = 0) -> object:
        self.seen += 1
        if self.seen > MOST_NODES:
            raise ConfigurationError([f"{self.source}: has more than {MOST_NODES} values, aliases counted each time"])
        if depth > DEEPEST:
            raise self.refusal(node, f"is nested deeper than {DEEPEST}")
        if node.id == "scalar":
            return self.scalar(node)
        if node.id == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        return self.mapping(node, depth)

    def mapping(self, node: Node, depth: int) -> dict[str, object]:
        own: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key, item in node.value:
            if key.id != "scalar":
                raise self.refusal(key, "a key must be a word")
            if key.tag == f"{_TAG}merge":
                tables = self.value(item, depth + 1)
                for table in tables if isinstance(tables, list) else [tables]:
                    if not isinstance(table, dict):
                        raise self.refusal(key, "<< must name a table of keys")
                    merged = {**table, **merged}
            elif key.value in own:
                raise self.refusal(key, f"the key {key.value} stands twice")
            else:
                own[key.value] = self.value(item, depth + 1)
        return {**merged, **own}

    def scalar(self, node: Node) -> object:
        text: str = node.value
        kind = node.tag.removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return _BOOLEANS.get(text, text)  # `on` and `no` are words, as in YAML 1.2
        if kind in ("str", "timestamp", "value"):
            return text
        if kind not in ("int", "float"):
            raise self.refusal(node, f"!!{kind} is not taken here")
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            return text  # 1:30 and the like were numbers once
