"""What DuckDB and Athena do differently, changed in a query's tree.

Athena keeps times to the millisecond, so `epoch_us` counts whole milliseconds there. Every kind of node that may be in
the result is listed: a function nobody has compared is refused, never handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from sqlglot import exp

EPOCH: Final = "1970-01-01 00:00:00"
SEQUENCE_STEPS: Final = 10_000
"""Trino's `sequence` makes no more values at once."""
WIDE: Final = exp.cast(exp.Literal.number(1), "DECIMAL(1, 0)")
_MOST_UNSURE: Final = 3
_STEPS: Final = frozenset({"DAY", "HOUR", "MINUTE", "SECOND"})

_KNOWN: Final = frozenset(
    {
        *(exp.Select, exp.Union, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where, exp.Group, exp.Having),
        *(exp.Order, exp.Ordered, exp.Limit, exp.Distinct, exp.Table, exp.TableAlias, exp.Alias, exp.Column),
        *(exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Var, exp.Interval, exp.Tuple),
        *(exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
        *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe, exp.Concat),
        *(exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Exists),
        *(
            exp.Sum,
            exp.Count,
            exp.Min,
            exp.Max,
            exp.Avg,
            exp.AnyValue,
            exp.ArrayAgg,
            exp.ArraySize,
            exp.Bracket,
            exp.Filter,
            exp.Round,
        ),
        *(exp.Greatest, exp.Least, exp.Abs, exp.Window, exp.WindowSpec, exp.RowNumber, exp.LogicalAnd, exp.LogicalOr),
        *(exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.DateAdd, exp.GenerateSeries, exp.Unnest, exp.Array),
        *(exp.Lower, exp.Upper, exp.Floor, exp.Ceil),
    }
)


class NotTranslatable(Exception):
    """A query that can't be told to Athena so that it means the same; the text says which part."""


def rewrite(query: exp.Query) -> exp.Query:
    """The query for Athena of one whose names are resolved. Raises NotTranslatable."""
    asked = exp.Paren(this=query.copy())  # so that the outermost SELECT can be replaced too
    for select in list(asked.find_all(exp.Select)):
        _group_by_all(select)
        _largest(select)
    for select in list(asked.find_all(exp.Select)):
        _unnested(select)
    _quantiles(asked)
    for kind, change in _CHANGES.items():
        for node in _deepest_first(asked, kind):
            node.replace(change(node))
    for expression in asked.find_all(exp.CTE):
        expression.set("materialized", None)  # Athena decides
    for node in asked.walk():
        if type(node) not in _KNOWN:
            raise NotTranslatable(f"{type(node).__name__} in `{node.sql('duckdb', comments=False)[:120]}`")
    done = asked.this
    assert isinstance(done, exp.Query)
    done.pop()
    return done


def _deepest_first(asked: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    yield from reversed(list(asked.find_all(kind, bfs=True)))


def _group_by_all(select: exp.Select) -> None:
    """`GROUP BY ALL` → by every column that sums nothing up."""
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    plain = (one.unalias() for one in select.expressions if one.find(exp.AggFunc) is None)
    keys = [one.copy() for one in plain if one.find(exp.Column) is not None]  # a constant is no key
    select.set("group", exp.Group(expressions=keys) if keys else None)


def _largest(select: exp.Select) -> None:
    """`SELECT g, unnest(max(x, n)) AS y … GROUP BY g`: the n largest of each group, by their places in it."""
    for projection in select.expressions:
        told = projection.this if isinstance(projection, exp.Alias) else None
        if not (isinstance(told, exp.Explode) and isinstance(told.this, exp.Max) and told.this.args.get("count")):
            continue
        value, count, group = told.this.this, told.this.args["count"], select.args.get("group")
        others = [one for one in select.expressions if one is not projection]
        if group is None or any(one.unalias() not in group.expressions for one in others) or select.args.get("having"):
            raise NotTranslatable(f"`{told.sql('duckdb')[:120]}`; beside it, a query can have what it groups by")
        place = exp.Window(
            this=exp.RowNumber(),
            partition_by=[one.copy() for one in group.expressions],
            order=exp.Order(expressions=[exp.Ordered(this=value.copy(), desc=True, nulls_first=False)]),
        )
        inner = select.copy().where(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())), copy=False)
        inner.set("group", None)
        each = [_named(one.unalias().copy(), one.alias_or_name) for one in others]
        inner.set("expressions", [*each, _named(value.copy(), projection.alias), _named(place, "place_")])
        outer = exp.Select(
            expressions=[_named(_column(one.alias, "largest_"), one.alias) for one in inner.expressions[:-1]]
        )
        outer = outer.from_(exp.Subquery(this=inner, alias=exp.TableAlias(this=_identifier("largest_"))))
        select.replace(outer.where(exp.LTE(this=_column("place_", "largest_"), expression=count.copy())))
        return


