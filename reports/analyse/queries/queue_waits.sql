-- How long first attempts waited in each queue, from submission to the container's start.
SELECT
  queue, count(*) AS attempts, quantile_cont(epoch_us(started_at) - epoch_us(submitted_at), 0.5) / 1e6 AS wait_p50_s,
  quantile_cont(epoch_us(started_at) - epoch_us(submitted_at), 0.95) / 1e6 AS wait_p95_s
FROM attempts
WHERE day >= $since AND day < $until AND attempt = 1 AND started_at >= submitted_at
GROUP BY queue
ORDER BY queue
