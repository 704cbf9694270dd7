"""What can go wrong in training.

TrainerError     base of all; the message is one sentence for a person
├── BadData      mend or choose another data file
└── NotGoodEnough  the trained model failed a check of its own; nothing was published
"""


class TrainerError(Exception):
    """Base of every error that this package raises on purpose."""


class BadData(TrainerError):
    """A data file is missing, unreadable, or not in a form that the trainer knows."""


class NotGoodEnough(TrainerError):
    """The exported network does not agree with the trained one: nothing was published."""
