"""Personal values: keyed pseudonyms and scrubbed free text, applied before anything is written."""

from linli.privacy.freetext import scrub
from linli.privacy.keyring import KeyRing, KeyRingError
from linli.privacy.protection import protect

__all__ = ["KeyRing", "KeyRingError", "protect", "scrub"]
