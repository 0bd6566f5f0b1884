"""Copies of the closed months for those outside the team: public, stations, departments; small counts are hidden, see suppression."""

from linli.audiences.copies import HIDDEN, Copies, Directory, Place, write_copies
from linli.audiences.model import AUDIENCES, Audience
from linli.audiences.suppression import FEW, SPREAD

__all__ = ["AUDIENCES", "FEW", "HIDDEN", "SPREAD", "Audience", "Copies", "Directory", "Place", "write_copies"]
