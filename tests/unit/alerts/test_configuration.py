"""The file of channels and routes: a typo is an error that names file and key, secrets are never in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from linli.alerts import ConfigurationError, NoSuchChannel, Subject, load
from unit.alerts.letters import message

FILE = """
load_by: "06:30"
channels:
  group: {kind: wecom, key: {env: LINLI_TEST_KEY}}
  ding: {kind: dingtalk, base: "http://gateway.example/ding", token: {file: TOKEN}, secret: {env: LINLI_TEST_SECRET}}
  fei: {kind: feishu, token: {env: LINLI_TEST_KEY}}
  mail: {kind: email, host: mail.example, sender: linli@example.org, recipients: [a@example.org, b@example.org]}
  drop: {kind: folder, path: /srv/alerts, has_data: true}
routes:
  - {to: [group], severities: [critical]}
  - {to: [mail, group], kinds: [quarantined], submitters: [340405-S01]}
  - {to: [ding], stations: [340405-S02]}
  - {to: [fei], districts: ["340405"], sources: [patrol_app]}
"""


def written(folder: Path, text: str) -> Path:
    (folder / "alerts.yml").write_text(text, encoding="utf-8")
    return folder / "alerts.yml"


def test_without_a_file_there_is_the_outbox(tmp_path: Path) -> None:
    found = load(None, tmp_path / "outbox")
    assert list(found.channels) == ["outbox"]
    assert found.route(message()) == [("outbox", "")]


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"alers\.yml：没有这个文件，消息发不出去。请改正 LINLI_ALERTS"):
        load(tmp_path / "alers.yml", tmp_path / "outbox")


def test_routes_choose_and_what_none_takes_goes_to_the_outbox(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILE), tmp_path / "outbox")
    assert f"{found.load_by}" == "06:30:00"
    assert [name for name, _ in found.route(message())] == ["mail", "mail", "group"]
    assert [name for name, _ in found.route(message(severity="critical"))] == ["group", "mail", "mail"]
    assert found.route(message(subject=Subject("case_system", "X", station="340405-S02"))) == [("ding", "")]
    assert found.route(message(subject=Subject("patrol_app", "X", district="340405"))) == [("fei", "")]
    assert found.route(message(subject=Subject("case_system", "340405-S09"))) == [("outbox", "")]


def test_without_routes_every_channel_gets_everything(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILE.partition("routes:")[0]), tmp_path / "outbox")
    assert [name for name, _ in found.route(message())] == ["group", "ding", "fei", "mail", "mail", "drop"]


def test_addresses_of_recipients_are_no_keys(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILE), tmp_path / "outbox")
    assert all("@" not in recipient and recipient for name, recipient in found.route(message()) if name == "mail")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chanels: {}", "alerts.yml：chanels：不认识的键"),
        ("channels: {g: {kind: wecom, key: {env: A}, bse: x}}", "alerts.yml：channels.g.bse：不认识的键"),
        ("channels: {g: {kind: wecom}}", "alerts.yml：channels.g.key：缺少"),
        ("channels: {g: {kind: wecom, key: abcdef-123456}}", "channels.g.key：应为若干个键；密钥不写在这里，应写作 {env: 变量名}"),
        ("channels: {g: {kind: wecom, key: {env: A, file: /b}}}", "channels.g.key：应写明 env 或 file 之一"),
        (
            "channels: {g: {kind: wecom, key: {env: LINLI_WECOM_TOKEN}}}",
            "channels.g.key：LINLI_…_URL、LINLI_…_TOKEN、LINLI_…_INBOX 是来源的设置",
        ),
        ("channels: {g: {kind: wechat}}", "channels.g：kind 应为 wecom、dingtalk、feishu、email 或 folder"),
        ("channels: {g: {key: {env: A}}}", "channels.g：缺少 kind"),
        ("channels: {m: {kind: email, host: h, sender: no-address, recipients: [a@b]}}", "channels.m.sender：值不合要求"),
        ("channels: {m: {kind: email, host: h, sender: a@b, recipients: []}}", "channels.m.recipients：不能为空"),
        ("channels: {outbox: {kind: folder, path: /x}}", "outbox 是缺省的文件夹，请换一个名字"),
        ("routes: [{to: [group]}]", "routes.0.to：没有名为 group 的渠道"),
        ("routes: [{to: [outbox], severities: [fatal]}]", "routes.0.severities：“fatal”不认识，可选 info、warning、critical"),
        ("routes: [{to: [outbox], kinds: [bad]}]", "routes.0.kinds：“bad”不认识，可选 night_failed"),
        ("routes: [{to: outbox}]", "routes.0.to：应为一个列表"),
        ('load_by: "25:00"', "load_by：值不合要求"),
        ("load_by: [", "不是正确的 YAML"),
        ("load_by: '07:00'\nload_by: '08:00'", "一个键写了两次"),
        ("", "不是正确的 YAML"),
    ],
)
def test_a_mistake_is_named_by_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, text), tmp_path / "outbox")
    assert said in str(refused.value)
    assert "abcdef-123456" not in str(refused.value)


def test_a_missing_secret_is_a_problem_of_its_channel_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    found = load(written(tmp_path, FILE.replace("TOKEN", str(token))), tmp_path / "outbox")
    monkeypatch.delenv("LINLI_TEST_KEY", raising=False)
    monkeypatch.setenv("LINLI_TEST_SECRET", "s")
    problems = {name: channel.problem() for name, channel in found.channels.items()}
    assert problems["group"] == "环境变量 LINLI_TEST_KEY 没有设置"
    assert problems["ding"] == f"密钥文件 {token} 读不到，或是空的"
    assert problems["drop"] == "文件夹 /srv/alerts 不存在"
    assert problems["mail"] == problems["outbox"] == ""
    token.write_text("t\n")
    monkeypatch.setenv("LINLI_TEST_KEY", "k")
    assert not any(found.channels[name].problem() for name in ("group", "ding", "fei"))


def test_an_unknown_channel_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NoSuchChannel, match="没有名为 foo 的渠道，已配置的是 group、ding、"):
        load(written(tmp_path, FILE), tmp_path / "outbox").channel("foo")


def test_the_example_of_the_manual_can_be_used(tmp_path: Path) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "howto" / "alerts.md").read_text(encoding="utf-8")
    example = manual.partition("```yaml\n")[2].partition("```")[0]
    found = load(written(tmp_path, example), tmp_path / "outbox")
    assert list(found.channels) == ["district_group", "housing_group", "station_group", "mail", "drop", "outbox"]
    named = set(found.route(message(severity="critical"))) | set(found.route(message(subject=Subject(station="340405-S01"))))
    assert {name for name, _ in named} == {"district_group", "mail", "station_group"}
