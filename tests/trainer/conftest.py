import pytest

from tests.trainer.tiny import trained
from trainer.runs import Run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keras hands TensorFlow's variables to NumPy in a way that NumPy is about to drop."""
    for item in items:
        if "tests/trainer" in item.path.as_posix():
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
                )
            )


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of the tiny recipe; tests must not change it."""
    return trained(tmp_path_factory.mktemp("runs"))
