"""Copies of the closed months for those outside the team: public, stations, departments; small counts are hidden, see suppression."""

from linli.audiences.copies import Copies, Directory, copies_of, withheld, write_copies

__all__ = ["Copies", "Directory", "copies_of", "withheld", "write_copies"]
