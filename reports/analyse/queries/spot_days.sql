-- What spot capacity of a type cost a day, and the same hours at the price on demand; NULL where one of its prices isn't known.
CREATE TEMP TABLE spot_days AS
SELECT
  b.day, CASE WHEN b.kind = 'ec2' THEN 'ec2' ELSE 'fargate' END AS platform, b.instance_type,
  CAST(sum(b.cost_nano) AS HUGEINT) AS paid_nano,
  CASE
    WHEN count(p.hour_nano) = count(*)
    THEN CAST(sum(CAST(round(b.quantity * 1000000000) AS HUGEINT) * p.hour_nano // 1000000000) AS HUGEINT)
  END AS on_demand_nano
FROM bill_lines AS b
LEFT JOIN on_demand_prices AS p ON p.usage_type = b.usage_type
WHERE b.purchase = 'spot' AND b.record_type = 'usage'
GROUP BY b.day, CASE WHEN b.kind = 'ec2' THEN 'ec2' ELSE 'fargate' END, b.instance_type
