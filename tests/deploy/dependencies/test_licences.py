"""Every package that a worker in production needs may be used, by its licence."""

import subprocess
import sys

import pytest

from deploy.dependencies.licences import ACCEPTED, Package, runtime_packages


@pytest.fixture(scope="module")
def packages() -> list[Package]:
    return runtime_packages()


def test_every_licence_is_permissive_or_accepted_with_a_reason(packages: list[Package]) -> None:
    assert [package.problem for package in packages if package.problem] == []
    assert all(reason for _, reason in ACCEPTED.values())


def test_nothing_is_accepted_that_is_not_needed(packages: list[Package]) -> None:
    assert ACCEPTED.keys() <= {package.name for package in packages}


def test_packages_that_others_need_are_looked_at_too(packages: list[Package]) -> None:
    assert {"kafka-python", "confluent-kafka", "s3fs", "pydantic-core", "botocore"} <= {p.name for p in packages}


@pytest.mark.parametrize(
    ("licence", "fine"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("BSD-3-Clause AND (MIT OR GPL-3.0-only)", True),
        ("MIT AND GPL-3.0-only", False),
        ("LGPL-2.1-or-later", False),
        ("", False),
    ],
)
def test_other_licences_are_refused(licence: str, fine: bool) -> None:
    assert (Package("some", "1.0", licence).problem == "") == fine


def test_the_list_can_be_read() -> None:
    command = [sys.executable, "-m", "deploy.dependencies.licences"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "kafka-python" in done.stdout