def _unnested(select: exp.Select) -> None:
    """`SELECT unnest(range(from, to, step)) AS x FROM t` → `SELECT u.x FROM t CROSS JOIN UNNEST(…) AS u (x)`."""
    for number, projection in enumerate(select.expressions):
        told = projection.this if isinstance(projection, exp.Alias) else projection
        if not isinstance(told, exp.Explode):
            continue
        span = told.this
        if (
            not isinstance(span, exp.GenerateSeries)
            or not span.args.get("is_end_exclusive")
            or select.args.get("group")
        ):
            raise NotTranslatable(f"unnest of `{span.sql('duckdb')[:120]}`; of range(from, to, step) it can be")
        start, end, step = span.args["start"], span.args["end"], span.args.get("step")
        if step is None:
            one, before, ahead = _of_numbers()
        elif isinstance(step, exp.Interval) and str(step.unit).upper() in _STEPS and step.this.name == "1":
            one, before, ahead = _of_times(exp.var(str(step.unit).upper()))
        else:
            raise NotTranslatable(f"unnest of `{span.sql('duckdb')[:120]}`; its step can be 1, or 1 day, hour, minute")
        last, block, name = before(end), f"block_{number}", projection.alias
        # a sequence is short: blocks of steps first, then the steps of each block; nothing where nothing is in range
        blocks = exp.If(
            this=exp.LT(this=start.copy(), expression=end.copy()),
            true=exp.GenerateSeries(start=start.copy(), end=last.copy(), step=one(SEQUENCE_STEPS)),
            false=exp.Array(expressions=[]),
        )
        ends = exp.Least(this=ahead(_column("from_", block), SEQUENCE_STEPS - 1), expressions=[last])
        steps = exp.GenerateSeries(start=_column("from_", block), end=ends, step=one(1))
        select.append("joins", _cross_join(blocks, block, "from_"))
        select.append("joins", _cross_join(steps, f"each_{number}", name))
        projection.replace(_named(_column(name, f"each_{number}"), name))


_Numbered = Callable[[int], exp.Expr]
_Before = Callable[[exp.Expr], exp.Expr]
_Ahead = Callable[[exp.Expr, int], exp.Expr]


def _of_numbers() -> tuple[_Numbered, _Before, _Ahead]:
    def before(end: exp.Expr) -> exp.Expr:
        return exp.Sub(this=exp.Paren(this=end.copy()), expression=exp.Literal.number(1))

    def ahead(start: exp.Expr, steps: int) -> exp.Expr:
        return exp.Add(this=start, expression=exp.Literal.number(steps))

    return exp.Literal.number, before, ahead


