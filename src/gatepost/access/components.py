"""Strongly connected components, without recursion (Tarjan 1972): what hangs on what, the independent first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def components(root: int, references: Mapping[int, Sequence[tuple[int, bool]]]) -> Iterator[list[int]]:
    """Yield groups of nodes reachable from `root` that hang on one another, each after all that it hangs on."""
    index: dict[int, int] = {root: 0}
    low: dict[int, int] = {root: 0}
    stack, on_stack = [root], {root}
    work = [(root, iter(references[root]))]
    while work:
        node, rest = work[-1]
        for target, _ in rest:
            if target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                on_stack.add(target)
                work.append((target, iter(references[target])))
                break
            if target in on_stack:
                low[node] = min(low[node], index[target])
        else:
            work.pop()
            if work:
                above = work[-1][0]
                low[above] = min(low[above], low[node])
            if low[node] == index[node]:
                group: list[int] = []
                while not group or group[-1] != node:
                    group.append(stack.pop())
                on_stack.difference_update(group)
                yield group
