-- One row for each container instance, in place of its events; and where attempts may have run.
CREATE OR REPLACE TEMP TABLE instance_merged AS
SELECT
  container_instance_arn, max(instance_id) AS instance_id, max(cluster_arn) AS cluster_arn, max(instance_type) AS instance_type,
  max(vcpus) AS vcpus, max(memory_mib) AS memory_mib, min(started_at) AS started_at, min(ended_at) AS ended_at,
  max(last_at) AS last_at, arg_max(last_connected, (last_at, NOT last_connected)) AS last_connected
FROM ledger_instances
GROUP BY container_instance_arn;

DELETE FROM ledger_instances;

INSERT INTO ledger_instances BY NAME SELECT * FROM instance_merged;

DROP TABLE instance_merged;

CREATE OR REPLACE TEMP TABLE ledger_hosts AS
SELECT
  i.container_instance_arn, nullif(i.instance_id, '') AS instance_id,
  coalesce(c.environment, split_part(i.cluster_arn, '/', -1)) AS environment, c.purchase
FROM ledger_instances AS i
LEFT JOIN ledger_clusters AS c ON c.cluster_arn = i.cluster_arn
