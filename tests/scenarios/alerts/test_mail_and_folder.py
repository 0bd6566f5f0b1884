"""E-mail against an SMTP server that takes, refuses, throttles and hangs up; the file drop against its disk."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
from dataclasses import replace
from email import message_from_string, policy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from linli.alerts import Letter, Line, Outcome
from linli.alerts.channels import key_of
from linli.alerts.folder import Folder
from linli.alerts.mail import Mail, Security, Server
from payloads import PAYLOADS
from scenarios.alerts.servers import HANGS_UP, MailServer, free_port, mail_server
from unit.alerts.letters import MORNING, RETURNED, letter

FIRST, SECOND = "first@example.org", "second@example.org"


def mail(port: int, security: Security = "none", **other: str) -> Mail:
    return Mail("m", Server("127.0.0.1", port, security, "linli@example.org", **other), [FIRST, SECOND])  # type: ignore[arg-type]


def outcome(server: MailServer, address: str = FIRST) -> Outcome:
    return mail(server.port).send(letter(), key_of(address), MORNING)


def test_a_mail_is_plain_text_with_the_title_as_its_subject() -> None:
    with mail_server() as server:
        assert outcome(server) == Outcome("delivered")
    [(to, text)] = server.mails
    read = message_from_string(text, policy=policy.default)
    assert (to, read["To"], read["From"]) == (FIRST, FIRST, "linli@example.org")
    assert read["Subject"] == "【警告】案件系统·春晖花苑综合执法工作站：退回 3 条待改"
    assert read["Auto-Submitted"] == "auto-generated" and read.get_content_type() == "text/plain"
    assert "退回待改：3 条" in read.get_content()


def test_sent_again_it_is_the_same_mail() -> None:
    with mail_server() as server:
        for is_doubtful in (False, True):
            mail(server.port).send(replace(letter(), is_doubtful=is_doubtful), key_of(FIRST), MORNING)
        mail(server.port).send(letter(), key_of(SECOND), MORNING)
        mail(server.port).send(Letter(13, RETURNED, MORNING), key_of(FIRST), MORNING)
    ids = [message_from_string(text)["Message-ID"] for _, text in server.mails]
    assert ids[0] == ids[1] and len(set(ids)) == 3


def test_no_text_is_a_header_or_a_part_of_its_own() -> None:
    with mail_server() as server:
        hostile = [letter(title=text, lines=(Line(text, 1, text),), remedy=(text,)) for text in ["x", *PAYLOADS]]
        states = {mail(server.port).send(each, key_of(FIRST), MORNING).state for each in hostile}
    assert states == {"delivered"}
    read = [message_from_string(text, policy=policy.default) for _, text in server.mails]
    assert {(*each.keys(),) for each in read} == {(*read[0].keys(),)}
    assert {(each.get_content_type(), each.is_multipart(), each["To"]) for each in read} == {("text/plain", False, FIRST)}
    assert {len(each.get_content().splitlines()) for each in read} == {4}


def test_a_title_cannot_add_headers() -> None:
    with mail_server() as server:
        hostile = letter(title="退回\r\nBcc: everyone@example.org\r\n\r\n正文")
        assert mail(server.port).send(hostile, key_of(FIRST), MORNING).state == "delivered"
    read = message_from_string(server.mails[0][1], policy=policy.default)
    assert read["Bcc"] is None and len(server.mails) == 1


@pytest.mark.parametrize(
    ("answers", "state", "is_doubtful"),
    [
        ({f"RCPT {FIRST}": "550 no such user first@example.org"}, "refused", False),
        ({"RCPT": "451 greylisted"}, "throttled", False),
        ({"MAIL": "550 not from you"}, "misconfigured", False),
        ({"DATA": "554 content refused"}, "refused", False),
        ({"END": "554 looks like spam"}, "refused", False),
        ({"END": "452 disk full"}, "throttled", False),
        ({"CONNECT": "554 go away"}, "unreachable", False),
        ({"EHLO": HANGS_UP}, "unreachable", False),
        ({"MAIL": HANGS_UP}, "unreachable", False),
        ({"END": HANGS_UP}, "unreachable", True),
    ],
)
def test_what_a_server_says_is_judged(answers: dict[str, str], state: str, is_doubtful: bool) -> None:
    with mail_server() as server:
        server.answers = answers
        found = outcome(server)
    assert (found.state, found.is_doubtful, server.mails) == (state, is_doubtful, [])
    assert FIRST not in found.said


def test_one_recipient_refused_says_nothing_of_the_other() -> None:
    with mail_server() as server:
        server.answers = {f"RCPT {FIRST}": "550 no"}
        assert [outcome(server, each).state for each in (FIRST, SECOND)] == ["refused", "delivered"]
    assert [to for to, _ in server.mails] == [SECOND]


def test_where_nobody_listens_and_who_is_gone() -> None:
    assert mail(free_port()).send(letter(), key_of(FIRST), MORNING) == Outcome("unreachable", "连接不上邮件服务器")
    assert mail(1).send(letter(), key_of("gone@example.org"), MORNING).state == "refused"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's context for 127.0.0.1, and the file that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context, str(chain)


@pytest.mark.parametrize("security", ["starttls", "ssl"])
def test_secured_and_logged_in(security: Security, certificate: tuple[ssl.SSLContext, str]) -> None:
    context, chain = certificate
    with mail_server(certificate=context, is_wrapped=security == "ssl") as server:
        given = {"user": "linli", "password": lambda: "secret", "authority": chain}
        channel = mail(server.port, security, **given)  # type: ignore[arg-type]
        assert channel.send(letter(), key_of(FIRST), MORNING) == Outcome("delivered")
        assert (server.logins, len(server.mails)) == (1, 1)
        unknown = mail(server.port, security)
        assert unknown.send(letter(), key_of(FIRST), MORNING).state == "misconfigured" and len(server.mails) == 1
        server.answers = {"AUTH": "535 wrong password"}
        assert channel.send(letter(), key_of(FIRST), MORNING).state == "misconfigured" and len(server.mails) == 1


def test_a_server_without_encryption_gets_no_password() -> None:
    with mail_server() as server:
        channel = mail(server.port, "starttls", user="linli", password=lambda: "secret")  # type: ignore[arg-type]
        assert channel.send(letter(), key_of(FIRST), MORNING).state == "misconfigured"
    assert (server.logins, server.mails) == (0, [])


def test_a_file_appears_whole_and_once(tmp_path: Path) -> None:
    channel = Folder("outbox", tmp_path / "out", has_data=True, is_own=True)
    for is_doubtful in (False, True):
        assert channel.send(replace(letter(), is_doubtful=is_doubtful), "", MORNING) == Outcome("delivered")
    text, data = tmp_path / "out" / "20261114T070000-000012-warning-quarantined.txt", "20261114T070000-000012-warning-quarantined.json"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [data, text.name]
    assert text.read_text(encoding="utf-8").startswith("【警告】案件系统") and "重复" not in text.read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out" / data).read_text(encoding="utf-8"))["lines"][0] == {"text": "退回待改", "count": 3, "unit": "条"}


def test_a_folder_of_others_is_not_made_where_it_is_missing(tmp_path: Path) -> None:
    channel = Folder("drop", tmp_path / "not-mounted")
    assert channel.problem() == f"文件夹 {tmp_path / 'not-mounted'} 不存在"
    assert channel.send(letter(), "", MORNING).state == "unreachable"
    assert not (tmp_path / "not-mounted").exists()
