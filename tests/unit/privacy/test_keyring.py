"""The key ring: born once, private, rotated, destroyed; pseudonyms that are HMAC-SHA256 and nothing else."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from pathlib import Path

import pytest

from linli.privacy import KeyRing, KeyRingError


def test_a_new_ring_is_private_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ring.json"
    ring = KeyRing.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing.load_or_create(path).keys == ring.keys
    assert ring.keys[1].hex() not in repr(ring)


def test_racing_processes_agree_on_one_ring(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(KeyRing.load_or_create(tmp_path / "ring.json").keys[1])) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (16, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["ring.json"]


def test_pseudonyms_are_hmac_sha256_of_kind_and_value(tmp_path: Path) -> None:
    ring = KeyRing.load_or_create(tmp_path / "ring.json")
    digest = hmac.digest(ring.keys[1], b"phone\x0013900001234", "sha256")
    expected = "p1_" + base64.b32encode(digest).decode().lower()[:26]
    assert ring.codes("phone", [b"x", b"13900001234"])[1].tobytes().decode() == expected
    assert ring.pseudonyms_of("phone", "13900001234") == [expected]
    assert ring.pseudonyms_of("name", "13900001234") != [expected]


def test_rotation_keeps_the_old_key_until_it_is_destroyed(tmp_path: Path) -> None:
    first = KeyRing.load_or_create(tmp_path / "ring.json")
    second = first.rotate()
    assert (second.active, sorted(second.keys)) == (2, [1, 2])
    assert second.pseudonyms_of("name", "甲")[0] == first.pseudonyms_of("name", "甲")[0]
    assert second.salt("row-hash") != first.salt("row-hash")
    third = second.destroy(1)
    assert sorted(KeyRing.load_or_create(tmp_path / "ring.json").keys) == sorted(third.keys) == [2]
    with pytest.raises(KeyRingError, match="正在使用"):
        third.destroy(2)


@pytest.mark.parametrize("content", ["", "[]", '{"active": 1, "keys": {}}', '{"active": 1, "keys": {"1": "00"}}'])
def test_what_is_no_ring_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ring.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyRingError):
        KeyRing.load_or_create(path)


def test_a_ring_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    key = KeyRing.load_or_create(path).keys[1].hex()
    path.chmod(0o644)
    with pytest.raises(KeyRingError, match="其他人可读") as told:
        KeyRing.load_or_create(path)
    assert key not in str(told.value)
    assert json.loads(path.read_text())["active"] == 1
