"""The only part of the report that does input and output: the ledger, the bill, AWS Batch itself."""
