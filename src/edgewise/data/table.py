"""Tables: CSV and Parquet files, read by PyArrow, and their columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.extras import require
from edgewise.names import nearest


class Table:
    """Columns by name, out of `file`, as errors call it. Rows are counted from 0, without the header."""

    def __init__(self, file: Path | str, table: Any) -> None:
        self.file = file
        self._table = table

    @classmethod
    def read(cls, file: Path, delimiter: str = ",", *, names: Sequence[str] = (), quoted: bool = True) -> "Table":
        """The table in a CSV or Parquet file. `names`: of columns without a header; `quoted`: whether " quotes."""
        return cls(
            file, _read_parquet(file) if file.suffix == ".parquet" else _read_csv(file, delimiter, names, quoted)
        )

    @classmethod
    def joined(cls, tables: Sequence["Table"]) -> "Table":
        """The rows of tables with the same columns, one table after another."""
        if len(tables) == 1:
            return tables[0]
        arrow = require("pyarrow", extra="graph")
        first, files = tables[0], ", ".join(str(table.file) for table in tables)
        for table in tables[1:]:
            if table.names != first.names:
                raise ValueError(
                    f"{table.file}: expected the columns of {first.file}, {', '.join(first.names)}, got"
                    f" {', '.join(table.names)}"
                )
        try:
            return cls(files, arrow.concat_tables([table._table for table in tables], promote_options="permissive"))
        except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
            raise ValueError(f"{files}: their columns are to hold values of one kind: {error}") from error

    @classmethod
    def of(cls, name: str, columns: Mapping[str, Sequence[object]]) -> "Table":
        """A table of Python values; None is an empty cell."""
        arrow = require("pyarrow", extra="graph")
        made = {}
        for column, values in columns.items():
            try:
                made[column] = arrow.array(values)
            except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
                raise ValueError(f"{name}: {column!r} is to hold values of one kind: {error}") from error
        return cls(name, arrow.table(made))

    def write(self, file: Path) -> None:
        """Into a file that ends in .parquet or .csv."""
        check_ending(file)
        if file.suffix == ".parquet":
            require("pyarrow.parquet", extra="graph").write_table(self._table, file)
        else:
            require("pyarrow.csv", extra="graph").write_csv(self._table, file)

    @property
    def short_name(self) -> str:
        return Path(self.file).name

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @property
    def names(self) -> list[str]:
        return list(self._table.column_names)

    def column(self, name: str) -> Any:
        """The column as one PyArrow array."""
        if name not in self.names:
            raise ValueError(f"{self.file}: there is no column {name!r}. {nearest(name, self.names)}")
        column = self._table.column(name).combine_chunks()
        return column.dictionary_decode() if _types().is_dictionary(column.type) else column

    def numbers(self, name: str) -> Any:
        """The column as an array of float64; NaN where it is empty. True is 1, false 0."""
        column, types = self.column(name), _types()
        if types.is_boolean(column.type) or types.is_null(column.type) or types.is_decimal(column.type):
            column = column.cast("float64")
        if not (types.is_integer(column.type) or types.is_floating(column.type)):
            row, value = next((k, v) for k, v in enumerate(column.to_pylist()) if not _is_number(v))
            raise ValueError(f"{self.file}: column {name!r} is to hold numbers, got {value!r} at row {row}")
        return np.array(column.cast("float64", safe=False).to_numpy(zero_copy_only=False))

    def is_numeric(self, name: str) -> bool:
        """Whether the column holds numbers, or true and false."""
        types, kind = _types(), self.column(name).type
        return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))

    def texts(self, name: str) -> list[str | None]:
        """The column as strings; None where it is empty."""
        return [None if value is None else str(value) for value in self.column(name).to_pylist()]


def check_ending(file: Path) -> None:
    """Refuse a file whose ending does not say how a table is written."""
    if file.suffix not in (".parquet", ".csv"):
        raise ValueError(f"{file}: expected a file that ends in .parquet or .csv, to know how it is written")


def _read_csv(file: Path, delimiter: str, names: Sequence[str], quoted: bool) -> Any:
    csv, arrow = require("pyarrow.csv", extra="graph"), require("pyarrow", extra="graph")
    try:
        table = csv.read_csv(
            file,
            read_options=csv.ReadOptions(column_names=list(names) or None),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
            ),
            # Only what is empty is missing: "NA" may be a country.
            convert_options=csv.ConvertOptions(
                null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
    except (arrow.ArrowInvalid, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: cannot be read as CSV with the delimiter {delimiter!r}: {error}") from error
    header = table.column_names[0]
    other = next((mark for mark in ";\t|," if mark != delimiter and mark in header), None)
    if table.num_columns == 1 and other:
        raise ValueError(
            f"{file}: with the delimiter {delimiter!r} it has one column, {header!r}; delimiter = {other!r} parts it"
        )
    return table


def _read_parquet(file: Path) -> Any:
    parquet, arrow = require("pyarrow.parquet", extra="graph"), require("pyarrow", extra="graph")
    try:
        return parquet.read_table(file)
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{file}: cannot be read as Parquet: {error}") from error


def _types() -> Any:
    return require("pyarrow.types", extra="graph")


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return value is None
    return True
