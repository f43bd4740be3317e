"""The Pulumi engine and its Python language host: on PATH → the official release → built from pinned Go modules."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.home import Home
from local.setup.steps import (
    Progress,
    SetupError,
    fingerprint,
    install_file,
    reachable,
    run_logged,
    scratch_folder,
    stamp,
    stamped,
)

ENGINE_VERSION = "3.250.0"
ENGINE_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
HOST_MODULE = "github.com/pulumi/pulumi/sdk/v3"
ENGINE = "pulumi"
HOST = "pulumi-language-python"
HOST_EXEC = "pulumi-language-python-exec"
RELEASES_HOST = "get.pulumi.com"
_VERSION_FLAG = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{ENGINE_VERSION}"
_Companion = Callable[[Home, str, dict[str, str], Path, Path], None]
_BUILD_TIMEOUT_S = 1800
_CHUNK_TIMEOUT_S = 10
_REMEDY = (
    "check the Go module settings of this machine, or install Pulumi yourself (https://www.pulumi.com/docs/install)"
)


@dataclass(frozen=True, kw_only=True)
class OfficialRelease:
    """The official archive for this machine."""

    url: str

    @classmethod
    def for_machine(cls) -> OfficialRelease | None:
        """None where there is none for this system."""
        system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
        machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
        if system is None or machine is None:
            return None
        return cls(url=f"https://{RELEASES_HOST}/releases/sdk/pulumi-v{ENGINE_VERSION}-{system}-{machine}.tar.gz")


def provide_engine(home: Home, progress: Progress) -> None:
    """Makes sure that `pulumi` of at least the pinned minor version is found on a lane's PATH."""
    with progress.step("pulumi engine"):
        wanted = fingerprint(ENGINE_VERSION)
        if (home.bin / ENGINE).exists() and stamped(home, ENGINE, wanted):
            progress.outcome(f"found {ENGINE_VERSION} in {home.relative(home.bin)}")
            return
        found = shutil.which(ENGINE)
        if found is not None and Path(found).parent != home.bin and _new_enough(found):
            # half a build of ours would come first on a lane's PATH
            (home.bin / ENGINE).unlink(missing_ok=True)
            progress.outcome(f"found {found}")
            return
        if _official(home, progress):
            stamp(home, ENGINE, wanted)
            progress.outcome(f"official release {ENGINE_VERSION} downloaded")
            return
        progress.doing(f"building {ENGINE_VERSION} from its Go module, 2 to 4 minutes the first time")
        _build(home, folder="engine", package=ENGINE_PACKAGE, executable=ENGINE)
        stamp(home, ENGINE, wanted)
        progress.outcome(f"built {ENGINE_VERSION}")


def provide_language_host(home: Home, progress: Progress) -> None:
    """Makes sure that the Python language host and its helper script are found on a lane's PATH."""
    with progress.step("language host"):
        ours = home.bin / HOST
        wanted = fingerprint(home.repository / "local" / "toolchain" / "language_host" / "go.mod")
        if ours.exists() and (home.bin / HOST_EXEC).exists() and stamped(home, HOST, wanted):
            progress.outcome(f"found in {home.relative(home.bin)}")
            return
        found = shutil.which(HOST)
        if found is not None and shutil.which(HOST_EXEC) is not None and Path(found).parent != home.bin:
            progress.outcome(f"found {found}")
            return
        progress.doing("building it from its Go module")
        _build(home, folder="language_host", package=HOST_PACKAGE, executable=HOST, companion=_copy_host_script)
        stamp(home, HOST, wanted)
        progress.outcome("built")


def _new_enough(executable: str) -> bool:
    return version_at_least(_version_of(executable), ENGINE_VERSION)


def _version_of(executable: str) -> str:
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [executable, "version"], capture_output=True, text=True, check=False, timeout=60, env=environ
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def version_at_least(version: str, wanted: str) -> bool:
    """Same major version, and at least the minor of `wanted`; text that is no version is too old."""
    pattern = re.compile(r"v?(\d+)\.(\d+)\.\d+")
    have, need = pattern.match(version), pattern.match(wanted)
    if have is None or need is None:
        return False
    return have[1] == need[1] and int(have[2]) >= int(need[2])


