"""Manifests for Kubernetes, and what makes one of them from the rules of Prometheus."""
