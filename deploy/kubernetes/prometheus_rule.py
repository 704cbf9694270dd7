"""`python -m deploy.kubernetes.prometheus_rule`: the rules of deploy/prometheus as the Prometheus operator takes them.

Kustomize takes no files from outside its root and puts no file into a resource, so the resource is generated.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus" / "rules" / "sentiment.yml"
RESOURCE = HERE / "components" / "prometheus-operator" / "prometheus-rule.yaml"
HEAD = """\
# Made from deploy/prometheus/rules/sentiment.yml by `python -m deploy.kubernetes.prometheus_rule`; change that file.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sentiment-worker
  namespace: sentiment
spec:
"""


def resource(rules: str) -> str:
    """The resource's text: the rule file's, comments too, two columns further in."""
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in rules.splitlines(keepends=True))


def main() -> int:
    """Write the resource; 0."""
    RESOURCE.write_text(resource(RULES.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{RESOURCE}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
