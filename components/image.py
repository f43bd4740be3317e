"""A job's image: built, pushed and pinned by digest; or taken by digest from another stage and not built at all."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker

from components.build_context import DOCKERFILE, BuildContext
from components.names import Names
from components.policies import to_json


@dataclass(frozen=True, kw_only=True)
class RegistryLogin:
    """Who pushes. One for the stage: the token is of the account's registry, not of a repository."""

    username: pulumi.Input[str]
    password: pulumi.Input[str]


def registry_login(parent: pulumi.Resource) -> RegistryLogin:
    """A token for this account's registry, good for twelve hours."""
    token = aws.ecr.get_authorization_token_output(opts=pulumi.InvokeOutputOptions(parent=parent))
    return RegistryLogin(username=token.user_name, password=pulumi.Output.secret(token.password))


@dataclass(frozen=True, kw_only=True)
class ImageArgs:
    names: Names
    job: str
    context: BuildContext
    base_image: str
    """Build argument BASE_IMAGE."""
    platform: str
    """`linux/amd64` or `linux/arm64`, as the instances are."""
    keep: int
    """Images the repository keeps; older ones expire, also those another stage still runs."""
    login: RegistryLogin
    force_destroy: bool = False
    """Whether destroying the stage deletes a repository that holds images."""


class Image(pulumi.ComponentResource):
    """Children: the ECR Repository, its LifecyclePolicy, the docker Image."""

    reference: pulumi.Output[str]
    """`<repository>@sha256:…`"""
    repository_arn: pulumi.Output[str]

    def __init__(self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Image", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        repository_name = args.names.repository(args.job)
        repository = aws.ecr.Repository(
            repository_name,
            name=repository_name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            force_delete=args.force_destroy,
            opts=child,
        )
        aws.ecr.LifecyclePolicy(
            repository_name, repository=repository.name, policy=to_json(lifecycle_policy(args.keep)), opts=child
        )
        image = docker.Image(
            repository_name,
            image_name=pulumi.Output.concat(repository.repository_url, ":", args.context.tag),
            build=docker.DockerBuildArgs(
                context=args.context.path,
                dockerfile=f"{args.context.path}/{DOCKERFILE}",
                args={"BASE_IMAGE": args.base_image},
                platform=args.platform,
            ),
            registry=docker.RegistryArgs(
                server=repository.repository_url.apply(lambda url: url.split("/", 1)[0]),
                username=args.login.username,
                password=args.login.password,
            ),
            build_on_preview=False,
            skip_push=False,
            opts=child,
        )
        self.reference = image.repo_digest
        self.repository_arn = repository.arn
        self.register_outputs({"reference": self.reference, "repository_arn": self.repository_arn})


def lifecycle_policy(keep: int) -> dict[str, object]:
    """Keeps the newest images, whatever their tags."""
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"Keep the newest {keep} images",
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep},
                "action": {"type": "expire"},
            }
        ]
    }
