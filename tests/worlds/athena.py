"""Stands in for Athena: runs what it is told in DuckDB, over objects in S3, and answers in botocore's shapes."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import duckdb
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from sqlglot import exp, parse_one

_TYPES: Final = {
    "VARCHAR": "varchar",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "decimal",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}


_HIVE: Final = {"string": "VARCHAR"}


def like_athena(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Teach DuckDB what `in_duckdb` calls: a quotient of decimals is rounded half up, one of integers is cut."""
    rounded = "a // b + CASE WHEN 2 * abs(a % b) >= abs(b) THEN sign(a) * sign(b) ELSE 0 END"
    connection.execute(
        "CREATE MACRO athena_quotient(a, b) AS "
        f"CASE WHEN 'HUGEINT' IN (typeof(a), typeof(b)) THEN {rounded} ELSE a // b END"
    )
    return connection


def in_duckdb(text: str) -> str:
    """A query in Athena's dialect as DuckDB runs it, after `like_athena`."""

    def back(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Div) and not _is_double(node.this) and not _is_double(node.expression):
            return exp.Anonymous(this="athena_quotient", expressions=[node.this, node.expression])
        if isinstance(node, (exp.Greatest, exp.Least)):
            # Athena's are NULL where an argument is
            arguments = [node.this, *node.expressions]
            known = exp.and_(*(exp.Not(this=exp.Is(this=one.copy(), expression=exp.Null())) for one in arguments))
            return exp.Case(ifs=[exp.If(this=known, true=exp.Anonymous(this=node.key, expressions=arguments))])
        if isinstance(node, exp.Bracket):
            return exp.Anonymous(this="list_extract", expressions=[node.this, _plus_one(node)])
        if isinstance(node, exp.DataType) and node.is_type(exp.DataType.Type.DECIMAL):
            sizes = [int(one.name) for one in node.expressions]
            return exp.DataType.build("HUGEINT" if sizes[-1] == 0 else node.sql("duckdb"), dialect="duckdb")
        return node

    tree = parse_one(text, dialect="athena")
    for node in reversed(list(tree.walk(bfs=True))):
        if node is not tree:
            node.replace(back(node))
    return tree.sql(dialect="duckdb")


def _plus_one(bracket: exp.Expr) -> exp.Expr:
    index = bracket.expressions[0]
    return index if bracket.args.get("offset") == 1 else exp.Add(this=index, expression=exp.Literal.number(1))


def _is_double(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast):
        return bool(node.to.is_type(exp.DataType.Type.DOUBLE))
    return isinstance(node, exp.Literal) and not node.is_int


