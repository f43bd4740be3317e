-- What ran on days of the period that have no line of its kind on the bill: hours of instances by type; vCPU- and GB-hours of Fargate, GB-hours of
-- Lambda. Times as in hosts.sql and task_pieces.sql, without what AWS rounds up or gives. Somebody's own instances are on no bill of the stage.
WITH days AS (
  SELECT CAST(unnest(range(CAST($since AS TIMESTAMP), CAST($until AS TIMESTAMP), INTERVAL 1 DAY)) AS DATE) AS day
),
unbilled AS (
  SELECT d.day, k.kind
  FROM days AS d
  CROSS JOIN (SELECT unnest(['ec2', 'fargate-vcpu', 'fargate-gb', 'lambda-gb-s']) AS kind) AS k
  WHERE NOT EXISTS (SELECT 1 FROM bill_lines AS b WHERE b.day = d.day AND b.kind = k.kind AND b.record_type = 'usage')
),
ran AS (
  SELECT 'ec2' AS kind, instance_type, purchase, started_at AS from_at, coalesce(ended_at, $now) AS to_at, 1.0 AS units
  FROM instances
  WHERE purchase <> 'unmanaged'
  UNION ALL
  SELECT
    m.kind, '' AS instance_type, coalesce(a.purchase, 'on-demand') AS purchase, coalesce(a.pull_started_at, a.started_at) AS from_at,
    a.stopped_at AS to_at, CASE m.of WHEN 'vcpu' THEN a.vcpus ELSE a.memory_mib / 1024.0 END AS units
  FROM attempts AS a
  JOIN (VALUES ('fargate', 'fargate-vcpu', 'vcpu'), ('fargate', 'fargate-gb', 'gb'), ('lambda', 'lambda-gb-s', 'gb')) AS m (
    platform, kind, of
  ) ON m.platform = a.platform
)
SELECT
  u.day, r.kind, r.instance_type, r.purchase,
  CAST(sum(r.units * (epoch_us(least(r.to_at, u.day + INTERVAL 1 DAY)) - epoch_us(greatest(r.from_at, u.day)))) / 3.6e9 AS DOUBLE) AS hours
FROM ran AS r
JOIN unbilled AS u ON u.kind = r.kind AND r.from_at < u.day + INTERVAL 1 DAY AND r.to_at > CAST(u.day AS TIMESTAMP)
GROUP BY ALL
ORDER BY ALL
