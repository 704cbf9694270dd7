"""Runs an image's processes as a strict engine would, without one: like `docker run --read-only --cap-drop ALL`.

The first process is number 1 of its own process namespace and the user that the image names, without any capability;
the image is its root, read-only; only the image's volumes can be written to. The network is the machine's.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.image.buildah import Buildah, Image, ImageError


class Root:
    """An image's file system with its volumes, for processes to run in, one after the other or side by side."""

    def __init__(self, buildah: Buildah, image: Image) -> None:
        self.config = image.config
        name, self.path = buildah.new_container(image.name)
        self._volumes: dict[str, Path] = {}
        for number, volume in enumerate(self.config.get("Volumes") or {}):
            # As engines do: a new volume begins as a copy of what the image has there, owner and all.
            kept, inside = buildah.directory / f"{name}-{number}", self.path / volume.lstrip("/")
            shutil.copytree(inside, kept, symlinks=True)
            os.chown(kept, inside.stat().st_uid, inside.stat().st_gid)
            self._volumes[volume] = kept

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None, given: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in here to its end, with `given` on its standard input."""
        command = self._command([], arguments, environment)
        return subprocess.run(command, input=given, capture_output=True, text=True, errors="replace", check=False)

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> "Process":
        """Start the image's entry point with `arguments`, or its own where there are none; its output goes to `log`."""
        entry = [*self.config["Entrypoint"], *(arguments or self.config["Cmd"])]
        reading, writing = os.pipe()
        try:
            with log.open("ab") as output:
                monitor = subprocess.Popen(
                    self._command(["--info-fd", str(writing)], entry, environment),
                    pass_fds=[writing],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        finally:
            os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as info:
            reported = info.read()
        if not reported:
            monitor.wait()
            raise ImageError(f"Nothing was started in the image: {log.read_text(encoding='utf-8', errors='replace')}")
        return Process(monitor, json.loads(reported)["child-pid"])

    def _command(
        self, options: list[str], arguments: Sequence[str], environment: Mapping[str, str] | None
    ) -> list[str]:
        user, _, group = self.config["User"].partition(":")
        options = [*options, "--ro-bind", str(self.path), "/", "--proc", "/proc", "--dev", "/dev"]
        options += ["--ro-bind", "/sys", "/sys", "--unshare-pid", "--unshare-ipc", "--as-pid-1", "--die-with-parent"]
        for volume, kept in self._volumes.items():
            options += ["--bind", str(kept), volume]
        inside = dict(setting.split("=", 1) for setting in self.config["Env"]) | dict(environment or {})
        options += ["--clearenv", *(word for name, value in inside.items() for word in ("--setenv", name, value))]
        options += ["--chdir", self.config["WorkingDir"]]
        become = ["setpriv", f"--reuid={user}", f"--regid={group or user}", "--clear-groups", "--no-new-privs"]
        return ["bwrap", *options, "--", *become, "--bounding-set=-all", "--inh-caps=-all", "--", *arguments]


class Process:
    """The first process of a container; it ends with the process that started it at the latest."""

    def __init__(self, monitor: "subprocess.Popen[bytes]", process_id: int) -> None:
        self._monitor = monitor
        self._process_id = process_id

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._monitor.poll() is not None

    def stop(self, deadline_seconds: float) -> int:
        """Send SIGTERM to process 1, SIGKILL past the deadline; its exit status (137 for SIGKILL)."""
        if not self.ended:
            os.kill(self._process_id, signal.SIGTERM)
        try:
            return self._monitor.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            os.kill(self._process_id, signal.SIGKILL)
            return self._monitor.wait()
