"""Types of columns, in Arrow's words and in Spark's."""

import pyarrow as pa

NAMES = {
    pa.bool_(): "boolean",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.timestamp("us"): "timestamp_ntz",
}


def spark_schema(schema: pa.Schema) -> str:
    """Return a schema in Spark's words."""
    return ", ".join(f"{field.name} {name_of(field.type)}" for field in schema)


def name_of(kind: pa.DataType) -> str:
    """Return the name of a type in Spark's SQL."""
    return f"array<{name_of(kind.value_type)}>" if pa.types.is_list(kind) else NAMES[kind]
