-- The first day on which a compacted attempt may lie that staged rows speak of: an attempt ends after its job was made. None where a
-- line of the probe doesn't say when it began.
SELECT
  least(
    (SELECT CAST(min(submitted_at) AS DATE) FROM ledger_attempts),
    (SELECT min(TRY_CAST(left(started_at, 10) AS DATE)) FROM ledger_usage),
    (SELECT CAST(min(begun_at) AS DATE) FROM ledger_tasks)
  ) AS first_day,
  (SELECT count(*) FROM ledger_usage WHERE TRY_CAST(left(started_at, 10) AS DATE) IS NULL) AS without_a_day
