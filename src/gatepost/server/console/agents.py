"""Which browser on which system a session is in, from its User-Agent.  A guess for people, never a decision."""

from __future__ import annotations

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
    ("gatepost", "the Gatepost command line"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
PHONES = frozenset({"iPhone", "iPad", "Android"})


def agent_text(agent: str) -> str:
    """`Firefox on Linux`, as far as it can be told."""
    browser = next((name for mark, name in BROWSERS if mark.lower() in agent.lower()), "")
    system = system_of(agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or (agent[:60] if agent else "an unknown program")


def system_of(agent: str) -> str:
    return next((name for mark, name in SYSTEMS if mark in agent), "")


def agent_icon(agent: str) -> str:
    return "smartphone" if system_of(agent) in PHONES else "monitor"