def _of_times(unit: exp.Expr) -> tuple[_Numbered, _Before, _Ahead]:
    def steps(count: int) -> exp.Expr:
        return exp.Interval(this=exp.Literal.string(count), unit=unit.copy())

    def before(end: exp.Expr) -> exp.Expr:
        # times are whole milliseconds
        return exp.DateAdd(this=end.copy(), expression=exp.Literal.number(-1), unit=exp.var("MILLISECOND"))

    def ahead(start: exp.Expr, count: int) -> exp.Expr:
        return exp.DateAdd(this=start, expression=exp.Literal.number(count), unit=unit.copy())

    return steps, before, ahead


def _cross_join(values: exp.Expr, table: str, column: str) -> exp.Join:
    alias = exp.TableAlias(this=_identifier(table), columns=[_identifier(column)])
    return exp.Join(this=exp.Unnest(expressions=[values], alias=alias), kind="CROSS")


def _identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _column(name: str, table: str) -> exp.Column:
    return exp.Column(this=_identifier(name), table=_identifier(table))


def _named(node: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=node, alias=_identifier(name))


def _whole_parts(part: exp.Expr) -> exp.Expr:
    """`x // y` of whole numbers: Athena rounds a quotient of decimals, so the remainder goes first. By 0 both fail."""
    x, y = (exp.Paren(this=one.unnest().copy()) for one in (part.this, part.expression))
    rest = exp.Paren(this=exp.Sub(this=x, expression=exp.Mod(this=x.copy(), expression=y)))
    return exp.Paren(this=exp.Div(this=rest, expression=y.copy(), typed=True, safe=False))


def _quotient(division: exp.Expr) -> exp.Expr:
    """`x / y` is a DOUBLE in DuckDB, whatever x and y are."""
    if division.args.get("typed"):
        return division
    x = exp.cast(division.this.unnest().copy(), "DOUBLE")
    return exp.Div(this=x, expression=division.expression.copy(), typed=True, safe=False)


def _type(cast: exp.Expr) -> exp.Expr:
    to = cast.args["to"]
    if to.is_type(exp.DataType.Type.INT128):
        cast.set("to", exp.DataType.build("DECIMAL(38, 0)"))
    elif to.is_type(
        exp.DataType.Type.UINT128, exp.DataType.Type.UBIGINT, exp.DataType.Type.UINT, exp.DataType.Type.FLOAT
    ):
        raise NotTranslatable(f"a cast to {to.sql('duckdb')}")
    return cast


def _number(told: exp.Expr) -> exp.Expr:
    """A whole number past 64 bits is no literal in Athena."""
    if not isinstance(told, exp.Literal) or told.is_string or not told.is_int or int(told.name) < 2**63:
        return told
    return exp.cast(exp.Literal.string(told.name), "DECIMAL(38, 0)")


def _function(call: exp.Expr) -> exp.Expr:
    name, arguments = call.name.lower(), call.expressions
    if name == "epoch_us" and len(arguments) == 1:
        epoch = exp.cast(exp.Literal.string(EPOCH), "TIMESTAMP")
        since = exp.DateDiff(this=arguments[0].copy(), expression=epoch, unit=exp.var("MILLISECOND"))
        return exp.Paren(this=exp.Mul(this=since, expression=exp.Literal.number(1000)))
    raise NotTranslatable(f"the function {name}")


def _sum(addition: exp.Expr) -> exp.Expr:
    """`time + to_microseconds(n)`, rounded up to the millisecond, Athena's least."""
    span = addition.expression
    if not (isinstance(span, exp.Anonymous) and span.name.lower() == "to_microseconds"):
        return addition
    up = exp.Add(this=span.expressions[0].copy(), expression=exp.Literal.number(999))
    milliseconds = _whole_parts(exp.IntDiv(this=exp.Paren(this=up), expression=exp.Literal.number(1000)))
    return exp.DateAdd(this=addition.this.copy(), expression=milliseconds, unit=exp.var("MILLISECOND"))


def _wide(total: exp.Expr) -> exp.Expr:
    """A sum of whole numbers is a HUGEINT in DuckDB: times a decimal 1, a decimal(38,0) in Athena; others stay."""
    return exp.Sum(this=exp.Mul(this=exp.Paren(this=total.this.unnest().copy()), expression=WIDE.copy()))


