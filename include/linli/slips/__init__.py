"""Return slips: what each submitter has to correct, as a workbook to be filled in and handed back. Made from what is handed over."""

from linli.slips.choices import Reference, choices
from linli.slips.content import BadRow, Fault, Slip, SlipSheet
from linli.slips.folder import MANIFEST, write_folder

__all__ = ["MANIFEST", "BadRow", "Fault", "Reference", "Slip", "SlipSheet", "choices", "write_folder"]
