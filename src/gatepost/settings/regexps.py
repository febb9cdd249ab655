"""Regular expressions that take for ever on a text made for them, told by their look."""

from __future__ import annotations

import re

REPEAT = r"[*+]|\{[0-9]*,\}|\{[0-9]{2,},?[0-9]*\}|\{[0-9]*,[0-9]{2,}\}"
MOST_ANYTHINGS = 3  # each `.*` may raise the time by another power of the length


def is_slow(pattern: str) -> bool:
    """Tell whether a valid pattern could take exponential time, or a high power, to find that it does not match.

    `(a+)+` is refused, and so are some that are harmless, such as `(/[a-z]+)*`: the names that are matched come
    from elsewhere, and nothing but the pattern bounds the time.
    """
    text = re.sub(r"\\.", "x", pattern, flags=re.DOTALL)
    text = re.sub(r"\[\^?\]?[^\]]*\]", "x", text)
    if len(re.findall(r"\.([*+]|\{[0-9]*,)", text)) > MOST_ANYTHINGS:
        return True
    varies = [False]  # for each open group, whether the length of something in it can vary
    for index, character in enumerate(text):
        following = text[index + 1 : index + 24]
        repeated = re.match(REPEAT, following)
        if character == "(":
            varies.append(False)
            continue
        if character == ")" and len(varies) > 1:
            inner = varies.pop()
            if inner and repeated:
                return True
            varies[-1] |= inner
        if repeated or following.startswith("?"):
            varies[-1] = True
    return False
