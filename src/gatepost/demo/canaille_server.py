"""The process in which the demo's provider runs: `provider.start_provider` starts it and speaks to it by its pipes."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

Application = Any  # Flask and Canaille come without types
Claims = dict[str, Any]

PERMISSIONS = ["use_oidc"]


def main() -> None:
    """Serve until standard input ends.  The first line of it is what to serve, as JSON."""
    given = json.loads(sys.stdin.readline())
    listener = socket.create_server(("127.0.0.1", given["port"]))
    port = listener.getsockname()[1]
    application = make_application(given, port)
    server = _server(application, listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://localhost:{port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


def make_application(given: Mapping[str, Any], port: int) -> Application:
    """Return Canaille as a WSGI application, with the people and the client of the demo in its memory."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http is fine on loopback, and nowhere else is it served
    # Imported here: only the demo has these packages, and they take half a second.
    from canaille import create_app
    from canaille.oidc import provider as canaille_provider

    application = create_app(config=_configuration(given, port), env_file=None)
    canaille_provider.generate_user_claims = _vouching(canaille_provider.generate_user_claims)
    application.before_request(_leave_another_person)
    application.after_request(_go_to_the_password)
    with application.app_context():
        _fill(given)
    return application


def _configuration(given: Mapping[str, Any], port: int) -> dict[str, Any]:
    return {
        "SECRET_KEY": os.urandom(32).hex(),
        "SERVER_NAME": f"localhost:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "SESSION_COOKIE_NAME": "demo_provider",
        "SESSION_COOKIE_SECURE": False,
        "CANAILLE": {
            "NAME": "The demo's identity provider",
            "DATABASE": "memory",
            "ENABLE_REGISTRATION": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": PERMISSIONS}},
            "LOGGING": {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR"}},
        },
        "CANAILLE_OIDC": {
            # A client of this domain is asked no consent: the demo is one company's.
            "TRUSTED_DOMAINS": [urlsplit(given["client"]["public_url"]).hostname],
            "USERINFO_MAPPING": {"PREFERRED_USERNAME": "{{ user.user_name }}"},
        },
    }


def _vouching(generate: Callable[..., Claims]) -> Callable[..., Claims]:
    """Add what Canaille does not say: that the e-mail is verified, and that a person without groups has none."""

    def generate_user_claims(user: Any, *settings: Any, **more: Any) -> Claims:
        groups = [group.display_name for group in user.groups]
        return {**generate(user, *settings, **more), "email_verified": True, "groups": groups}

    return generate_user_claims


def _leave_another_person() -> None:
    """End the session of somebody else than `login_hint` names: in the demo one browser plays several people."""
    from canaille.app.session import logout_all_users
    from flask import g

    person = _hinted()
    if person is not None and g.session and g.session.user != person:
        logout_all_users()
        g.session = None


def _go_to_the_password(response: Any) -> Any:
    """Honour `login_hint` (OpenID Connect Core 3.1.2.1), which Canaille ignores: the person is filled in already."""
    person = _hinted()
    if person is not None and response.location == "/login":
        response.location = f"/login/{person.user_name}"
    return response


def _hinted() -> Any:
    from canaille.core.auth import get_user_from_login
    from flask import request

    hint = request.args.get("login_hint", "") if request.path == "/oauth/authorize" else ""
    return get_user_from_login(hint) if hint else None


def _fill(given: Mapping[str, Any]) -> None:
    from canaille.app import models
    from canaille.backends import Backend

    groups: dict[str, list[Any]] = {}
    for account in given["accounts"]:
        user = models.User(
            user_name=account["username"],
            formatted_name=f"{account['given_name']} {account['family_name']}",
            given_name=account["given_name"],
            family_name=account["family_name"],
            emails=[account["email"]],
            password=account["password"],
        )
        Backend.instance.save(user)
        for group in account["groups"]:
            groups.setdefault(group, []).append(user)
    for name, members in groups.items():
        Backend.instance.save(models.Group(display_name=name, members=members))
    client = _client(models, given["client"])
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


def _client(models: Any, given: Mapping[str, Any]) -> Any:
    return models.Client(
        client_id=given["client_id"],
        client_secret=given["client_secret"],
        client_id_issued_at=datetime.now(UTC),
        client_name="Gatepost",
        client_uri=given["public_url"],
        redirect_uris=list(given["redirect_uris"]),
        post_logout_redirect_uris=list(given["post_logout_redirect_uris"]),
        scope=["openid", "profile", "email", "groups"],
        grant_types=["authorization_code", "refresh_token"],  # the second: groups are read again
        response_types=["code"],
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - the name of a method
        id_token_signed_response_alg="RS256",  # noqa: S106 - likewise
    )


def _server(application: Application, listener: socket.socket) -> Any:
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    host, port = listener.getsockname()
    return make_server(host, port, application, threaded=True, fd=listener.fileno())


if __name__ == "__main__":
    main()
