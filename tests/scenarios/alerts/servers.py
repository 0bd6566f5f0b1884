"""Local servers that answer like each channel: taking, refusing with HTTP 200, throttling, failing, hanging, hanging up."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Mapping[str, str], object]
HANGS, HANGS_UP, HANGS_UP_AFTER = "hangs", "hangs up", "takes it and hangs up"


@dataclass
class Call:
    """One request as it came."""

    path: str
    query: dict[str, str]
    payload: dict[str, Any]


@dataclass
class Robots:
    """A server for webhooks: `answer` says what the n-th request gets, `taken` are those answered as taken."""

    answer: Callable[[int, Call], Answer | str]
    calls: list[Call] = field(default_factory=list)
    taken: list[Call] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def robots(answer: Callable[[int, Call], Answer | str], *, port: int = 0) -> Iterator[Robots]:
    """A server on loopback while the block runs."""
    state = Robots(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            call = Call(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}, body)
            state.calls.append(call)
            answered = state.answer(len(state.calls), call)
            if answered == HANGS:
                state.released.wait(10)
                return
            if answered == HANGS_UP_AFTER:
                state.taken.append(call)
            if isinstance(answered, str):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, said = answered
            if status == 200 and isinstance(said, dict) and 0 in (said.get("errcode"), said.get("code"), said.get("StatusCode")):
                state.taken.append(call)
            text = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()


@dataclass
class MailServer:
    """An SMTP server: `answers` gives the line said to a verb instead of the usual one; `mails` are (recipient, message) taken."""

    answers: dict[str, str] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    logins: int = 0
    port: int = 0


@contextmanager
def mail_server(*, certificate: ssl.SSLContext | None = None, is_wrapped: bool = False) -> Iterator[MailServer]:
    """An SMTP server on loopback; with a certificate it offers STARTTLS, or speaks TLS from the first byte."""
    state = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if certificate and is_wrapped:
                self.request = certificate.wrap_socket(self.request, server_side=True)
            super().setup()

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say(state.answers.get("CONNECT", "220 mail.example ESMTP"))
            recipient, offers_tls = "", bool(certificate) and not is_wrapped
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                said = state.answers.get(f"RCPT {recipient}" if verb == "RCPT" else verb) or state.answers.get(verb)
                if said == HANGS_UP:
                    return
                if said:
                    self.say(said)
                elif verb == "EHLO":
                    for option in ["250-mail.example", *(["250-STARTTLS"] if offers_tls else []), "250 AUTH PLAIN LOGIN"]:
                        self.say(option)
                elif verb == "STARTTLS" and certificate:
                    self.say("220 go ahead")
                    self.request = certificate.wrap_socket(self.request, server_side=True)
                    self.rfile, self.wfile, offers_tls = self.request.makefile("rb"), self.request.makefile("wb", 0), False
                elif verb == "AUTH":
                    state.logins += 1
                    self.say("235 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    self.take(recipient)
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def take(self, recipient: str) -> None:
            lines = []
            said = state.answers.get("END", "250 taken")
            while (line := self.rfile.readline().decode()) != ".\r\n":
                if not line.endswith("\r\n"):
                    said = "550 bare line feed"
                lines.append(line.rstrip("\r\n"))
            if said == HANGS_UP:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if said.startswith("250"):
                state.mails.append((recipient, "\n".join(lines)))
            self.say(said)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.port = server.server_address[1]
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
