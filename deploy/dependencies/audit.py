"""Whether any pinned package is known to be vulnerable, by pip-audit. `python -m deploy.dependencies.audit` tells.

It ends with 1 and one sentence for every vulnerability, and also when a package could not be looked up: what nobody
looked at is not safe.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
SERVICE = "https://api.osv.dev/v1/query"
# Found by pip-audit, and why it does not concern us: vulnerability, reason.
ACCEPTED: dict[str, str] = {}
LIMIT_SECONDS = 600
# What urllib3 says, some 300 characters of it, where no connection comes about; pip-audit hands it on.
_NO_CONNECTION = re.compile(r"HTTPS?ConnectionPool\((?:.*Caused by (\w+))?|Could not connect")


class AuditFailed(Exception):
    """Nobody can say whether there are vulnerabilities; the message is a sentence."""


def audit(lock_file: Path, service: str) -> list[dict[str, object]]:
    """pip-audit's findings on each package of a lock file. Raises AuditFailed."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock_file), "--require-hashes", "--disable-pip"]
    command += ["--vulnerability-service", "osv", "--osv-url", service, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    try:
        found: list[dict[str, object]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise AuditFailed(f"{lock_file.name} could not be audited with {service}: {_reason(last)}") from None
    return found


def _reason(last: str) -> str:
    """Why there is no answer, by pip-audit's last line; where nothing was reached, what to do instead."""
    unreached = _NO_CONNECTION.search(last)
    if not unreached:
        return last
    cause = f" ({unreached[1]})" if unreached[1] else ""
    return f'no connection{cause}; run it where there is one, or name another: make audit ARGS="--service URL"'


def problems(lock_file: Path, findings: Iterable[dict[str, object]]) -> Iterator[str]:
    """A sentence for everything in pip-audit's findings that must not be passed over."""
    for package in findings:
        name = f"{lock_file.name}: {package['name']}"
        if reason := package.get("skip_reason"):
            yield f"{name} was not audited: {reason}"
        vulnerabilities = package.get("vulns") or []
        assert isinstance(vulnerabilities, list)
        for found in vulnerabilities:
            if not {found["id"], *found["aliases"]} & ACCEPTED.keys():
                mended = ", ".join(found["fix_versions"]) or "no version yet"
                yield f"{name} {package['version']} has {found['id']} (mended in {mended})"


def main() -> int:
    """Audit every lock file; 1 unless all of it was looked at and nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m deploy.dependencies.audit", description=__doc__.split("\n")[0])
    parser.add_argument("--service", default=SERVICE, metavar="URL", help=f"service to ask, OSV's API ({SERVICE})")
    parser.add_argument("--lock-file", type=Path, action="append", help="files to audit (default: requirements/*.txt)")
    arguments = parser.parse_args()
    audited, reported = 0, []
    for lock_file in arguments.lock_file or sorted(REQUIREMENTS.glob("*.txt")):
        try:
            findings = audit(lock_file, arguments.service)
        except AuditFailed as error:
            reported.append(str(error))
            break
        audited += len(findings)
        reported += problems(lock_file, findings)
    if reported:
        sys.stderr.writelines(f"error: {sentence}\n" for sentence in reported)
        return 1
    sys.stdout.write(f"{audited} pinned packages have no known vulnerability.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
