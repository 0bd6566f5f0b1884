"""The slips of a day as a folder: it appears whole and takes the place of an earlier one; the same slips give the same bytes."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from linli.durable import is_empty_or_of, whole
from linli.slips.content import Slip

MANIFEST = "slips.json"

Tell = Callable[[str, int, int], None]


def write_folder(folder: Path, slips: Sequence[Slip], tell: Tell) -> None:
    """Writes each slip and, as MANIFEST, whose they are and their checksums. Raises FileExistsError where something else lies there."""
    from linli.slips.book import render

    if not is_empty_or_of(folder, MANIFEST):
        raise FileExistsError(errno.EEXIST, "已有别的内容", str(folder))
    with whole(folder, replaces=True) as aside:
        files = {}
        for number, slip in enumerate(slips):
            tell(f"{slip.source_label} {slip.submitter or ''}", number, len(slips))
            content = render(slip)
            (aside / slip.name).write_bytes(content)
            files[slip.name] = {
                "source": slip.source, "submitter": slip.submitter, "number": slip.number, "rows": slip.row_count,
                "sha256": hashlib.sha256(content).hexdigest(),
            }  # fmt: skip
        (aside / MANIFEST).write_text(json.dumps({"files": files}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
