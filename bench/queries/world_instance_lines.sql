-- The instances' events, as the ledger's raw lines: registered, and gone.
SELECT
  to_json({
    event_id: instance_id || status, time: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'), detail_type: 'ECS Container Instance State Change',
    cluster_arn: 'arn:aws:ecs:us-east-1:123456789012:cluster/' || purchase,
    container_instance_arn: 'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id,
    availability_zone: '', attributes: list_concat(
      list_transform(range(30), lambda k: {name: 'com.amazonaws.ecs.capability.docker-remote-api.1.' || k, value: ''}),
      [{name: 'ecs.instance-type', value: instance_type}]
    ),
    instance_id: instance_id, status: status, agent_connected: status = 'ACTIVE',
    registered_at: strftime(started_at, '%Y-%m-%dT%H:%M:%S.%gZ'),
    registered_resources: [{name: 'CPU', type: 'INTEGER', "integerValue": 4096}, {name: 'MEMORY', type: 'INTEGER', "integerValue": 15600}],
    task_arn: '', launch_type: '', capacity_provider: '', created_at: '', pull_started_at: '', pull_stopped_at: '', started_at: '',
    stopped_at: '', stop_code: ''
  })::VARCHAR AS line
FROM (
  SELECT *, i AS n, started_at AS stopped_at, 'ACTIVE' AS status FROM lives
  UNION ALL
  SELECT *, i AS n, started_at + INTERVAL 29500 SECOND AS stopped_at, 'INACTIVE' AS status FROM lives
)
