import subprocess
import sys

HEAVY = ("tensorflow", "keras", "kafka", "confluent_kafka", "pydantic", "redis", "nltk", "onnx", "worker", "trainer")


def test_scoring_needs_none_of_what_training_and_streaming_need() -> None:
    script = (
        "import sys; from models.registry.registry import Registry; from models.scorer import Scorer;"
        "import models.__main__; Scorer.load(Registry().resolve('imdb').path).score(['good']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
