import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.versions import NAME, OPPOSITE, add_version


@pytest.fixture(scope="package")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Scorer]:
    """Version 1 as packaged, version 2 with the opposite answers, version 3 as version 1."""
    store = tmp_path_factory.mktemp("store")
    for classes in ((), OPPOSITE, ()):
        add_version(store, classes)
    return [Scorer.load(Registry(store).resolve(f"{NAME}@{version}").path) for version in (1, 2, 3)]
