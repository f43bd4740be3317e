-- The pieces summed by everything a breakdown can ask for: some thousand rows of millions. Of a successful and measured attempt, the
-- part of its price (9 : 1 for a vCPU against a GiB) that bought memory above its peak or CPU time it didn't use is unused.
-- `attempts` counts those that began and ended on the day.
CREATE TEMP TABLE attempt_sums AS
WITH measured AS (
  SELECT
    p.*, r.attempt_id IS NOT NULL AS retried, 9.0 * vcpus / (9.0 * vcpus + memory_mib / 1024.0) AS vcpu_share,
    1 - least(1.0, peak_memory_mib / memory_mib) AS memory_unused,
    1 - least(1.0, cpu_s / nullif(vcpus * greatest(epoch_us(stopped_at) - epoch_us(started_at), 0) / 1e6, 0)) AS cpu_unused
  FROM attempt_pieces AS p
  LEFT JOIN retried_attempts AS r ON r.attempt_id = p.attempt_id
)
SELECT
  day, job, owner, queue, environment, stage, platform, outcome, instance_type, coalesce(purchase, 'on-demand') AS purchase, retried,
  array_index IS NOT NULL AS of_array, CAST(sum(cost_nano) AS BIGINT) AS cost_nano,
  count(*) FILTER (WHERE first_piece AND day = ended_on) AS attempts,
  sum(cost_nano * (1 - vcpu_share) * memory_unused) FILTER (WHERE outcome = 'succeeded') AS unused_memory_nano,
  sum(cost_nano * vcpu_share * cpu_unused) FILTER (WHERE outcome = 'succeeded') AS unused_cpu_nano
FROM measured
GROUP BY ALL
