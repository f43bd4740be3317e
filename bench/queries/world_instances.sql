-- The instances of a month: when each registered.
CREATE TABLE lives AS
SELECT
  i, 'i-' || lpad(to_hex(i), 17, '0') AS instance_id, CASE WHEN hash(i) % 10 < 7 THEN 'spot' ELSE 'on-demand' END AS purchase,
  ['m6i.xlarge', 'c6i.xlarge', 'r6i.xlarge'][1 + i % 3] AS instance_type,
  TIMESTAMP '2026-11-01' + to_microseconds((hash(i, 1) % {span_us})::BIGINT) AS started_at
FROM range({instances}) AS r(i)
