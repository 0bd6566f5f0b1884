"""Personal values: keyed pseudonyms and scrubbed free text, applied before anything is written."""

from linli.privacy.freetext import scrub
from linli.privacy.keyring import KeyRing, KeyRingError
from linli.privacy.protection import protect
from linli.privacy.remarks import problem_of

__all__ = ["KeyRing", "KeyRingError", "problem_of", "protect", "scrub"]
