-- The pieces summed by everything a breakdown or a job's history can ask for: some thousand rows of millions. Of a successful and
-- measured attempt, the part of its price (9 : 1 for a vCPU against a GiB) that bought memory above its peak or CPU time it didn't use
-- is unused. `attempts` counts those that stopped in a piece the bill reaches, which is mostly one of the day they `ended_on`.
CREATE TEMP TABLE attempt_sums AS
WITH measured AS (
  SELECT
    *, 9.0 * vcpus / (9.0 * vcpus + memory_mib / 1024.0) AS vcpu_share, 1 - least(1.0, peak_memory_mib / memory_mib) AS memory_unused,
    1 - least(1.0, cpu_s / nullif(vcpus * greatest(epoch_us(stopped_at) - epoch_us(started_at), 0) / 1e6, 0)) AS cpu_unused
  FROM attempt_pieces
),
sums AS (
  SELECT
    day, CASE WHEN stop_piece THEN ended_on ELSE day END AS ended_on, job, owner, queue, stage, platform, alike, environment, purchase,
    image, outcome, vcpus, memory_mib, array_index IS NOT NULL AS of_array, CAST(sum(cost_nano) AS BIGINT) AS cost_nano,
    count(*) FILTER (WHERE stop_piece) AS attempts,
    sum(cost_nano * (1 - vcpu_share) * memory_unused) FILTER (WHERE outcome = 'succeeded') AS unused_memory_nano,
    sum(cost_nano * vcpu_share * cpu_unused) FILTER (WHERE outcome = 'succeeded') AS unused_cpu_nano
  FROM measured
  GROUP BY ALL
)
SELECT
  s.day, s.ended_on, s.job, s.owner, s.queue, coalesce(h.environment, s.environment) AS environment, s.stage, s.platform, s.image,
  s.outcome, s.vcpus, s.memory_mib, coalesce(h.instance_type, '') AS instance_type,
  coalesce(h.purchase, s.purchase, 'on-demand') AS purchase, s.of_array, s.cost_nano, s.attempts, s.unused_memory_nano, s.unused_cpu_nano
FROM sums AS s
LEFT JOIN hosts AS h ON h.host = s.alike
