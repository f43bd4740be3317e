"""The model's tables and figures as Arrow: types for Parquet files, and money beside its nano-dollars as a decimal."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from reports.model.tables import Table

MONEY: Final = pa.decimal128(38, 9)
_NANO: Final = "_nano"
_ONE_NANO: Final = pa.scalar(Decimal("1E-9"), pa.decimal128(10, 9))
_TYPES: Final[Mapping[str, pa.DataType]] = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("ms"),
    "DECIMAL(38,12)": pa.decimal128(38, 12),
}


def schema_of(table: Table) -> pa.Schema:
    """A table's columns; times to the millisecond, as Athena reads them."""
    return pa.schema([pa.field(one.name, _TYPES[one.type], nullable=one.nullable) for one in table.columns])


def with_amounts(table: pa.Table) -> pa.Table:
    """`table` with `cost` (decimal(38,9) of the currency) behind each `cost_nano`: the same money, exactly."""
    made = table
    for name in table.column_names:
        if name.endswith(_NANO):
            exact = pc.multiply(
                table[name].cast(pa.decimal128(19, 0)), pa.scalar(Decimal("1E-9"), pa.decimal128(10, 9))
            )
            place = made.column_names.index(name) + 1
            made = made.add_column(place, name.removesuffix(_NANO), exact.cast(MONEY))
    return made
