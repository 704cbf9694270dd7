"""A finished version's directory into a store: checked, compared with the stable version, never over another."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.artifact import (
    MANIFEST_FILE,
    OPTIONAL_FILES,
    SIGNATURE_FILE,
    Manifest,
    record_files,
    write_manifest,
)
from models.registry.registry import STABLE, Registry, Resolved
from models.scorer import Scorer
from models.signatures import signature_of
from trainer.data.texts import LabelledTexts
from trainer.errors import NotGoodEnough
from trainer.evaluate import evaluate
from trainer.profile import measure_profile, texts_to_profile, with_profile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def publish(
    source: Path,
    registry: Registry,
    name: str | None = None,
    data: LabelledTexts | None = None,
    force: bool = False,
    slim: bool = False,
    profile_texts: LabelledTexts | None = None,
    signing_key: "Ed25519PrivateKey | None" = None,
    note: Callable[[str], object] = lambda _: None,
) -> Resolved:
    """Publishes a copy of a version's directory as the next version of its model, or of the model `name`.

    With `data` the version must not be worse on it than the one labelled stable, unless `force`; without, the two are
    compared where their manifests tell of the same data, and `note` is told where they do not. `slim` leaves out the
    OPTIONAL_FILES. With `profile_texts` the profile is measured anew on those of them that the version did not learn
    from. With `signing_key` the version is signed before anybody sees it. Raises BrokenArtifact unless the source's
    checksums and golden set hold, NotGoodEnough when it is worse; nothing is published then.
    """
    scorer = Scorer.load(source)
    name = name or scorer.name
    if not force:
        _check_not_worse(scorer, name, registry, data, note)

    training = scorer.manifest.training
    if profile_texts is not None:
        unseen = texts_to_profile(scorer.manifest, profile_texts)
        training = with_profile(training, measure_profile(scorer, unseen))

    def write(directory: Path, version: int) -> None:
        needed = [file for file in scorer.manifest.files if not file.startswith(OPTIONAL_FILES)]
        others = [] if slim else [file for file in scorer.manifest.files if file.startswith(OPTIONAL_FILES)]
        for file in [*needed, *(file for file in others if (source / file).exists())]:
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, directory / file)
        files = record_files(directory)
        write_manifest(directory, replace(scorer.manifest, name=name, version=version, training=training, files=files))
        Scorer.load(directory)
        if signing_key is not None:
            signature = signature_of((directory / MANIFEST_FILE).read_bytes(), signing_key)
            (directory / SIGNATURE_FILE).write_bytes(signature)

    return registry.publish(name, write)


def _check_not_worse(
    scorer: Scorer, name: str, registry: Registry, data: LabelledTexts | None, note: Callable[[str], object]
) -> None:
    if STABLE not in registry.labels(name):
        return
    stable = Scorer.load(registry.resolve(name).path)
    if stable.classes != scorer.classes:
        raise NotGoodEnough(
            f"Not published: {name} version {stable.version}, which is stable, tells {', '.join(stable.classes)}, "
            f"and this one {', '.join(scorer.classes)}; give it another name (--force publishes it all the same)."
        )
    if data is not None:
        new, old = ({"f1": evaluate(each, data).f1} for each in (scorer, stable))
    else:
        new, old = _metrics_on_the_same_data(scorer.manifest, stable.manifest)
    if not new:
        note(
            f"It was not compared with {name} version {stable.version}, which is stable: their manifests tell of no "
            "texts that both were tried on (--data FILE compares them on yours)."
        )
    elif new["f1"] < old["f1"]:
        raise NotGoodEnough(
            f"Not published: F1 is {new['f1']:.4f}, and that of {name} version {stable.version}, which is stable, "
            f"is {old['f1']:.4f} on the same texts (--force publishes all the same)."
        )


def _metrics_on_the_same_data(new: Manifest, old: Manifest) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metrics that both manifests have of one set of texts, `test` before others; empty where there is none."""
    for name in sorted(new.metrics, key=lambda each: (each != "test", each)):
        for other in old.metrics.values():
            if other.get("data_sha256", "") == new.metrics[name].get("data_sha256"):
                return new.metrics[name], other
    return {}, {}
