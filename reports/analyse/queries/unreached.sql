-- Attempts that the bill or the probe doesn't reach.
SELECT
  count(*) FILTER (WHERE rowid NOT IN (SELECT attempt FROM attempt_costs)) AS unpriced,
  count(*) FILTER (WHERE peak_memory_mib IS NULL) AS unmeasured, count(*) AS attempts
FROM attempts
WHERE day >= $since AND day < $until
