"""The monthly review: what the published marts say of each unit, on one page, in four formats."""

from linli.review.pack import FORMATS, NothingToReview, Pack, name_of, write_pack
from linli.review.questions import LEVELS, Unit, ask, units
from linli.review.words import Language

__all__ = ["FORMATS", "LEVELS", "Language", "NothingToReview", "Pack", "Unit", "ask", "name_of", "units", "write_pack"]
