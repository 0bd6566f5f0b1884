"""The monthly review: what the published marts say of each unit, on one page, in four formats."""

from linli.review.fonts import FontMissing
from linli.review.pack import FORMATS, NothingToReview, Pack, write_pack
from linli.review.questions import LEVELS, Unit, units
from linli.review.words import Language

__all__ = ["FORMATS", "LEVELS", "FontMissing", "Language", "NothingToReview", "Pack", "Unit", "units", "write_pack"]
