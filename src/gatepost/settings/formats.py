"""The kinds that have a form of their own: addresses, names, patterns, claims, secrets."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from gatepost.settings.kinds import BROKEN, TEXT, Kind, attempt, many, mapping, matching, read_text
from gatepost.settings.place import Place, Refused, Reported
from gatepost.settings.regexps import is_slow
from gatepost.settings.secret import Secret
from gatepost.settings.urls import origin, split_url

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # never "none" and never HS: a public key is no shared secret
ALGORITHM_NAMES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
Network = IPv4Network | IPv6Network

LONGEST_FILE = 65_536  # bytes of a secret's file; whatever is longer is another file
LONGEST_PATTERN = 256  # characters


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """Where a value stands among the claims: a JSONPath, and what holds when nothing stands there (None: refuse)."""

    path: str
    default: str | tuple[str, ...] | None = None


def resolve(value: object, place: Place) -> str:
    """Return the text that is written, or that `{ env = "NAME" }` or `{ file = "PATH" }` leads to."""
    if isinstance(value, str):
        return str(value)
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Refused
    source, name = next(iter(value.items()))
    if source not in {"env", "file"} or not isinstance(name, str) or not name:
        raise Refused
    return from_environment(name, place) if source == "env" else from_file(name, place)


def from_environment(name: str, place: Place) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name):
        raise Refused("env must be the name of an environment variable")
    if not place.environ.get(name):
        raise Refused(f"the environment variable {name} is {'empty' if name in place.environ else 'not set'}")
    return place.environ[name].rstrip("\r\n")


def from_file(name: str, place: Place) -> str:
    """Read a secret's file, relative to the folder of the configuration, without the newline that editors add."""
    path = place.folder / name
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        text = content.decode()
    except UnicodeDecodeError:
        raise Refused(f"the file {path} is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be one"
        raise Refused(f"the file {path} cannot be read: {reason}") from None
    if len(content) > LONGEST_FILE:
        raise Refused(f"the file {path} is longer than {LONGEST_FILE} bytes")
    if not text.strip():
        raise Refused(f"the file {path} is empty")
    return text.rstrip("\r\n")


def secret(pattern: str, allowed: str) -> Kind:
    """Describe a secret that, once it is resolved, matches the pattern as a whole."""

    def read(value: object, place: Place) -> Secret:
        text = resolve(value, place)
        if not is_utf8(text):
            raise Refused("is not UTF-8 text")
        if not re.fullmatch(pattern, text, re.DOTALL):
            raise Refused
        return Secret(text)

    ways = 'given as text, { env = "NAME" } or { file = "PATH" }'
    return Kind("secret", f"{allowed}, {ways}", read, secret=True)


def is_utf8(text: str) -> bool:
    """Tell whether the bytes of a text are its own: those of a variable may not have been UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def read_public_key(value: object, place: Place) -> str:
    text = resolve(value, place).strip()
    if "PRIVATE KEY" in text or '"d"' in text:
        raise Refused("is a private key; give the public one, and take this one for lost")
    if not text.startswith(("-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----", "-----BEGIN RSA PUBLIC", "{")):
        raise Refused
    return text


def read_url(value: object, _: Place) -> str:
    if not isinstance(value, str) or len(value) > 2048:
        raise Refused
    try:
        split_url(value)
    except ValueError:
        raise Refused from None
    return str(value)


def read_origin(value: object, _: Place) -> str:
    if not isinstance(value, str) or len(value) > 2048:
        raise Refused
    try:
        return origin(value)
    except ValueError:
        raise Refused from None


def read_network(value: object, _: Place) -> Network:
    if not isinstance(value, str):
        raise Refused
    try:
        return ip_network(value)
    except ValueError:
        raise Refused from None


def read_file(value: object, place: Place) -> Path:
    path = place.folder / read_text(value, place)
    if not path.is_file():
        raise Refused(f"the file {path} is not there")
    return path


def read_pattern(value: object, _: Place) -> re.Pattern[str]:
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_PATTERN:
        raise Refused
    try:
        with warnings.catch_warnings(action="error"):
            pattern = re.compile(value)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise Refused(f"is not a regular expression: {error}") from None
    if is_slow(value):
        raise Refused("repeats a group in which something repeats, or has more than three .*: it could take for ever")
    return pattern


_STEP = r"(\.{1,2}([A-Za-z_][A-Za-z0-9_-]*|\*)|\[(\*|-?[0-9]{1,9}|'[^']+'|\"[^\"]+\"|[0-9]*:[0-9]*)\])"
JSON_PATH = matching(
    "JSONPath", rf"\$(?=.{{0,512}}\Z){_STEP}*", 'a JSONPath (RFC 9535) such as "$.realm_access.roles" or "$.groups[0]"'
)


def read_claim_rule(value: object, place: Place) -> ClaimRule:
    if isinstance(value, str):
        value = {"path": value}
    if not isinstance(value, Mapping) or not {"path"} <= set(value) <= {"path", "default"}:
        raise Refused
    path = attempt(JSON_PATH, value["path"], place)
    default = value.get("default")
    if isinstance(default, list):
        default = attempt(many(TEXT), default, place.at("default"))
    elif "default" in value:
        default = attempt(TEXT, default, place.at("default"))
    if path is BROKEN or default is BROKEN:
        raise Reported
    return ClaimRule(path, default)


def read_scalar(value: object, place: Place) -> Any:
    if isinstance(value, str):
        return read_text(value, place)
    if not isinstance(value, bool | int):
        raise Refused
    return value


ENTITY_NAME = matching(
    "name",
    r"[!$&()+,.0-9;=?@A-Z\[\]^_`a-z{|}~-]{1,128}",
    "a name of 1 to 128 printable ASCII characters without space and : # * / \\ % < > or quotes",
)
URL_NAME = matching(
    "name", r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "a name of 1 to 64 letters, digits, dots, dashes and underscores"
)
HOST = matching(
    "host",
    r"([A-Za-z0-9]([A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?",
    'a host such as "app.example" or "app.example:8443"',
)
CLAIM = matching("claim", r"[!-~]([ -~]{0,254}[!-~])?", "the name of a claim, 1 to 256 printable ASCII characters")
SCOPE = matching("scope", r"[!#-\[\]-~]{1,256}", "a scope without spaces (RFC 6749 section 3.3)")
DOMAIN = matching("domain", r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})", 'a domain such as "corp.example"')
PROMPT = matching(
    "text",
    r"none|(login|consent|select_account|create)( (login|consent|select_account|create))*",
    '"none", or one or more of login, consent, select_account and create',
)
ALGORITHM = matching("algorithm", "|".join(ALGORITHM_NAMES), "one of " + ", ".join(ALGORITHM_NAMES))
ANY_URL = Kind("URL", "an http or https URL without userinfo and fragment", read_url)
ORIGIN = Kind("origin", "an http or https URL of scheme, host and port alone", read_origin)
AUDIENCE = matching("URI", r"[A-Za-z][A-Za-z0-9+.-]*:[!-\"$-~]{1,2000}", "an absolute URI without fragment (RFC 8707)")
NETWORK = Kind("network", 'an address such as "10.0.0.7" or a network such as "10.0.0.0/8"', read_network)
FILE = Kind("file", "the path of a file, relative to the configuration", read_file)
PATTERN = Kind("regular expression", f"a regular expression of 1 to {LONGEST_PATTERN} characters", read_pattern)
SUBSTITUTION = matching("text", r"[ -~]{1,256}", r"a text of 1 to 256 printable ASCII characters, such as \1")
SECRET = secret(r".+", "a secret")
INITIAL_PASSWORD = secret(
    r"(?!gp_)(?![\w-]+\.[\w-]+\.[\w-]*\Z).+", "a password that looks neither like an API token (gp_…) nor like a JWS"
)
INITIAL_TOKEN = secret(r"gp_[A-Za-z0-9_-]{29,}", "gp_ and 29 or more URL-safe characters")
ENCRYPTION_KEY = secret(r".{32,}", "a key of 32 characters or more")
DATABASE_URL = secret(r"(sqlite|postgresql)://[!-~]*", "sqlite:///PATH or postgresql://…")
PUBLIC_KEY = Kind(
    "public key",
    'a public key in PEM or JWK, given as text, { env = "NAME" } or { file = "PATH" }',
    read_public_key,
    secret=True,
)
GROUP_MAP = mapping(TEXT, ENTITY_NAME, "a table from a group there to the name of a group here")
ROLE_MAP = mapping(TEXT, ENTITY_NAME, "a table from a role or group there to the name of a role here")
CLAIM_RULE = Kind("claim rule", 'a JSONPath or { path = "…", default = "…" }', read_claim_rule)
CLAIMS_MAP = mapping(
    matching(
        "claim",
        r"roles|default_role|[xX]-[hH][aA][sS][uU][rR][aA]-[A-Za-z0-9_-]{1,100}",
        "roles, default_role or x-hasura-…",
    ),
    CLAIM_RULE,
    "a table from roles, default_role or an x-hasura- variable to a JSONPath",
)
REQUIRED_CLAIMS = mapping(
    CLAIM, Kind("claim value", "a text, a whole number or a boolean", read_scalar), "a table from a claim to its value"
)
