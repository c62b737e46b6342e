"""How people are reached: by e-mail and by a webhook as Slack has them; ten seconds each."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from carteira.alerts.messages import Message
from carteira.settings import Secret, Settings

if TYPE_CHECKING:
    import smtplib
    from ssl import SSLContext

log = logging.getLogger(__name__)

SECONDS = 10.0
SMTP_PORT, SMTPS_PORT = 587, 465
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Unsafe(OSError):
    """A password would have gone over the network in the clear."""


def any_set(settings: Settings) -> bool:
    """Whether there is anybody to tell."""
    return bool(_channels(settings))


def deliver(settings: Settings, message: Message) -> bool:
    """Tell it on every channel; whether it went out on one of them at least. What failed is logged by name alone."""
    sent = [_sent(name, send, message) for name, send in _channels(settings).items()]
    return any(sent)


def _channels(settings: Settings) -> dict[str, Callable[[Message], None]]:
    channels: dict[str, Callable[[Message], None]] = {}
    to, server, webhook = settings.alert_email_to, settings.smtp_url, settings.alert_webhook_url
    if to and server:
        channels["SMTP_URL"] = lambda message: mail(server, settings.alert_email_from or to[0], to, message)
    if webhook:
        channels["ALERT_WEBHOOK_URL"] = lambda message: post(webhook, message)
    return channels


def _sent(name: str, send: Callable[[Message], None], message: Message) -> bool:
    from smtplib import SMTPException

    from urllib3.exceptions import HTTPError

    try:
        send(message)
    except (SMTPException, HTTPError, OSError) as error:
        # What a server says may repeat the address, and that is a secret.
        log.warning("No alert went out by %s (%s): check it. The next look tries again.", name, type(error).__name__)
        return False
    return True


def mail(server: Secret, sender: str, to: tuple[str, ...], message: Message) -> None:
    """Send an e-mail; a password goes out over TLS, or to this machine."""
    from email.message import EmailMessage
    from email.utils import formatdate, make_msgid

    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = message.subject, sender, ", ".join(to)
    letter["Date"], letter["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    with closing(_connected(server.reveal())) as connection:
        connection.send_message(letter)
        connection.quit()


def _connected(url: str) -> smtplib.SMTP:
    import smtplib
    import ssl

    parts = urlsplit(url)
    host, context = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or SMTPS_PORT, timeout=SECONDS, context=context)
    else:
        connection = smtplib.SMTP(host, parts.port or SMTP_PORT, timeout=SECONDS)
    try:
        _secured(connection, context, encrypted=parts.scheme == "smtps", host=host, password=parts.password)
        if parts.username and parts.password:
            connection.login(unquote(parts.username), unquote(parts.password))
    except BaseException:
        connection.close()
        raise
    return connection


def _secured(
    connection: smtplib.SMTP, context: SSLContext, *, encrypted: bool, host: str, password: str | None
) -> None:
    connection.ehlo()
    if encrypted or host in LOOPBACK:
        return
    if connection.has_extn("starttls"):
        connection.starttls(context=context)
        connection.ehlo()
    elif password:
        raise Unsafe("the server offers no STARTTLS")


def post(url: Secret, message: Message) -> None:
    """Send it as Slack's incoming webhooks read it; so do those of Mattermost, Google Chat and many others."""
    import urllib3

    answer = urllib3.request(
        "POST",
        url.reveal(),
        body=json.dumps({"text": f"*{message.subject}*\n{message.text}"}).encode(),
        headers={"Content-Type": "application/json"},
        timeout=SECONDS,
        retries=False,
        redirect=False,
    )
    if answer.status >= 300:
        raise urllib3.exceptions.HTTPError(f"HTTP {answer.status}")
