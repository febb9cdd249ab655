"""The command line, over the SDK.

Every command's module is imported when that command runs, so that `gatepost --version` costs next to nothing.
"""

from __future__ import annotations

from gatepost.cli.commands import root

__all__ = ["main", "root"]


def main() -> None:
    """Run the command line and exit: 0 done or allowed, 1 denied or a finding, 2 could not."""
    root.main(prog_name="gatepost")
