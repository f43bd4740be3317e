-- Attempts: on every vCPU of an instance one after another, and on Fargate.
CREATE TABLE made AS
WITH numbered AS (
  SELECT n, n // 96 AS i, (n % 96) // 24 AS slot, n % 24 AS k FROM range({on_ec2}) AS r(n)
),
placed AS (
  SELECT
    n, l.instance_id, l.purchase, l.started_at + to_seconds(k * 1200) + to_milliseconds((hash(n, 2) % 200000)::BIGINT) AS began_at,
    to_milliseconds((100000 + hash(n, 3) % 900000)::BIGINT) AS lasted
  FROM numbered JOIN lives AS l USING (i)
  UNION ALL
  SELECT
    {on_ec2} + n, NULL, 'on-demand', TIMESTAMP '2026-11-01' + to_milliseconds((hash(n, 4) % {span_ms})::BIGINT),
    to_milliseconds((100000 + hash(n, 5) % 900000)::BIGINT)
  FROM range({on_fargate}) AS r(n)
),
drawn AS (SELECT *, (hash(n, 6) % 24)::INTEGER AS j, hash(n, 7) % 100 AS luck FROM placed)
SELECT
  n, md5(n::VARCHAR)::UUID::VARCHAR AS job_id, 'job-' || j AS job, CASE WHEN j % 2 = 0 THEN 'media' ELSE 'data' END AS owner,
  CASE WHEN instance_id IS NULL THEN 'serverless' ELSE 'standard' END AS queue,
  CASE WHEN instance_id IS NULL THEN 'fargate' ELSE purchase END AS environment,
  CASE WHEN instance_id IS NULL THEN 'fargate' ELSE 'ec2' END AS platform, purchase, instance_id,
  '123456789012.dkr.ecr.us-east-1.amazonaws.com/batchyard/prod/job-' || j || '@sha256:' || repeat('0', 64) AS image, 1.0::DOUBLE AS vcpus,
  (2048 * (1 + j % 3))::BIGINT AS memory_mib, began_at - INTERVAL 45 SECOND AS submitted_at, began_at AS started_at,
  began_at + lasted AS stopped_at,
  CASE WHEN luck < 95 THEN 'succeeded' WHEN luck < 98 THEN 'application-error' ELSE 'out-of-memory' END AS outcome,
  CASE WHEN luck < 95 THEN 0 WHEN luck < 98 THEN 1 ELSE 137 END AS exit_code,
  round(2048 * (1 + j % 3) * (0.3 + (hash(n, 8) % 500) / 1000.0), 3)::DOUBLE AS peak_memory_mib,
  round(epoch_ms(lasted) / 1000.0 * 0.7, 3)::DOUBLE AS cpu_s,
  CASE WHEN j % 2 = 0 THEN (hash(n, 9) % 1000)::BIGINT END AS items
FROM drawn