def _extreme(call: exp.Expr) -> exp.Expr:
    """DuckDB's `least` and `greatest` pass over NULLs, Athena's are NULL where an argument is."""
    if not call.args.get("ignore_nulls"):
        return call
    made = type(call)
    arguments = [call.this, *call.expressions]
    sure = [one for one in arguments if _never_null(one)]
    unsure = [one for one in arguments if not _never_null(one)]
    if len(unsure) > _MOST_UNSURE:
        raise NotTranslatable(f"`{call.sql('duckdb')[:120]}` of {len(unsure)} values that may be NULL; nest the calls")

    def of(some: tuple[exp.Expr, ...]) -> exp.Expr:
        first, *others = (one.copy() for one in (*some, *sure))
        return made(this=first, expressions=others) if others else first

    # the first of these that is not NULL is made of all arguments that aren't
    tries = [of(some) for size in range(len(unsure), -1, -1) for some in combinations(unsure, size) if some or sure]
    return exp.Coalesce(this=tries[0], expressions=tries[1:]) if len(tries) > 1 else tries[0]


def _never_null(node: exp.Expr) -> bool:
    if isinstance(node, exp.Coalesce):
        return any(_never_null(one) for one in (node.this, *node.expressions))
    if isinstance(node, exp.Cast):
        return _never_null(node.this)
    return isinstance(node, (exp.Literal, exp.Boolean, exp.Count))


def _quantile(call: exp.Expr) -> exp.Expr:
    """The exact quantile, between the two nearest values; Athena itself has only an estimate."""
    x, share = call.this, call.expression
    known: exp.Expr = exp.Not(this=exp.Is(this=x.copy(), expression=exp.Null()))
    if isinstance(call.parent, exp.Filter):
        known = exp.and_(call.parent.expression.this.copy(), known, copy=False)
    ordered = exp.Order(this=x.copy(), expressions=[exp.Ordered(this=x.copy(), desc=False, nulls_first=False)])
    values = exp.Filter(this=exp.ArrayAgg(this=ordered), expression=exp.Where(this=known))
    last = exp.Paren(this=exp.Sub(this=exp.ArraySize(this=values), expression=exp.Literal.number(1)))
    place = exp.Mul(this=exp.cast(share.copy(), "DOUBLE"), expression=last)
    below = exp.cast(exp.Floor(this=place), "BIGINT")

    def at(index: exp.Expr) -> exp.Expr:
        return exp.cast(exp.Bracket(this=values.copy(), expressions=[index], offset=1, safe=True), "DOUBLE")

    low = at(exp.Add(this=below.copy(), expression=exp.Literal.number(1)))
    above = exp.Add(this=below.copy(), expression=exp.Literal.number(2))
    high = at(exp.Least(this=above, expressions=[exp.ArraySize(this=values.copy())]))
    part = exp.Paren(this=exp.Sub(this=place.copy(), expression=below.copy()))
    rest = exp.Mul(this=part, expression=exp.Paren(this=exp.Sub(this=high, expression=low.copy())))
    return exp.Paren(this=exp.Add(this=low, expression=rest))


def _quantiles(asked: exp.Expr) -> None:
    for call in list(asked.find_all(exp.PercentileCont)):
        whole = call.parent if isinstance(call.parent, exp.Filter) else call
        whole.replace(_quantile(call))


_CHANGES: Final[dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.Literal: _number,
    exp.Add: _sum,  # before its function is looked at
    exp.IntDiv: _whole_parts,
    exp.Div: _quotient,
    exp.Cast: _type,
    exp.Anonymous: _function,
    exp.Sum: _wide,
    exp.Greatest: _extreme,
    exp.Least: _extreme,
    exp.IgnoreNulls: lambda node: node.this.copy() if isinstance(node.this, exp.AnyValue) else node,
}
