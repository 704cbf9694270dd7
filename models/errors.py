"""What can go wrong with a model, named by what the caller must do next.

ModelError            base of all; the message is one sentence for a person
├── ModelNotFound     ask for another model, version, label or store
├── BrokenArtifact    do not use this version: its files, its signature, its format or its golden set do not hold
├── BadKey            name another key file
└── StoreError        the store cannot be read or written: mend it, then try again
    ├── LabelsChanged somebody else changed the labels: read them again, then decide again
    └── BadLabels     what stands in labels.json cannot be labels: restore the file
"""


class ModelError(Exception):
    """Base of every error that this package raises on purpose."""


class ModelNotFound(ModelError):
    """The store has no such model, version or label."""


class BrokenArtifact(ModelError):
    """A version whose checksums, golden set, signature or format version do not hold; keep the last good one."""


class BadKey(ModelError):
    """A file that holds no key that can be used."""


class StoreError(ModelError):
    """The store or its labels cannot be read or written."""


class LabelsChanged(StoreError):
    """The labels were no longer what the change was decided from; nothing was changed."""


class BadLabels(StoreError):
    """What stands in labels.json cannot be a model's labels."""


def is_unreadable(error: Exception) -> bool:
    """Whether the machine could not read a file, which says nothing about the file; one that is missing is broken."""
    return isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError)
