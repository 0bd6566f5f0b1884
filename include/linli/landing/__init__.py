"""Landing: immutable Parquet batches in the lake, each registered once it is whole, and the reconciliation with the source's keys."""

from linli.landing.adoption import Adoption, adopt
from linli.landing.batches import LandingError, Part, land, land_together
from linli.landing.readings import land_reading
from linli.landing.reconciliation import Reconciliation, compare_hashes, reconcile

__all__ = [
    "Adoption",
    "LandingError",
    "Part",
    "Reconciliation",
    "adopt",
    "compare_hashes",
    "land",
    "land_reading",
    "land_together",
    "reconcile",
]