class Athena:
    """boto3's `athena` client, as far as the report needs it. Glue and S3 are moto's, under the same names."""

    def __init__(self, s3: Any, glue: Any) -> None:
        self._s3 = s3
        self._glue = glue
        self._outside: dict[tuple[str, str], tuple[str, str, dict[str, str]]] = {}
        self._connection = like_athena(duckdb.connect())
        self._workgroups: dict[str, dict[str, Any]] = {}
        self._queries: dict[str, tuple[str, Any]] = {}
        self.statements: list[str] = []
        self.page_rows = 1000
        self.bytes_a_query = 1_234_567
        self._client = boto3.client(
            "athena", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )

    def get_work_group(self, **request: Any) -> Any:
        name = request["WorkGroup"]
        if name not in self._workgroups:
            message = f"WorkGroup {name} is not found."
            raise ClientError({"Error": {"Code": "InvalidRequestException", "Message": message}}, "GetWorkGroup")
        answer = {"WorkGroup": {"Name": name, "Configuration": self._workgroups[name]}}
        return self._checked("get_work_group", request, answer)

    def create_work_group(self, **request: Any) -> Any:
        self._workgroups[request["Name"]] = dict(request["Configuration"])
        return self._checked("create_work_group", request, {})

    def update_work_group(self, **request: Any) -> Any:
        self._workgroups[request["WorkGroup"]] |= request["ConfigurationUpdates"]
        return self._checked("update_work_group", request, {})

    def start_query_execution(self, **request: Any) -> Any:
        query_id = str(uuid.uuid4())
        text = request["QueryString"]
        self.statements.append(text)
        try:
            self._queries[query_id] = ("SUCCEEDED", self._run(text))
        except (duckdb.Error, ClientError) as problem:
            self._queries[query_id] = ("FAILED", str(problem))
        return self._checked("start_query_execution", request, {"QueryExecutionId": query_id})

    def get_query_execution(self, **request: Any) -> Any:
        state, told = self._queries[request["QueryExecutionId"]]
        status = {"State": state, **({"StateChangeReason": told} if state == "FAILED" else {})}
        answer = {
            "QueryExecution": {
                "QueryExecutionId": request["QueryExecutionId"],
                "Status": status,
                "Statistics": {"DataScannedInBytes": self.bytes_a_query},
            }
        }
        return self._checked("get_query_execution", request, answer)

    def get_query_results(self, **request: Any) -> Any:
        names, types, rows = self._queries[request["QueryExecutionId"]][1]
        lines = [list(names), *([_text(one) for one in row] for row in rows)]
        first = int(request.get("NextToken", 0))
        some = lines[first : first + self.page_rows]
        columns = [{"Name": name, "Type": kind} for name, kind in zip(names, types, strict=True)]
        answer: dict[str, Any] = {
            "ResultSet": {
                "Rows": [{"Data": [{} if one is None else {"VarCharValue": one} for one in line]} for line in some],
                "ResultSetMetadata": {"ColumnInfo": columns},
            }
        }
        if first + self.page_rows < len(lines):
            answer["NextToken"] = str(first + self.page_rows)
        return self._checked("get_query_results", request, answer)

    def _run(self, text: str) -> Any:
        external = re.match(r"CREATE EXTERNAL TABLE IF NOT EXISTS `(\w+)`\.`(\w+)`", text)
        if external:
            return self._external(external[1], external[2], text)
        if database := re.match(r"CREATE DATABASE IF NOT EXISTS `(\w+)`", text):
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database[1]}")
            if database[1] not in {one["Name"] for one in self._glue.get_databases()["DatabaseList"]}:
                self._glue.create_database(DatabaseInput={"Name": database[1]})
            return None
        if gone := re.match(r"DROP TABLE IF EXISTS `(\w+)`\.`(\w+)`", text):
            if gone[2] in self._tables(gone[1]):
                self._glue.delete_table(DatabaseName=gone[1], Name=gone[2])
            self._outside.pop((gone[1], gone[2]), None)
            return None
        self._look_outside(text)
        made = re.match(
            r'(CREATE TABLE|CREATE VIEW|INSERT INTO) "(\w+)"\."(\w+)"\s+(?:WITH \([^)]*\) )?(?:AS\s)?', text
        )
        if made:
            body = in_duckdb(text[made.end() :])
            middle = " " if made[1] == "INSERT INTO" else " AS "
            self._connection.execute(f"{made[1]} {made[2]}.{made[3]}{middle}{body}")
            if where := re.search(r"external_location = 's3://([^/]+)/([^']+)'", text):
                self._store(f"{made[2]}.{made[3]}", where[1], where[2])
            if made[1] != "INSERT INTO":
                self._glue.create_table(DatabaseName=made[2], TableInput={"Name": made[3], "Parameters": {}})
            return None
        cursor = self._connection.execute(in_duckdb(text))
        described = cursor.description or []
        types = [_TYPES.get(str(one[1]), "decimal") for one in described]
        return [one[0] for one in described], types, cursor.fetchall()

    def _store(self, table: str, bucket: str, prefix: str) -> None:
        with tempfile.TemporaryDirectory(prefix="batchyard-athena-world-") as folder:
            file = Path(folder) / "part"
            self._connection.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
            self._s3.put_object(Bucket=bucket, Key=f"{prefix}20261116_{uuid.uuid4()}", Body=file.read_bytes())

    def _external(self, database: str, name: str, text: str) -> None:
        if name in self._tables(database):
            return
        location = re.search(r"LOCATION 's3://([^/]+)/([^']+)'", text)
        assert location is not None
        columns = dict(re.findall(r"^  `(\w+)` (\S+) COMMENT", text, re.MULTILINE))
        columns |= dict(re.findall(r"PARTITIONED BY \(`(\w+)` (\w+)\)", text))
        self._outside[database, name] = (location[1], location[2], columns)
        properties = dict(re.findall(r"'([\w.]+)' = '([^']*)'", text.partition("TBLPROPERTIES")[2]))
        self._glue.create_table(DatabaseName=database, TableInput={"Name": name, "Parameters": properties})

    def _look_outside(self, text: str) -> None:
        """Read the objects of the external tables that `text` names, as they are now."""
        for (database, name), (bucket, prefix, columns) in self._outside.items():
            if f'"{database}"."{name}"' not in text:
                continue
            with tempfile.TemporaryDirectory(prefix="batchyard-athena-world-") as folder:
                found = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
                for number, item in enumerate(found):
                    body = self._s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                    (Path(folder) / f"{number}.parquet").write_bytes(body)
                types = ", ".join(f"{column} {_HIVE.get(kind, kind)}" for column, kind in columns.items())
                self._connection.execute(f"CREATE OR REPLACE TABLE {database}.{name} ({types})")
                if found:
                    files = f"read_parquet('{folder}/*.parquet')"
                    self._connection.execute(f"INSERT INTO {database}.{name} BY NAME SELECT * FROM {files}")

    def _tables(self, database: str) -> set[str]:
        return {one["Name"] for one in self._glue.get_tables(DatabaseName=database)["TableList"]}

    def _checked(self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
        with Stubber(self._client) as stub:
            stub.add_response(operation, dict(answer), dict(request))
            return getattr(self._client, operation)(**request)


def _text(told: object) -> str | None:
    if told is None:
        return None
    return str(told).lower() if isinstance(told, bool) else str(told)
