-- Dollars that bought nothing. A failed attempt is wasted whole; of a successful and measured one, the part of its price (9 : 1 for
-- a vCPU against a GiB) that bought memory above its peak or CPU time it didn't use.
WITH costed AS (
  SELECT * FROM attempt_sums WHERE day >= $since AND day < $until
),
reasons AS (
  SELECT
    CASE outcome
      WHEN 'application-error' THEN 'application error'
      WHEN 'out-of-memory' THEN 'out of memory'
      WHEN 'timed-out' THEN 'timed out'
      WHEN 'not-started' THEN 'not started'
      ELSE outcome
    END AS reason,
    sum(cost_nano) AS cost_nano
  FROM costed
  WHERE outcome <> 'succeeded'
  GROUP BY ALL
  UNION ALL
  SELECT 'unused memory', sum(unused_memory_nano) FROM costed
  UNION ALL
  SELECT 'unused cpu', sum(unused_cpu_nano) FROM costed
  UNION ALL
  SELECT 'idle', sum(cost_nano) FROM other_costs WHERE category = 'idle' AND day >= $since AND day < $until
)
SELECT reason, CAST(round(sum(cost_nano)) AS BIGINT) AS cost_nano
FROM reasons
GROUP BY reason
HAVING round(sum(cost_nano)) <> 0
ORDER BY cost_nano DESC, reason
