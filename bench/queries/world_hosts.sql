-- The instances as the compacted ledger has them.
SELECT
  'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id AS container_instance_arn, instance_id,
  'arn:aws:ecs:us-east-1:123456789012:cluster/' || purchase AS cluster_arn, instance_type, 4 AS vcpus, 15600::BIGINT AS memory_mib,
  started_at, started_at + INTERVAL 29500 SECOND AS ended_at, started_at + INTERVAL 29500 SECOND AS last_at, TRUE AS last_connected
FROM lives
