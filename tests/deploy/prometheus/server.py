"""A real Prometheus as deploy/prometheus configures it, in a hurry and with one worker to scrape."""

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.processes import OwnedProcesses, free_ports, wait_until
from tests.deploy.prometheus.files import FOLDER, RULES


class Server:
    """Asked over HTTP, as Grafana and people do."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/"

    def series(self, expression: str) -> list[dict[str, str]]:
        """The labels of what an expression gives now."""
        return [each["metric"] for each in self._ask("query", query=expression)["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """All rules that it has loaded, with their health."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, what: str, **arguments: str) -> Any:
        with urllib.request.urlopen(self._url + what + "?" + urllib.parse.urlencode(arguments), timeout=10) as answer:
            return json.load(answer)["data"]


@contextmanager
def started(worker: str) -> Iterator[Server]:
    """One that scrapes the worker at this address; skips where Prometheus is not installed."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: apt install prometheus)")
    with closing(OwnedProcesses("prometheus")) as processes:
        [port] = free_ports(1)
        directory = processes.directory
        command = ["prometheus", f"--config.file={_hurried(directory, worker)}", "--log.level=warn"]
        command += [f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
        child = processes.start("prometheus", command)
        wait_until(lambda: child.poll() is not None or _ready(port), 30, lambda: processes.log_tail("prometheus"))
        assert child.poll() is None, processes.log_tail("prometheus")
        yield Server(port)


def _ready(port: int) -> bool:
    """It listens some time before it answers."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).close()
    except OSError:
        return False
    return True


def _hurried(directory: Path, worker: str) -> Path:
    """The configuration as it is but for the times, the workers' addresses and where the rules lie."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = "1s"
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    [job] = [each for each in config["scrape_configs"] if each["job_name"] == "sentiment-worker"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [worker]}]
    config["scrape_configs"] = [job]
    config["rule_files"] = [str(directory / Path(name).name) for name in config["rule_files"]]
    (directory / RULES.name).write_text(yaml.safe_dump(rules), encoding="utf-8")
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
