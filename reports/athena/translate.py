"""A query of the report in DuckDB's dialect → the same in Athena's (Trino's). What may not mean the same is refused.

sqlglot reads the query, resolves every name against the tables there are and writes it anew; `rewriting` changes what
the two engines do differently. Values become typed literals in the tree, so no text is ever pasted into a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.schema import MappingSchema

from reports.athena.rewriting import NotTranslatable, rewrite

Kind = Literal["rows", "table", "view", "insert"]
Columns = Mapping[str, str]
"""Column → DuckDB's type."""

__all__ = ["Columns", "NotTranslatable", "Translated", "literal", "translate"]


@dataclass(frozen=True, kw_only=True)
class Translated:
    """A query for Athena: `select` is what it asks, `target` the table or view that its rows go to."""

    kind: Kind
    select: str
    target: str | None = None
    columns: Columns
    """Of the rows: name → DuckDB's type, `UNKNOWN` where sqlglot can't tell."""


def translate(
    text: str,
    *,
    tables: Mapping[str, Columns],
    places: Mapping[str, exp.Table] | None = None,
    parameters: Mapping[str, object] | None = None,
) -> Translated:
    """Translate one statement: a SELECT, `CREATE TEMP TABLE` or `VIEW … AS`, or `INSERT INTO … SELECT`.

    `tables` are the columns of every table it may name, `places` where such a table is in Athena (its own name where
    left out). `parameters` are dates, times (UTC, kept to the millisecond), integers and texts. Raises NotTranslatable.
    """
    try:
        tree = parse_one(text, dialect="duckdb")
        kind, target, asked = _parts(tree)
        asked = _with_values(asked, parameters or {})
        _check_tables(asked, tables)
        schema = MappingSchema({name: dict(columns) for name, columns in tables.items()}, dialect="duckdb")
        asked = qualify(asked, schema=schema, dialect="duckdb", validate_qualify_columns=True)
        columns = _columns(asked, schema)
        asked = rewrite(asked)
        _put_in_place(asked, places or {})
        written = asked.sql(dialect="athena", pretty=True, comments=False)
        parse_one(written, dialect="athena")
    except SqlglotError as problem:
        raise NotTranslatable(str(problem).splitlines()[0]) from problem
    return Translated(kind=kind, select=written, target=target, columns=columns)


def literal(value: object) -> exp.Expr:
    """A value as Athena writes it. Raises NotTranslatable for a type that has no exact literal."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return exp.Literal.number(value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise NotTranslatable(f"{value!r} has a time zone; times in the tables are UTC without one")
        return exp.cast(exp.Literal.string(value.isoformat(sep=" ", timespec="milliseconds")), "TIMESTAMP")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    raise NotTranslatable(f"a parameter is {value!r}; a date, a time, a whole number or a text can be written")


def _parts(tree: exp.Expr) -> tuple[Kind, str | None, exp.Query]:
    if isinstance(tree, exp.Query):
        return "rows", None, tree
    if isinstance(tree, exp.Create) and isinstance(tree.expression, exp.Query):
        kinds: dict[str, Kind] = {"TABLE": "table", "VIEW": "view"}
        kind = kinds.get(str(tree.kind).upper())
        if kind is not None and isinstance(tree.this, exp.Table):
            return kind, tree.this.name, tree.expression
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Query) and isinstance(tree.this, exp.Table):
        return "insert", tree.this.name, tree.expression
    raise NotTranslatable(
        f"a statement of the kind {type(tree).__name__}; only SELECT, CREATE … AS and INSERT … SELECT"
    )


def _with_values(asked: exp.Query, parameters: Mapping[str, object]) -> exp.Query:
    def value(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, (exp.Placeholder, exp.Parameter)):
            return node
        name = node.name
        if name not in parameters:
            raise NotTranslatable(f"no value is given for ${name}")
        return literal(parameters[name])

    changed = asked.transform(value)
    assert isinstance(changed, exp.Query)
    return changed


def _columns(asked: exp.Query, schema: MappingSchema) -> Columns:
    typed = annotate_types(asked.copy(), schema=schema, dialect="duckdb")
    return {one.alias_or_name: one.type.sql("duckdb") if one.type else "UNKNOWN" for one in typed.selects}


def _sources(asked: exp.Query) -> Iterator[tuple[str, exp.Table]]:
    """Every table that is asked, with its name in the query; none that the query makes itself."""
    for scope in traverse_scope(asked):
        for name, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table):
                yield name, source


def _check_tables(asked: exp.Query, tables: Mapping[str, Columns]) -> None:
    for _, table in _sources(asked):
        if table.name not in tables:
            raise NotTranslatable(f"there is no table {table.name}")


def _put_in_place(asked: exp.Query, places: Mapping[str, exp.Table]) -> None:
    for name, table in list(_sources(asked)):
        place = places.get(table.name)
        if place is not None:
            for part in ("this", "db", "catalog"):
                told = place.args.get(part)
                table.set(part, told.copy() if told is not None else None)
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
