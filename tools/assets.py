"""Copies what the pages take from npm into the package, and refuses anything that is not what was pinned.

    python tools/assets.py           build static/vendor/ from frontend/package-lock.json
    python tools/assets.py --check   say what is missing or different in static/vendor/
    python tools/assets.py --lock    write the lock and the sums anew, after a change of frontend/package.json

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import npm

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "frontend"
MODULES = FRONTEND / "node_modules"
LOCK = FRONTEND / "package-lock.json"
SUMS = FRONTEND / "vendor.sha256"
VENDOR = ROOT / "src/gatepost/server/console/static/vendor"
SPRITE = "sprite.svg"
LICENCES = "LICENSES.txt"


def main(arguments: list[str]) -> int:
    """Answer the exit code: 0 done, 1 a file differs from its pin, 2 could not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--lock", action="store_true")
    wanted = parser.parse_args(arguments)
    try:
        if wanted.check:
            return report(differing(there()))
        if wanted.lock:
            write_lock()
        install()
        made = parts()
        if wanted.lock:
            SUMS.write_text(sums_text(made), encoding="utf-8")
        if not (differences := differing(made)):
            write(made)
        return report(differences)
    except (OSError, subprocess.CalledProcessError, KeyError, ValueError) as error:
        print(f"front-end assets: {error}", file=sys.stderr)
        return 2


def report(differences: list[str]) -> int:
    """Print what is wrong and answer the exit code."""
    for difference in differences:
        print(f"front-end assets: {difference}", file=sys.stderr)
    return 1 if differences else 0


def install() -> None:
    """Bring node_modules to exactly what the lock says; npm checks each package's sha512."""
    installed = MODULES / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < LOCK.stat().st_mtime:
        npm.run(FRONTEND, "ci")


def write_lock() -> None:
    """Lock the packages that package.json names, and not what they depend on.

    The files we copy are bundles that carry their dependencies; a hundred packages need not be fetched, or trusted,
    to copy three files.
    """
    npm.run(FRONTEND, "install", "--package-lock-only")
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    packages = lock["packages"]
    kept = {"": packages[""]}
    for name in packages[""]["dependencies"]:
        entry = packages[f"node_modules/{name}"]
        kept[f"node_modules/{name}"] = {key: entry[key] for key in ("version", "integrity", "license")}
    LOCK.write_text(json.dumps({**lock, "packages": kept}, indent=2) + "\n", encoding="utf-8")


def parts() -> dict[str, bytes]:
    """Make every file of static/vendor/, by name."""
    wanted = tomllib.loads((FRONTEND / "assets.toml").read_text(encoding="utf-8"))
    files = {name: (MODULES / path).read_bytes() for name, path in wanted["files"].items()}
    files[SPRITE] = sprite(MODULES / wanted["sprite"]["from"], wanted["sprite"]["icons"])
    files[LICENCES] = licences()
    return files


def sprite(folder: Path, icons: list[str]) -> bytes:
    """Put the named icons into one file of symbols, so that a page loads them once."""
    symbols = [symbol(name, (folder / f"{name}.svg").read_text(encoding="utf-8")) for name in sorted(icons)]
    head = '<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Lucide icons, ISC: see LICENSES.txt -->\n'
    return (head + "\n".join(symbols) + "\n</svg>\n").encode()


def symbol(name: str, svg: str) -> str:
    """Turn one icon into a symbol that takes its colour and stroke from where it is used."""
    match = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
    if match is None:
        raise KeyError(f"the icon {name} is no SVG")
    shapes = " ".join(match[1].split())
    drawing = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{name}" viewBox="0 0 24 24" {drawing}>{shapes}</symbol>'


def licences() -> bytes:
    """Gather the licence texts, which must travel with the copies."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    texts: list[str] = []
    for path, entry in sorted(lock["packages"].items()):
        if path:
            found = min((FRONTEND / path).glob("LICEN[CS]E*"))
            title = f"{path.removeprefix('node_modules/')} {entry['version']}"
            texts.append(f"{title}\n{'=' * len(title)}\n\n{found.read_text(encoding='utf-8').strip()}\n")
    return "\n\n".join(texts).encode()


def write(files: dict[str, bytes]) -> None:
    """Write static/vendor/ and take out what no longer belongs there; the sprite last, since make looks at its time."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for stale in VENDOR.iterdir():
        if stale.name not in files:
            stale.unlink()
    for name in sorted(files, key=lambda name: name == SPRITE):
        (VENDOR / name).write_bytes(files[name])


def sums_text(files: dict[str, bytes]) -> str:
    """Write the sums as `sha256sum --check` reads them."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))


def pinned() -> dict[str, str]:
    """Read frontend/vendor.sha256: the sum of each file, by name."""
    lines = SUMS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def there() -> dict[str, bytes]:
    """Read what static/vendor/ holds now."""
    return {path.name: path.read_bytes() for path in VENDOR.iterdir()} if VENDOR.is_dir() else {}


def differing(files: dict[str, bytes]) -> list[str]:
    """Say which of the files are not what was pinned, a sentence each."""
    expected = pinned()
    answers = [f"{name} is missing: run `make assets`" for name in expected.keys() - files.keys()]
    answers += [f"{name} is not pinned in frontend/vendor.sha256" for name in files.keys() - expected.keys()]
    for name in expected.keys() & files.keys():
        if hashlib.sha256(files[name]).hexdigest() != expected[name]:
            answers.append(f"{name} is not the file whose sum frontend/vendor.sha256 has")
    return sorted(answers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
