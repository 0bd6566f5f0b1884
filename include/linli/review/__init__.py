"""The monthly review: what the published marts say of each unit, on one page, in four formats."""

from linli.review.pack import FORMATS, NothingToReview, Pack, name_of, write_pack
from linli.review.questions import LEVELS, TEAM, Unit, Withheld, ask, units
from linli.review.words import Language

__all__ = ["FORMATS", "LEVELS", "TEAM", "Language", "NothingToReview", "Pack", "Unit", "Withheld", "ask", "name_of", "units", "write_pack"]
