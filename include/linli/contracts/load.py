"""Reads `expectations/` into the strict model. Every error names the file and the key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from linli.contracts.model import OF_THE_FILE, REGISTER_OF_FILES, Catalog, RecordDecl, SourceDecl, plain, with_readable_checks
from linli.contracts.slip import ACTION, PLACE, REASON, REMEDY
from linli.failures import Refusal


class DeclarationError(Refusal):
    """A declaration cannot be used; the message names the file, the key and what is wrong."""


class _UniqueKeyLoader(yaml.CSafeLoader):
    """YAML in which a key given twice is an error instead of a silent overwrite."""


def _mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for node_of_key, _ in node.value:
        key = loader.construct_object(node_of_key)
        if key in seen:
            raise DeclarationError(f"line {node_of_key.start_mark.line + 1}: the key {key} is given twice")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file that holds keys and values, dates as ISO text. Raises DeclarationError for anything else and for a key given twice."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except (yaml.YAMLError, DeclarationError) as error:
        raise DeclarationError(f"{_short(path)}: {error}") from None
    if not isinstance(data, dict):
        raise DeclarationError(f"{_short(path)}: a mapping is expected at the top")
    cleaned = plain(data)
    assert isinstance(cleaned, dict)
    return cleaned


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _explain(path: Path, error: ValidationError) -> DeclarationError:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
        what = "is not a known key" if problem["type"] == "extra_forbidden" else problem["msg"]
        lines.append(f"{_short(path)}: {key}: {what}")
    return DeclarationError("\n".join(lines))


def _record(path: Path, source: SourceDecl) -> RecordDecl:
    data = read_mapping(path)
    context = path.with_suffix(".context.sql")
    given = {**data, "source": source.name, "name": path.stem}
    if context.exists():
        given["context_sql"] = context.read_text(encoding="utf-8")
    try:
        record = RecordDecl.model_validate(given)
    except ValidationError as error:
        raise _explain(path, error) from None
    if source.transport in ("rest", "files"):
        record = record.model_copy(update={"checks": with_readable_checks(record)})
    return record


def _check_files(source: SourceDecl) -> None:
    """Raises DeclarationError unless a source of files has one register of its files and its sheets stand under it."""
    registers = [record for record in source.records if record.extract.sheet == "*"]
    if len(registers) != 1:
        raise DeclarationError(f'{source.name}/_source.yml: records: one of them registers the files (extract: {{sheet: "*"}})')
    (register,) = registers
    if {column.name: column.type for column in register.columns} != REGISTER_OF_FILES:
        raise DeclarationError(f"{source.name}/{register.name}.yml: columns: a register of files has {', '.join(REGISTER_OF_FILES)}")
    for record in source.records:
        if record is register:
            continue
        said = f"{source.name}/{record.name}.yml"
        if record.extract.sheet is None:
            raise DeclarationError(f"{said}: extract: sheet names the sheet it is filled in on")
        if record.parents[:1] != (register.full_name,):
            raise DeclarationError(f"{said}: parents: the first is {register.full_name}, which the rows of a file belong to")
        if record.key[:-1] != OF_THE_FILE:
            raise DeclarationError(f"{said}: key: it is {', '.join(OF_THE_FILE)} and the number of the row")
        nameless = [column.name for column in record.columns if not column.headers and column.name not in OF_THE_FILE]
        if nameless:
            raise DeclarationError(f"{said}: columns: no headers are given for {', '.join(nameless)}")
        taken = sorted({header for column in record.columns for header in column.headers} & {PLACE, ACTION, REASON, REMEDY})
        if taken:
            raise DeclarationError(f"{said}: columns: the headers {', '.join(taken)} are those of a return slip's own columns")


def load(folder: Path) -> Catalog:
    """The catalog declared in `folder`: one sub-folder a source with `_source.yml` and one file a record.

    Raises DeclarationError for anything misspelt, missing or contradictory.
    """
    sources: dict[str, SourceDecl] = {}
    for path in sorted(folder.glob("*/_source.yml")):
        data = read_mapping(path)
        order = data.pop("records", None)
        try:
            source = SourceDecl.model_validate({**data, "name": path.parent.name})
        except ValidationError as error:
            raise _explain(path, error) from None
        files = {p.stem: p for p in path.parent.glob("*.yml") if p.name != "_source.yml"}
        if order is None or sorted(order) != sorted(files):
            missing = sorted(set(order or ()) ^ set(files))
            raise DeclarationError(f"{_short(path)}: records: does not list the record files beside it ({missing})")
        records = tuple(_record(files[name], source) for name in order)
        sources[source.name] = source.model_copy(update={"records": records})
        if source.transport == "files":
            _check_files(sources[source.name])
    if not sources:
        raise DeclarationError(f"{folder.name}: no source is declared")
    catalog = Catalog(sources=sources)
    try:
        names = {record.full_name for record in catalog.records}
    except ValueError as error:
        raise DeclarationError(f"{folder.name}: parents: {error}") from None
    for record in catalog.records:
        for parent in record.parents:
            if parent not in names:
                raise DeclarationError(f"{record.source}/{record.name}.yml: parents: no record {parent}")
    return catalog
