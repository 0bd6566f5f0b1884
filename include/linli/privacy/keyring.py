"""The keys personal values are pseudonymised with: a small file outside the lake, readable by its owner only.

The file is JSON, `{"active": 2, "keys": {"1": "<64 hex digits>", "2": "..."}}`. New values use the active key; the older ones stay so
that a person can still be found under the pseudonym they landed with. A key removed with `destroy` cannot be had back: from then on
nobody, we included, can link the pseudonyms of that key to a person again. That is how everything of a period is erased at once;
one person is erased by `pseudonyms_of` and the deletion of the rows that carry them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from linli.durable import sync
from linli.failures import Refusal
from linli.locks import locked

KEY_BYTES = 32
_CODE_CHARS = 26
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
_PAIRS = np.stack([_ALPHABET.repeat(32), np.tile(_ALPHABET, 32)], axis=1).view(np.uint16)[:, 0]
"""the two characters of every ten bits"""


class KeyRingError(Refusal):
    """The key ring cannot be used; the message names the file's fault, never its content."""


@dataclass(frozen=True)
class KeyRing:
    """HMAC-SHA256 keys by number, one of them active. Its repr shows no key."""

    path: Path
    active: int
    keys: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def load_or_create(cls, path: Path) -> KeyRing:
        """The ring at `path`, created with one fresh key when there is none.

        Several processes may race: exactly one ring comes to be. Raises KeyRingError for a file that others can read or that is no ring.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = _written_aside(path, 1, {1: secrets.token_bytes(KEY_BYTES)})
            try:
                os.link(fresh, path)
                sync(path.parent)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return cls._load(path)

    @classmethod
    def _load(cls, path: Path) -> KeyRing:
        if path.stat().st_mode & 0o077:
            raise KeyRingError(f"密钥文件 {path.name} 其他人可读，请将权限改为 600")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            keys = {int(no): bytes.fromhex(key) for no, key in data["keys"].items()}
            active = int(data["active"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeyRingError(f"密钥文件 {path.name} 不是有效的密钥文件，请从备份恢复") from None
        if active not in keys or any(len(key) < KEY_BYTES for key in keys.values()):
            raise KeyRingError(f"密钥文件 {path.name} 缺少当前密钥，或有密钥过短")
        return cls(path, active, keys)

    def rotate(self) -> KeyRing:
        """The ring with one more key, which becomes the active one: values that land from now on get other pseudonyms."""
        with locked(_lock_of(self.path)):
            ring = self._load(self.path)
            newest = max(ring.keys) + 1
            return ring._replaced(newest, {**ring.keys, newest: secrets.token_bytes(KEY_BYTES)})

    def destroy(self, key_no: int) -> KeyRing:
        """The ring without that key: its pseudonyms can be linked to no one any more. Copies of the file must be destroyed too.

        Raises KeyRingError for the active key (rotate first) or an unknown one.
        """
        with locked(_lock_of(self.path)):
            ring = self._load(self.path)
            if key_no == ring.active or key_no not in ring.keys:
                raise KeyRingError(f"密钥 {key_no} {'正在使用，请先轮换' if key_no == ring.active else '不在密钥文件中'}")
            return ring._replaced(ring.active, {no: key for no, key in ring.keys.items() if no != key_no})

    def _replaced(self, active: int, keys: Mapping[int, bytes]) -> KeyRing:
        _written_aside(self.path, active, keys).replace(self.path)
        sync(self.path.parent)
        return KeyRing(self.path, active, keys)

    def code_width(self, key_no: int | None = None) -> int:
        """Bytes of one pseudonym under that key (default: the active one)."""
        return len(_prefix(self.active if key_no is None else key_no)) + _CODE_CHARS

    def codes(self, kind: str, normalised: Sequence[bytes], key_no: int | None = None) -> npt.NDArray[np.uint8]:
        """Pseudonyms as ASCII, one row a value: 'p<key_no>_' and 26 base32 characters (130 bits) of HMAC-SHA256 over kind and value."""
        number = self.active if key_no is None else key_no
        begun = HMAC(self.keys[number], SHA256())
        begun.update(kind.encode() + b"\0")
        begin = begun.copy
        digests = bytearray()
        for value in normalised:
            mac = begin()
            mac.update(value)
            digests += mac.finalize()
        return _coded(_prefix(number), bytes(digests), len(normalised))

    def pseudonyms_of(self, kind: str, normalised: str) -> list[str]:
        """The pseudonyms one person's value has under every key of the ring: what an erasure request looks for."""
        return [self.codes(kind, [normalised.encode()], no).tobytes().decode() for no in sorted(self.keys)]

    def salt(self, purpose: str) -> str:
        """A secret 32-digit hex text of the active key, for hashes computed where the key must not go."""
        return hashlib.blake2b(purpose.encode(), key=self.keys[self.active], digest_size=16).hexdigest()


def _prefix(key_no: int) -> bytes:
    return f"p{key_no}_".encode()


def _coded(prefix: bytes, digests: bytes, count: int) -> npt.NDArray[np.uint8]:
    columns = np.ascontiguousarray(np.frombuffer(digests, dtype=np.uint8).reshape(count, 32).T).astype(np.uint16)
    pairs = np.empty((_CODE_CHARS // 2, count), dtype=np.uint16)
    for place in range(_CODE_CHARS // 2):
        byte, bit = divmod(10 * place, 8)
        pairs[place] = _PAIRS[(columns[byte] << 8 | columns[byte + 1]) >> (6 - bit) & 0x3FF]
    text = np.empty((count, len(prefix) + _CODE_CHARS), dtype=np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix, dtype=np.uint8)
    text[:, len(prefix) :] = np.ascontiguousarray(pairs.T).view(np.uint8)
    return text


def _written_aside(path: Path, active: int, keys: Mapping[int, bytes]) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    text = json.dumps({"active": active, "keys": {str(no): key.hex() for no, key in sorted(keys.items())}})
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return aside


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
