-- What each job's runs asked for, used and waited. Only measured runs speak of memory and CPU, and times that two clocks tell in the
-- wrong order say nothing.
SELECT
  job, any_value(owner) AS owner, count(*) AS attempts, count(peak_memory_mib) AS measured,
  quantile_cont(epoch_us(started_at) - epoch_us(submitted_at), 0.5)
    FILTER (WHERE attempt = 1 AND submitted_at <= started_at) / 1e6 AS wait_p50_s,
  quantile_cont(epoch_us(started_at) - epoch_us(submitted_at), 0.95)
    FILTER (WHERE attempt = 1 AND submitted_at <= started_at) / 1e6 AS wait_p95_s,
  quantile_cont(epoch_us(stopped_at) - epoch_us(started_at), 0.5)
    FILTER (WHERE outcome = 'succeeded' AND started_at <= stopped_at) / 1e6 AS run_p50_s,
  quantile_cont(epoch_us(stopped_at) - epoch_us(started_at), 0.95)
    FILTER (WHERE outcome = 'succeeded' AND started_at <= stopped_at) / 1e6 AS run_p95_s,
  max(memory_mib) AS memory_asked_mib, max(peak_memory_mib) AS memory_peak_mib,
  sum(cpu_s) FILTER (WHERE started_at < stopped_at)
  / nullif(sum(vcpus * (epoch_us(stopped_at) - epoch_us(started_at)) / 1e6) FILTER (WHERE cpu_s IS NOT NULL AND started_at < stopped_at), 0)
    AS cpu_used_share
FROM attempts
WHERE day >= $since AND day < $until
GROUP BY job
ORDER BY job
