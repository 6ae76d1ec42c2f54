"""Mail to people, with the way out of it in each (RFC 8058)."""

import ssl
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from reelwarden_common.clock import system_clock
from reelwarden_common.errors import Refused, Transient
from reelwarden_report.district.messenger.settings import Settings

SMTP_SECONDS = 30.0
_FOR_GOOD = 500
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class MailServerAway(Transient):
    """It does not take mail now."""


class NoSuchReceiver(Refused):
    """The mail server refuses this address for good."""


class NoTls(Refused):
    """Mail and password would travel in the open."""


class Mail:
    """The district's mail server."""

    def __init__(self, settings: Settings) -> None:
        if settings.smtp_tls == "none" and settings.smtp_host and settings.smtp_host not in LOOPBACK:
            message = f"RW_SMTP_TLS=none is for a server on this machine only, not for {settings.smtp_host}"
            raise NoTls(message)
        self._settings = settings

    async def send(self, number: str, receiver: str, leave_key: str, title: str, text: str) -> None:
        """Send one message; the same `number` is the same message.

        Raises:
            MailServerAway: try again later.
            NoSuchReceiver: never.
        """
        if not self._settings.smtp_host:
            raise MailServerAway("no mail server is set (RW_SMTP_HOST)")
        message = self._message(number, receiver, leave_key, title, text)
        own = self._settings
        try:
            await aiosmtplib.send(
                message,
                hostname=own.smtp_host,
                port=own.smtp_port,
                username=own.smtp_user or None,
                password=own.smtp_password.get_secret_value() or None,
                use_tls=own.smtp_tls == "tls",
                start_tls=own.smtp_tls == "starttls",
                tls_context=self._tls() if own.smtp_tls != "none" else None,
                timeout=SMTP_SECONDS,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPRecipientRefused) as error:
            raise _judged(error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailServerAway(f"{own.smtp_host}: {str(error) or type(error).__name__}") from error

    def _tls(self) -> ssl.SSLContext:
        file = self._settings.smtp_ca_file
        return ssl.create_default_context(cafile=str(file) if file else None)

    def _message(self, number: str, receiver: str, leave_key: str, title: str, text: str) -> EmailMessage:
        own = self._settings
        leave = f"{own.dashboard_url}/notices/leave?key={leave_key}"
        message = EmailMessage()
        message["From"] = own.smtp_sender
        message["To"] = receiver
        message["Subject"] = title
        message["Date"] = format_datetime(system_clock())
        message["Message-ID"] = f"<{number}@{own.smtp_sender.rpartition('@')[2].strip('>') or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = f"<{leave}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(f"{text}\n\n-- \n{leave}\n")
        return message


def _judged(error: aiosmtplib.SMTPRecipientsRefused | aiosmtplib.SMTPRecipientRefused) -> Refused | Transient:
    """Refused for good only where the server says so."""
    each = error.recipients if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else [error]
    text = "; ".join(f"{one.code} {one.message}" for one in each)
    return NoSuchReceiver(text) if all(one.code >= _FOR_GOOD for one in each) else MailServerAway(text)
