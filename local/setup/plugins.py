"""The provider plugins: official ones where they are installed, else the stand-ins of `local/providers`."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from local.home import Home
from local.setup.steps import Progress, SetupError, fingerprint, run_logged, stamp, stamped

PLUGINS = (("aws", "pulumi-aws"), ("docker", "pulumi-docker"))
STAMP = "plugins"


def provide_plugins(home: Home, progress: Progress) -> None:
    """Makes sure that the local stages' PULUMI_HOME has both provider plugins, in the versions of the SDK packages."""
    with progress.step("provider plugins"):
        official = {name: official_plugin(name, version(package)) for name, package in PLUGINS}
        missing = [(name, version(package)) for name, package in PLUGINS if official[name] is None]
        sources = sorted((home.repository / "local" / "providers").glob("pack*.py"))
        wanted = fingerprint(str(sorted(official.items())), str(missing), str(home.root), *sources)
        if stamped(home, STAMP, wanted) and all(_installed(home, n, version(p)) for n, p in PLUGINS):
            progress.outcome("found")
            return
        for name, package in PLUGINS:
            folder = official[name]
            if folder is not None:
                _link(folder, plugin_folder(home.pulumi_home, name, version(package)))
        if missing:
            progress.doing("packing the stand-ins for " + ", ".join(name for name, _ in missing))
            for name, wanted_version in missing:
                run_logged(
                    [home.python, "-m", "local.providers.pack", name, wanted_version],
                    log=home.logs / f"plugin-{name}.log",
                    remedy="run `make clean setup`",
                    environ={
                        **os.environ,
                        "BATCHYARD_HOME": str(home.root),
                        "PATH": os.pathsep.join([str(home.bin), os.environ.get("PATH", os.defpath)]),
                    },
                    cwd=home.repository,
                )
                if not _installed(home, name, wanted_version):
                    raise SetupError(f"the stand-in for {name} was not installed; see {home.logs}/plugin-{name}.log")
        stamp(home, STAMP, wanted)
        kinds = [f"{name} {'stand-in' if official[name] is None else 'official'}" for name, _ in PLUGINS]
        progress.outcome(", ".join(kinds))


def plugin_folder(pulumi_home: Path, name: str, plugin_version: str) -> Path:
    return pulumi_home / "plugins" / f"resource-{name}-v{plugin_version}"


def official_plugin(name: str, plugin_version: str, *, pulumi_home: Path | None = None) -> Path | None:
    """The official plugin's folder in the person's own PULUMI_HOME; None where it isn't installed, or only half."""
    own = pulumi_home or Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folder = plugin_folder(own, name, plugin_version)
    # the engine marks an installation under way with a `.partial` or `.lock` file beside or in the folder
    if not (folder / f"pulumi-resource-{name}").exists() or folder.with_name(folder.name + ".partial").exists():
        return None
    return folder


def _installed(home: Home, name: str, plugin_version: str) -> bool:
    return (plugin_folder(home.pulumi_home, name, plugin_version) / f"pulumi-resource-{name}").exists()


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or not target.exists():
        target.unlink(missing_ok=True)
        target.symlink_to(source, target_is_directory=True)
