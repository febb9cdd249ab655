"""The peer behind the same nginx: Debian's Apache with mod_auth_openidc, and somebody who has signed in there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2

from parts.serving import free_port, process

MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "mime")


def configuration(folder: Path, port: int, issuer: str, client: tuple[str, str]) -> str:
    """Sessions in Apache's own memory, as it has them by default; whoever has none gets 401 but at /sign-in."""
    loaded = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED)
    return f"""
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
User nobody
Group nogroup
KeepAlive On
MaxKeepAliveRequests 0
{loaded}
TypesConfig /dev/null
DocumentRoot {folder}/site
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client[0]}
OIDCClientSecret {client[1]}
OIDCRedirectURI http://127.0.0.1:{port}/callback
OIDCCryptoPassphrase of-the-benchmarks
OIDCScope "openid"
OIDCPassUserInfoAs claims
OIDCRemoteUserClaim preferred_username
<Location />
  AuthType openid-connect
  Require valid-user
  OIDCUnAuthAction 401
</Location>
<Location /ready>
  AuthType None
  Require all granted
</Location>
<Location /sign-in>
  OIDCUnAuthAction auth
</Location>
"""


@contextmanager
def openidc(
    folder: Path, issuer: str, client: tuple[str, str], core: int | None
) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Apache until the end of the block.  Gives its URL, its process id and the headers of a session."""
    if not (MODULES / "mod_auth_openidc.so").is_file():
        sys.exit("the peer is needed: apt-get install apache2 libapache2-mod-auth-openidc")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    site = folder / "site"
    site.mkdir()
    for name in ("index.html", "sign-in", "ready"):
        (site / name).write_text("ok")
    for each in (folder, site):
        each.chmod(0o755)
    (folder / "apache.conf").write_text(configuration(folder, port, issuer, client))
    command = ["/usr/sbin/apache2", "-f", f"{folder}/apache.conf", "-DFOREGROUND"]
    with process(command, url, folder, "/ready", core) as pid:
        yield url, pid, signed_in(url)


def signed_in(url: str) -> dict[str, str]:
    """Go to the provider and back as a browser does, and keep the cookie."""
    with httpx2.Client(follow_redirects=False) as client:
        answer = client.get(f"{url}/sign-in")
        for _ in range(5):
            if answer.status_code not in (302, 303):
                break
            answer = client.get(urljoin(str(answer.url), answer.headers["location"]))
        assert answer.status_code == 200, (
            f"{answer.status_code} at {urlsplit(str(answer.url)).path}: {answer.text[:500]}"
        )
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}
