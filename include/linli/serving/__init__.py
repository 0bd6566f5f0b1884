"""Publication into PostgreSQL for many analysts: every release whole, switched in at once, with who sees what of it."""

from linli.serving.access import READER, TEAM
from linli.serving.database import NotPermitted, ServingRefused, ServingUnavailable
from linli.serving.descriptions import Description, of_the_account
from linli.serving.publish import AlreadyServing, NewerServed, Served, serve, standing
from linli.serving.switch import StillRead

__all__ = [
    "READER",
    "TEAM",
    "AlreadyServing",
    "Description",
    "NewerServed",
    "NotPermitted",
    "Served",
    "ServingRefused",
    "ServingUnavailable",
    "StillRead",
    "of_the_account",
    "serve",
    "standing",
]
