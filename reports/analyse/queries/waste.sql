-- Dollars that bought nothing. A failed attempt is wasted whole; of a successful and measured one, the part of its price (9 : 1 for
-- a vCPU against a GiB) that bought memory above its peak or CPU time it didn't use.
WITH costed AS (
  SELECT
    a.outcome, c.cost_nano, 9.0 * a.vcpus AS vcpu_weight, a.memory_mib / 1024.0 AS memory_weight,
    least(1.0, a.peak_memory_mib / a.memory_mib) AS memory_used,
    least(1.0, a.cpu_s / nullif(a.vcpus * (epoch_us(a.stopped_at) - epoch_us(a.started_at)) / 1e6, 0)) AS cpu_used
  FROM attempt_costs AS c
  JOIN attempts AS a ON a.rowid = c.attempt
  WHERE c.day >= $since AND c.day < $until
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
  WHERE outcome IN ('application-error', 'out-of-memory', 'timed-out', 'not-started', 'reclaimed')
  GROUP BY ALL
  UNION ALL
  SELECT 'unused memory', sum(cost_nano * memory_weight / (vcpu_weight + memory_weight) * (1 - memory_used))
  FROM costed
  WHERE outcome = 'succeeded' AND memory_used IS NOT NULL
  UNION ALL
  SELECT 'unused cpu', sum(cost_nano * vcpu_weight / (vcpu_weight + memory_weight) * (1 - cpu_used))
  FROM costed
  WHERE outcome = 'succeeded' AND cpu_used IS NOT NULL
  UNION ALL
  SELECT 'idle', sum(cost_nano) FROM other_costs WHERE category = 'idle' AND day >= $since AND day < $until
)
SELECT reason, CAST(round(sum(cost_nano)) AS BIGINT) AS cost_nano
FROM reasons
GROUP BY reason
HAVING round(sum(cost_nano)) <> 0
ORDER BY cost_nano DESC, reason
