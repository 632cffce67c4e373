"""The engine on a cluster: SQL and blocks of users on Spark, through Spark Connect, and a DuckDB file for the results.

What reads all ratings, favourites or interactions runs on Spark and is kept as Parquet in a folder that driver and
workers see. The driver's rows and what only a published file has are DuckDB's. Either reads the other's tables:
`SparkEngine.connect` brings those of Spark into the DuckDB file, statements on Spark take what they need from there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow.fs import FileSelector
from pyspark.sql import DataFrame, SparkSession

from tasks.blocks import Frame, Interactions, Sums, slice_users
from tasks.engine import BLOCK_USERS, BlockFunction, FileFunction, UserFilter, worker
from tasks.engine.arrow import frame_of, interactions_of, table_of
from tasks.engine.dialect import Parsed, parse, tables_of, translate
from tasks.engine.duckdb import DuckDBEngine, run, write
from tasks.engine.shipping import locate, pack
from tasks.engine.types import spark_schema

ROOMS = ("files/", "model/", "spark/")  # of the statements that run on Spark
IN_DUCKDB = {
    "model/cluster_genres": "few rows, with a list to unnest",
    "model/clusters": "few rows, with lists in an order, which Spark does not keep",
    "model/scoring": "one row",
}


class SparkEngine:
    """Tables on a cluster; see `tasks.engine.Engine`.

    Parameters
    ----------
    session : of Spark Connect.
    folder : path or URL of an empty folder that driver and workers read and write.
    build : the DuckDB file that is going to be published.
    """

    def __init__(self, session: SparkSession, folder: str, build: DuckDBEngine) -> None:
        self.session = session
        self.folder = folder
        self.build = build
        self.frames: dict[str, DataFrame] = {}  # tables and views that Spark knows
        self.waiting: list[Callable[[duckdb.DuckDBPyConnection], Any]] = []  # what the DuckDB file lacks

    @property
    def database(self) -> Path:
        """The DuckDB file that is going to be published."""
        return self.build.database

    @property
    def memory_limit(self) -> str | None:
        """DuckDB's memory limit."""
        return self.build.memory_limit

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the DuckDB file, with all tables that were made so far."""
        with self.build.connect() as connection:
            while self.waiting:
                self.waiting[0](connection)
                self.waiting.pop(0)
            yield connection

    def run(self, *names: str, **parameters: Any) -> None:
        """Run statements one after the other."""
        for name in names:
            if not name.startswith(ROOMS) or name in IN_DUCKDB:
                with self.connect() as connection:
                    run(connection, name, **parameters)
            else:
                self.run_on_spark(name, parameters)

    def run_on_spark(self, name: str, parameters: dict[str, Any]) -> None:
        """Run a statement on Spark; views and empty tables are made in the DuckDB file, too."""
        parsed = parse(name)
        if parsed.kind == "table":
            self.save(parsed, self.select(parsed, **parameters))
        elif parsed.kind == "drop":
            del self.frames[parsed.target]
        else:
            self.waiting.append(partial(run, name=name, **parameters))
        if parsed.kind == "view":
            self.show(parsed.target, self.select(parsed, **parameters))

    def arrays(self, name: str, **parameters: Any) -> dict[str, NDArray]:
        """Return the columns of a result that fits into memory."""
        return frame_of(self.select(parse(name), **parameters).toArrow())

    def write(self, rows: str, frame: Frame, *names: str, **parameters: Any) -> None:
        """Run statements that read ``frame`` as the table ``rows``, in the DuckDB file."""
        with self.connect() as connection:
            write(connection, rows, frame, *names, **parameters)

    def store_blocks(self) -> None:
        """Read the view ``interactions`` once, and keep it as rows of whole users."""
        self.keep("users", self.select(parse("spark/users")))

    def blocks(self, is_kept: UserFilter | None = None) -> Iterator[Interactions]:
        """Yield the users who have favourites, in ascending order; those whom workers keep are held in memory."""
        table = "users"
        if is_kept:
            function = partial(worker.keep_users, package=self.pack(is_kept))
            table = "kept_users"
            self.keep(table, self.frames["users"].mapInArrow(function, self.frames["users"].schema))
        found = interactions_of(self.read(table).to_table(), self.n_movies())
        for start in range(0, len(found.user_ids), BLOCK_USERS):
            yield slice_users(found, start, start + BLOCK_USERS)

    def map_blocks(self, function: BlockFunction, statements: Mapping[str, str]) -> list[int]:
        """Run statements, by the names of the rows that they read, on what workers make of each block.

        Each statement has the workers begin anew, as far as it needs them.
        """
        users, n_movies, n_rows = self.frames["users"], self.n_movies(), []
        one_user = interactions_of(users.limit(1).toArrow(), n_movies)
        schemas = [table_of(frame).schema for frame in function(one_user)]
        map_users = partial(worker.map_users, package=self.pack(function), n_movies=n_movies)
        for place, ((rows, name), schema) in enumerate(zip(statements.items(), schemas, strict=True)):
            mapped = partial(map_users, place=place, schema=schema)
            self.show(rows, users.mapInArrow(mapped, spark_schema(schema)))
            parsed = parse(name)
            self.save(parsed, self.select(parsed))
            n_rows.append(self.frames[parsed.target].count())
        return n_rows

    def sum_blocks(self, function: Callable[[Interactions], Sums]) -> dict[str, NDArray]:
        """Return the sums over all blocks of what workers make of each by ``function``.

        They come through the folder, as users do: a message of Spark Connect ends at 128 MB.
        """
        summed = partial(worker.sum_users, package=self.pack(function), n_movies=self.n_movies())
        chunks = self.frames["users"].mapInArrow(summed, worker.CHUNK).groupBy("name", "place")
        self.keep("sums", chunks.applyInArrow(worker.add_chunks, worker.CHUNK))
        return worker.arrays_of(self.read("sums").to_table())

    def map_files(self, function: FileFunction, n_files: int, table: str, schema: pa.Schema) -> None:
        """Build ``table`` with the columns of ``schema`` from what workers make of files 0, 1, ..., a task each."""
        mapped = partial(worker.map_numbers, package=self.pack(function))
        self.keep(table, self.session.range(0, n_files, 1, n_files).mapInArrow(mapped, spark_schema(schema)))

    def pack(self, function: Callable[..., Any]) -> bytes:
        """Return a function as workers want it."""
        return pack(function, f"{self.folder}/arrays")

    def n_movies(self) -> int:
        """Return the number of columns of the interactions."""
        return self.frame("movie_positions").count()

    def select(self, parsed: Parsed, **parameters: Any) -> DataFrame:
        """Return what a statement selects."""
        schema = {name: dict(self.frame(name).dtypes) for name in tables_of(parsed.query)}
        return self.session.sql(translate(parsed.query, schema, parameters))

    def frame(self, name: str) -> DataFrame:
        """Return a table or view, from the DuckDB file if Spark does not know it."""
        if name not in self.frames:
            with self.build.connect() as connection:
                rows = connection.table(name).to_arrow_table()
            self.put(name, rows)
            self.show(name, self.session.read.parquet(f"{self.folder}/{name}"))
        return self.frames[name]

    def save(self, parsed: Parsed, rows: DataFrame) -> None:
        """Write the rows of a table to the folder, and have them imported when the DuckDB file is opened next."""
        self.keep(parsed.target, rows)
        self.waiting.append(partial(self.bring, parsed))

    def keep(self, table: str, rows: DataFrame) -> None:
        """Write the rows of a table to the folder."""
        rows.write.mode("overwrite").parquet(f"{self.folder}/{table}")
        system, path = locate(f"{self.folder}/{table}")
        if not any(
            file.path.endswith(".parquet") for file in system.get_file_info(FileSelector(path, allow_not_found=True))
        ):
            self.put(table, rows.limit(0).toArrow())  # Sail writes no file where there are no rows
        self.show(table, self.session.read.parquet(f"{self.folder}/{table}"))

    def put(self, table: str, rows: pa.Table) -> None:
        """Write rows that the driver has to the folder."""
        system, path = locate(f"{self.folder}/{table}")
        system.create_dir(path, recursive=True)
        pq.write_table(rows, f"{path}/rows.parquet", filesystem=system)

    def show(self, name: str, rows: DataFrame) -> None:
        """Let statements read ``rows`` under a name."""
        rows.createOrReplaceTempView(name)
        self.frames[name] = self.session.table(name)

    def read(self, table: str) -> ds.Dataset:
        """Return the rows of a table in the folder."""
        system, path = locate(f"{self.folder}/{table}")
        return ds.dataset(path, filesystem=system, format="parquet")

    def bring(self, parsed: Parsed, connection: duckdb.DuckDBPyConnection) -> None:
        """Bring a table from the folder into the DuckDB file."""
        connection.register("brought", self.read(parsed.target))
        rows = connection.table("brought").order(parsed.order)
        if parsed.kind == "table":
            connection.execute(f"drop table if exists {parsed.target}")
            rows.create(parsed.target)
        else:
            rows.insert_into(parsed.target)
        connection.unregister("brought")