def _official(home: Home, progress: Progress) -> bool:
    """Downloads the official release with engine and language host; False where it can't be had."""
    release = OfficialRelease.for_machine()
    if release is None or not reachable(RELEASES_HOST):
        return False
    progress.doing(f"downloading the official release {ENGINE_VERSION}")
    with scratch_folder(home, "pulumi") as folder:
        archive = folder / "pulumi.tar.gz"
        try:
            with urllib.request.urlopen(release.url, timeout=_CHUNK_TIMEOUT_S) as answer, archive.open("wb") as out:
                shutil.copyfileobj(answer, out)
            unpack_release(archive, folder / "release")
        except (OSError, tarfile.TarError, EOFError):
            return False
        executables = folder / "release" / "pulumi"
        if not version_at_least(_version_of(str(executables / ENGINE)), ENGINE_VERSION):
            return False
        # the engine last: it is what says that all of them are there
        for executable in sorted(executables.iterdir(), key=lambda path: path.name == ENGINE):
            install_file(executable, home.bin / executable.name)
    stamp(home, HOST, fingerprint(home.repository / "local" / "toolchain" / "language_host" / "go.mod"))
    return True


def unpack_release(archive: Path, folder: Path) -> None:
    """Unpacks the release; raises tarfile.TarError or EOFError for an archive that isn't whole or leaves `folder`."""
    with tarfile.open(archive) as content:
        members = content.getmembers()
        for member in members:
            # Python 3.11 of Debian 12 has no extraction filters yet
            if not member.isreg() and not member.isdir():
                raise tarfile.TarError(f"{member.name} is neither a file nor a folder")
            if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
                raise tarfile.TarError(f"{member.name} leaves the archive's folder")
        content.extractall(folder, members=members)


def _build(home: Home, *, folder: str, package: str, executable: str, companion: _Companion | None = None) -> None:
    go = shutil.which("go")
    if go is None:
        raise SetupError(
            "neither Pulumi nor Go was found, and the official release can't be downloaded; "
            "install Pulumi (https://www.pulumi.com/docs/install) or Go 1.25 (Debian: apt-get install golang)"
        )
    module = home.repository / "local" / "toolchain" / folder
    environ = go_environ(home, go)
    with scratch_folder(home, folder) as scratch:
        run_logged(
            [go, "build", "-trimpath", "-ldflags", f"-s -w {_VERSION_FLAG}", "-o", scratch / executable, package],
            log=home.logs / f"{folder}.log",
            remedy=_REMEDY,
            environ=environ,
            cwd=module,
            timeout_s=_BUILD_TIMEOUT_S,
        )
        if companion is not None:
            companion(home, go, environ, module, scratch)
        install_file(scratch / executable, home.bin / executable)


def go_environ(home: Home, go: str) -> dict[str, str]:
    """Go's environment for a build: caches in `.batchyard/`; modules the machine has are copied, not downloaded."""
    environ = dict(os.environ)
    environ["GOWORK"] = "off"
    environ["CGO_ENABLED"] = "0"  # neither needs a C compiler, which the machine may not have
    environ["GOFLAGS"] = "-mod=readonly -modcacherw -buildvcs=false"
    environ.setdefault("GOCACHE", str(home.cache / "go-build"))
    if "GOMODCACHE" not in environ:
        settings = subprocess.run([go, "env", "GOMODCACHE", "GOPROXY"], capture_output=True, text=True, check=False)
        machine_cache, _, proxy = settings.stdout.strip().partition("\n")
        downloads = Path(machine_cache) / "cache" / "download"
        environ["GOMODCACHE"] = str(home.cache / "go-modules")
        if machine_cache and downloads.is_dir():
            environ["GOPROXY"] = ",".join(filter(None, [f"file://{downloads}", proxy]))
    return environ


def _copy_host_script(home: Home, go: str, environ: dict[str, str], module: Path, scratch: Path) -> None:
    """The host starts programs through a script that lies in its module's folder."""
    where = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", HOST_MODULE],
        capture_output=True,
        text=True,
        check=False,
        cwd=module,
        env=environ,
    )
    script = Path(where.stdout.strip()) / "python" / "cmd" / HOST_EXEC
    if where.returncode or not script.is_file():
        raise SetupError(f"{HOST_EXEC} isn't in the module {HOST_MODULE} {where.stderr.strip()}; {_REMEDY}")
    copy = scratch / HOST_EXEC
    copy.write_bytes(script.read_bytes())
    install_file(copy, home.bin / HOST_EXEC)


def forget_build_caches(home: Home, progress: Progress) -> None:
    """Deletes Go's caches once both executables are there: gigabytes that nothing needs again.

    A hundred thousand files take their time, so a recorded process of its own does it while set-up goes on.
    """
    caches = [home.cache / name for name in ("go-build", "go-modules")]
    if not any(cache.exists() for cache in caches):
        return
    with progress.step("build caches"):
        command = ["rm", "-rf", *(str(cache) for cache in caches)]
        home.processes.start("set-up/build-caches", command, log=home.logs / "build-caches.log")
        progress.outcome("being removed")
