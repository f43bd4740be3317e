"""The `batchyard` command. Commands parse, ask `local`, `reports` and `jobs`, and show what those say."""
