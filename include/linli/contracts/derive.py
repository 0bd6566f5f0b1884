"""What is derived from the declarations: the dbt sources and the data dictionary."""

from __future__ import annotations

from pathlib import Path

import yaml

from linli.contracts.model import META, SQL_TYPES, Catalog, Column, RecordDecl

SOURCES_FILE = Path("dbt_project/models/staging/_sources.yml")
DICTIONARY_FILE = Path("docs/dictionary.md")

_NOTE = "derived from expectations/ by `linli contracts write`; do not edit"
_META_MEANING = {
    "_batch_id": "the batch the row landed in",
    "_row_no": "0-based position in the batch file",
    "_snapshot_at": "instant at which the source was read; of a file, when it was received",
    "_deleted": "the source no longer has the row",
    "_source_ref": "where the submitter finds the row",
    "_parent_version": "version of the parent the row was listed under",
    "_unreadable": "typed columns whose text could not be read",
    "_raw": "scrubbed original text of the unreadable cells, as JSON",
}
_PERSONAL_MEANING = {
    "name": "pseudonym of a name",
    "phone": "pseudonym of a phone number",
    "id_no": "pseudonym of an identity number",
    "address": "pseudonym of an address",
    "text": "free text, scrubbed of phone and identity numbers and of the row's own personal values",
}


def _meaning(column: Column) -> str:
    parts = [column.label, _PERSONAL_MEANING.get(column.personal or "", ""), column.description]
    return "; ".join(part for part in parts if part)


def _table(record: RecordDecl) -> dict[str, object]:
    columns = [{"name": c.name, "data_type": SQL_TYPES[c.type], "description": _meaning(c)} for c in record.columns]
    columns += [{"name": name, "description": _META_MEANING[name]} for name in META.names]
    return {
        "name": record.name,
        "identifier": record.table,
        "description": f"{record.grain} ({record.label}); accepted rows only",
        "columns": columns,
    }


def sources_yaml(catalog: Catalog) -> str:
    """The text of dbt's source declarations: one source per operational system, one table per record kind."""
    document = {
        "version": 2,
        "sources": [
            {
                "name": source.name,
                "schema": "landing",
                "description": source.label,
                "tables": [_table(record) for record in source.records],
            }
            for source in catalog.sources.values()
        ],
    }
    return f"# {_NOTE}\n" + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=160)


def dictionary(catalog: Catalog) -> str:
    """The data dictionary as Markdown: every record kind with its columns, its checks and their consequence."""
    lines = ["# Data dictionary of what lands", "", f"_{_NOTE}_", ""]
    for source in catalog.sources.values():
        lines += [f"## {source.name} ({source.label})", ""]
        for record in source.records:
            lines += [f"### {record.full_name}: {record.label}", "", f"Grain: {record.grain}. Key: {', '.join(record.key)}.", ""]
            lines += ["| column | type | meaning |", "|---|---|---|"]
            lines += [f"| `{c.name}` | {c.type} | {_meaning(c)} |" for c in record.columns]
            lines.append("")
            if record.checks or record.holds:
                lines += ["| rule | consequence | told to the submitter | why |", "|---|---|---|---|"]
                lines += [
                    f"| `{k.rule}` | {'quarantined' if k.quarantines else 'told only'} ({k.severity}) | {k.message}。{k.fix} | {k.reason} |"
                    for k in record.checks
                ]
                lines += [f"| `{h.rule}` | held | {h.message} | {h.reason} |" for h in record.holds]
                lines.append("")
    return "\n".join(lines)


def derived_files(catalog: Catalog) -> dict[Path, str]:
    """Every derived file of the project (path relative to it) and the text it must have."""
    return {SOURCES_FILE: sources_yaml(catalog), DICTIONARY_FILE: dictionary(catalog)}
