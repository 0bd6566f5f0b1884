"""E-mail by SMTP: every recipient a sending of its own, so that one who is refused is told from one who is not."""

from __future__ import annotations

import datetime as dt
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from linli.alerts import rendering
from linli.alerts.channels import Outcome, Pace, key_of, missing_of, scrubbed
from linli.alerts.messages import Letter
from linli.settings import SHANGHAI

Security = Literal["starttls", "ssl", "none"]

TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class Server:
    """Where mail is handed in, and as whom. `authority` is a file of certificates to trust besides the system's."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: Callable[[], str] | None = None
    authority: str = ""


class _Refused(Exception):
    """The server has answered a step with a code; what it means has been judged."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


class Mail:
    """E-mail through `server` to several addresses."""

    paces = (Pace(30, 60),)

    def __init__(self, name: str, server: Server, addresses: Sequence[str]) -> None:
        self.name, self._server = name, server
        self._addresses = {key_of(address): address for address in addresses}

    @property
    def recipients(self) -> Sequence[str]:
        return tuple(self._addresses)

    def problem(self) -> str:
        return missing_of(self._server.password)

    def send(self, letter: Letter, recipient: str, at: dt.datetime) -> Outcome:
        if problem := self.problem():
            return Outcome("misconfigured", problem)
        address = self._addresses.get(recipient)
        if address is None:
            return Outcome("refused", "收件人已不在配置中")
        is_handed_over = False
        try:
            with _Session(self._server) as smtp:
                self._envelope(smtp, address)
                is_handed_over = True
                self._data(smtp, self._written(letter, recipient, address))
        except _Refused as refusal:
            return refusal.outcome
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError):
            return Outcome("misconfigured", "登录、加密方式或证书不被接受")
        except (smtplib.SMTPException, OSError):
            said = "交信途中连接中断" if is_handed_over else "连接不上邮件服务器"
            return Outcome("unreachable", said, is_doubtful=is_handed_over)
        return Outcome("delivered")

    def _envelope(self, smtp: smtplib.SMTP, address: str) -> None:
        code, said = smtp.mail(self._server.sender)
        if code != 250:
            raise _Refused(self._judged(code, said, "misconfigured"))
        code, said = smtp.rcpt(address)
        if code not in (250, 251):
            raise _Refused(self._judged(code, said, "refused"))

    def _data(self, smtp: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            code, said = smtp.data(message.as_bytes(policy=policy.SMTP))
        except smtplib.SMTPDataError as error:
            code, said = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
        if code != 250:
            raise _Refused(self._judged(code, said, "refused"))

    def _judged(self, code: int, said: bytes, for_good: Literal["refused", "misconfigured"]) -> Outcome:
        words = scrubbed(f"{code} {said.decode(errors='replace')}", tuple(self._addresses.values()))
        if 400 <= code < 500:
            return Outcome("throttled", words, dt.timedelta(minutes=5))
        return Outcome(for_good, words)

    def _written(self, letter: Letter, recipient: str, address: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = rendering.heading(letter)
        message["From"], message["To"] = self._server.sender, address
        message["Date"] = format_datetime(letter.told_at.astimezone(SHANGHAI))
        # sent again after an interruption it is the same mail, which most servers and readers show once
        told = f"{letter.told_at:%Y%m%d%H%M%S}"
        message["Message-ID"] = f"<linli.{letter.number}.{told}.{recipient}@{self._server.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(rendering.as_text(letter), cte="base64")
        return message


class _Session:
    """A session with the server, secured and logged in. The mail is accepted or refused by then: an error on leaving changes nothing."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> smtplib.SMTP:
        server = self._server
        own = server.sender.rpartition("@")[2]
        if server.security == "ssl":
            context = _context(server)
            self._smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, own, timeout=TIMEOUT_SECONDS, context=context)
        else:
            self._smtp = smtplib.SMTP(server.host, server.port, own, timeout=TIMEOUT_SECONDS)
        try:
            if server.security == "starttls":
                self._smtp.starttls(context=_context(server))
            self._smtp.ehlo_or_helo_if_needed()
            if server.user:
                self._smtp.login(server.user, server.password() if server.password else "")
        except BaseException:
            self._smtp.close()
            raise
        return self._smtp

    def __exit__(self, *_: object) -> None:
        try:
            self._smtp.quit()
        except (smtplib.SMTPException, OSError):
            self._smtp.close()


def _context(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.authority or None)
