"""The report's queries on Athena: translated from DuckDB's dialect, run over the compacted ledger in S3."""
