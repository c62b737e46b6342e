"""A real OpenID provider for the tests: Django OAuth Toolkit, in a process of its own, on a database of its own.

`running` starts it and speaks to it over its standard input. Run as a program, this file is the provider.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx2

CLIENT_ID, CLIENT_SECRET = "carteira", "a-secret-of-the-provider"
PASSWORD = "what-they-use-there"


@dataclass
class Provider:
    """A running one: `issuer` is its address. Its people are made by `person`, all with the same password."""

    issuer: str
    process: subprocess.Popen[str]

    def person(self, name: str, email: str, *, verified: bool = True) -> str:
        """Somebody with an account there; the subject that he is known by."""
        return str(self._told("person", name=name, email=email, verified=verified))

    def leads_back_to(self, address: str) -> None:
        """Register the address of an installation."""
        self._told("redirect", address=address)

    def rotate(self) -> None:
        """Another key signs from now on, and the one before is not published any more."""
        self._told("rotate")

    def tell_in_token(self, told: bool) -> None:
        """Whether the e-mail address stands in the ID token, or only in the answer of the user info endpoint."""
        self._told("tell", told=told)

    def _told(self, command: str, **more: Any) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps({"do": command} | more), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


@contextmanager
def running() -> Iterator[Provider]:
    """One until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="carteira-provider-") as folder,
        subprocess.Popen(
            [sys.executable, __file__, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            yield Provider(json.loads(process.stdout.readline()), process)
        finally:
            process.stdin.close()
            process.wait(10)


def consent(address: str, name: str, *, allow: bool = True) -> str:
    """Sign in there as somebody and agree, or not, as a browser would; the address that it is led back to."""
    with httpx2.Client(follow_redirects=True) as browser:
        form = browser.get(address)
        page = browser.post(str(form.url), data=_fields(form.text) | {"username": name, "password": PASSWORD})
        answer = browser.post(
            str(page.url), data=_fields(page.text) | ({"allow": "Authorize"} if allow else {}), follow_redirects=False
        )
        assert answer.status_code == 302, page.text
        return answer.headers["location"]


def _fields(page: str) -> dict[str, str]:
    hidden = re.findall(r'<input type="hidden" name="([^"]+)"(?: value="([^"]*)")?', page)
    return {name: unescape(value) for name, value in hidden}


# From here on the provider itself.

APPS = ["auth", "contenttypes", "sessions"]
# Without an icon of its own, a browser would ask for one and complain.
HEAD = '<title>Provider</title><link rel="icon" href="data:,">'
TEMPLATES = {
    "registration/login.html": HEAD + '<form method="post">{% csrf_token %}{{ form }}<button>Sign in</button></form>',
    # The toolkit's own asks another host for its looks.
    "oauth2_provider/base.html": HEAD + "{% block content %}{% endblock %}",
}


def _key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )  # fmt: skip


def _configured(folder: Path, issuer: str) -> None:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="of the tests",
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=__name__,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.sqlite"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[f"django.contrib.{app}" for app in APPS] + ["oauth2_provider"],
        # Tables straight from the models: their history takes a second of each start.
        MIGRATION_MODULES=dict.fromkeys([*APPS, "oauth2_provider"]),
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [
            ("django.template.loaders.locmem.Loader", TEMPLATES), "django.template.loaders.app_directories.Loader"]}}],
        # What it takes to guess a password there is not what is tested.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        LOGIN_URL="/login",
        USE_TZ=True,
        OAUTH2_PROVIDER=_toolkit(issuer, _key()),
    )  # fmt: skip
    django.setup()


def _toolkit(issuer: str, key: str) -> dict[str, Any]:
    return {
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": issuer,
        "OIDC_RSA_PRIVATE_KEY": key,
        "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
        "SCOPES": {"openid": "who you are", "email": "your e-mail address"},
        "PKCE_REQUIRED": True,
        "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    }


class _Commands:
    """What the tests change while it runs."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.verified: dict[str, bool] = {}
        self.in_token = True

    def person(self, name: str, email: str, verified: bool) -> str:
        from django.contrib.auth.models import User

        self.verified[name] = verified
        return str(User.objects.create_user(name, email, PASSWORD).pk)

    def redirect(self, address: str) -> None:
        from oauth2_provider.models import Application

        application = Application.objects.get()
        application.redirect_uris += f" {address}"
        application.save()

    def rotate(self) -> None:
        from django.test import override_settings

        override_settings(OAUTH2_PROVIDER=_toolkit(self.issuer, _key())).enable()

    def tell(self, told: bool) -> None:
        self.in_token = told


def _serve(folder: Path) -> None:
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

    class Threaded(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Silent(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with Threaded(("127.0.0.1", 0), Silent) as server:
        # By its name it is another site than what is served at 127.0.0.1, to browsers and their cookies.
        commands = _Commands(f"http://localhost:{server.server_port}/o")
        _configured(folder, commands.issuer)
        _made(commands)
        from django.core.wsgi import get_wsgi_application

        server.set_app(get_wsgi_application())
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        print(json.dumps(commands.issuer), flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(getattr(commands, asked.pop("do"))(**asked)), flush=True)
        server.shutdown()


def _made(commands: _Commands) -> None:
    """The database, the client, and the parts that only exist once Django is configured."""
    from django.contrib.auth.views import LoginView
    from django.core.management import call_command
    from django.urls import include, path
    from oauth2_provider.models import Application
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):
        def get_additional_claims(self, request: Any) -> dict[str, Any]:
            return {"email": request.user.email, "email_verified": commands.verified[request.user.username]}

        def get_oidc_claims(self, token: Any, token_handler: Any, request: Any) -> dict[str, Any]:
            claims: dict[str, Any] = super().get_oidc_claims(token, token_handler, request)
            # Only the user info endpoint asks without a handler.
            kept = token_handler is None or commands.in_token
            return claims if kept else {name: claims[name] for name in claims if not name.startswith("email")}

    globals()["Validator"] = Validator
    globals()["urlpatterns"] = [
        path("login", LoginView.as_view()),
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    ]
    call_command("migrate", run_syncdb=True, verbosity=0)
    Application.objects.create(
        name="Carteira", client_id=CLIENT_ID, client_secret=CLIENT_SECRET, algorithm="RS256", redirect_uris="",
        client_type="confidential", authorization_grant_type="authorization-code",
    )  # fmt: skip


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
