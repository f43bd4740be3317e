"""The Redshift Data API of the lane: it keeps what it is asked to run, and runs nothing. No Redshift is emulated.

moto has ExecuteStatement and DescribeStatement; what pipes call, and how people look for it, are added.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from moto.redshiftdata.models import Statement
from moto.redshiftdata.responses import RedshiftDataAPIServiceResponse

from local.emulator.context import EmulatorContext
from local.emulator.substitute import Substitutions


class RecordedStatements:
    def __init__(self) -> None:
        self._substitutions = Substitutions()
        for operation in (batch_execute_statement, list_statements):
            self._substitutions.attribute(RedshiftDataAPIServiceResponse, operation.__name__, operation)

    def close(self) -> None:
        self._substitutions.undo()


def install(context: EmulatorContext) -> RecordedStatements:
    """Lets moto keep statements of BatchExecuteStatement and list them; `close()` takes it out again."""
    del context
    return RecordedStatements()


class KeptStatement(Statement):
    """What BatchExecuteStatement was asked; it stays SUBMITTED."""

    def __init__(self, sqls: Sequence[str], *, name: str, workgroup: str, **asked: Any) -> None:
        super().__init__(query_parameters=[], query_string="", **asked)
        self.status = "SUBMITTED"
        self.name = name
        self.workgroup = workgroup
        self.sqls = tuple(sqls)
        parts = [
            {"Id": f"{self.id}:{number}", "QueryString": sql, "Status": self.status}
            for number, sql in enumerate(sqls, start=1)
        ]
        self.sub_statements = list[Any](parts)  # moto calls them texts, AWS objects


def batch_execute_statement(self: Any) -> tuple[int, dict[str, str], str]:
    """BatchExecuteStatement: one statement with its parts."""
    statement = KeptStatement(
        self._get_param("Sqls") or [],
        name=self._get_param("StatementName") or "",
        workgroup=self._get_param("WorkgroupName") or "",
        cluster_identifier=self._get_param("ClusterIdentifier"),
        database=self._get_param("Database"),
        db_user=self._get_param("DbUser"),
        secret_arn=self._get_param("SecretArn"),
    )
    self.redshiftdata_backend.statements[statement.id] = statement
    answer = {"Id": statement.id, "Database": statement.database, "DbUser": statement.db_user}
    return 200, {}, json.dumps({key: value for key, value in answer.items() if value})


def list_statements(self: Any) -> tuple[int, dict[str, str], str]:
    """ListStatements: of BatchExecuteStatement, newest first; all, or those whose name begins with StatementName."""
    prefix = self._get_param("StatementName") or ""
    found = [
        {
            "Id": one.id,
            "IsBatchStatement": True,
            "QueryStrings": list(one.sqls),
            "StatementName": one.name,
            "Status": one.status,
        }
        for one in reversed(list(self.redshiftdata_backend.statements.values()))
        if isinstance(one, KeptStatement) and one.name.startswith(prefix)
    ]
    return 200, {}, json.dumps({"Statements": found})
