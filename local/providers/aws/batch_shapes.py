"""AWS Batch's blocks: Pulumi's names on the left, Batch's on the right."""

from __future__ import annotations

from local.providers.aws.shapes import block, blocks, same

COMPUTE_RESOURCES = same(
    "allocationStrategy",
    "bidPercentage",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "placementGroup",
    "securityGroupIds",
    "spotIamFleetRole",
    "subnets",
    "tags",
    "type",
    minVcpus="minvCpus",
    maxVcpus="maxvCpus",
    desiredVcpus="desiredvCpus",
    ec2Configurations=blocks("ec2Configuration", same("imageIdOverride", "imageKubernetesVersion", "imageType")),
    launchTemplate=block("launchTemplate", same("launchTemplateId", "launchTemplateName", "version")),
)
UPDATE_POLICY = same("jobExecutionTimeoutMinutes", "terminateJobsOnUpdate")
EKS_CONFIGURATION = same("eksClusterArn", "kubernetesNamespace")

ENVIRONMENT_ORDERS = same("computeEnvironment", "order")
TIME_LIMIT_ACTIONS = same("action", "maxTimeSeconds", "reason", "state")

RETRY_STRATEGY = same(
    "attempts",
    evaluateOnExits=blocks("evaluateOnExit", same("action", "onExitCode", "onReason", "onStatusReason")),
)
TIMEOUT = same("attemptDurationSeconds")

FAIR_SHARE_POLICY = same(
    "computeReservation",
    "shareDecaySeconds",
    shareDistributions=blocks("shareDistribution", same("shareIdentifier", "weightFactor")),
)

_EKS_CONTAINER = same(
    "args",
    "image",
    "imagePullPolicy",
    "name",
    commands="command",
    envs=blocks("env", same("name", "value")),
    resources=block("resources", same("limits", "requests")),
    securityContext=block(
        "securityContext",
        same(
            "allowPrivilegeEscalation",
            "privileged",
            "readOnlyRootFileSystem",
            "runAsGroup",
            "runAsNonRoot",
            "runAsUser",
        ),
    ),
    volumeMounts=blocks("volumeMounts", same("mountPath", "name", "readOnly")),
)
EKS_PROPERTIES = same(
    podProperties=block(
        "podProperties",
        same(
            "dnsPolicy",
            "hostNetwork",
            "serviceAccountName",
            "shareProcessNamespace",
            containers=blocks("containers", _EKS_CONTAINER),
            initContainers=blocks("initContainers", _EKS_CONTAINER),
            imagePullSecrets=blocks("imagePullSecrets", same("name")),
            metadata=block("metadata", same("labels")),
            volumes=blocks(
                "volumes",
                same(
                    "name",
                    emptyDir=block("emptyDir", same("medium", "sizeLimit")),
                    hostPath=block("hostPath", same("path")),
                    secret=block("secret", same("optional", "secretName")),
                ),
            ),
        ),
    ),
)
