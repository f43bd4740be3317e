-- Compacted rows, with what wasn't known when they were written.
SELECT
  p.* REPLACE (
    coalesce(nullif(p.owner, ''), o.owner, '') AS owner,
    coalesce(h.environment, c.environment, e.environment, p.environment) AS environment,
    coalesce(h.purchase, c.purchase, e.purchase, p.purchase) AS purchase, coalesce(h.instance_id, p.instance_id) AS instance_id
  )
FROM read_parquet({files}) AS p
LEFT JOIN ledger_hosts AS h ON h.container_instance_arn = p.container_instance_arn
LEFT JOIN ledger_clusters AS c ON c.cluster_arn = p.task_cluster_arn
LEFT JOIN ledger_environments AS e ON e.compute_environment = p.usage_environment
LEFT JOIN ledger_owners AS o ON o.job = p.job
