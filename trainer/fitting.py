"""Fitting a network: epochs of steps, a checkpoint after each epoch, and the best epoch's weights in the end."""

import time
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow

from trainer.checkpoints import Checkpoints, History, best_epoch
from trainer.data.batches import LengthBucketedBatches
from trainer.errors import BadData, NotGoodEnough
from trainer.progress import Progress
from trainer.recipes import Training
from trainer.runs import Run

OPTIMIZERS = {"adam": keras.optimizers.Adam, "sgd": partial(keras.optimizers.SGD, momentum=0.9)}


class Fit:
    """A network on its way: its weights, their averages, and the optimiser's state."""

    def __init__(self, model: Any, training: Training, steps_per_epoch: int) -> None:
        self.model = model
        self.training = training
        self._optimizer = OPTIMIZERS[training.optimizer](training.learning_rate)
        self._optimizer.build(model.trainable_variables)
        self._steps = steps_per_epoch * training.epochs
        self._averages = (
            [tensorflow.Variable(each) for each in model.trainable_variables] if training.average_decay else []
        )
        self._loss = (
            keras.losses.BinaryCrossentropy() if model.output_shape[1] == 1 else keras.losses.CategoricalCrossentropy()
        )
        signature = [
            tensorflow.TensorSpec((None, None), tensorflow.int32),
            tensorflow.TensorSpec((None, model.output_shape[1]), tensorflow.float32),
        ]
        self._step = tensorflow.function(self._take_step, input_signature=signature)
        self._score = tensorflow.function(self._score_batch, input_signature=signature)

    @property
    def variables(self) -> list[Any]:
        """All that decides how the fit goes on: weights, states of random generators, optimiser, averages."""
        return [*self.model.variables, *self._optimizer.variables, *self._averages]

    def run_epoch(self, number: int, batches: LengthBucketedBatches, progress: Progress) -> dict[str, float]:
        """One pass over the training texts; `number` counts from 0. Mean loss and accuracy over the texts."""
        totals = np.zeros(3)
        for step, (ids, targets) in enumerate(batches.dataset(number)):
            self._optimizer.learning_rate = self._learning_rate(number * len(batches) + step)
            totals += [float(value) for value in self._step(ids, targets)]
            progress.step(step + 1, totals[0] / totals[2], totals[1] / totals[2])
        return {"loss": totals[0] / totals[2], "accuracy": totals[1] / totals[2]}

    def evaluate(self, batches: LengthBucketedBatches) -> dict[str, float]:
        """Mean loss and accuracy of the averaged weights, or of the weights where none are averaged."""
        weights = [np.asarray(each) for each in self.model.trainable_variables]
        self.use_averages()
        totals = np.sum([[float(value) for value in self._score(*batch)] for batch in batches.dataset()], axis=0)
        for variable, weight in zip(self.model.trainable_variables, weights, strict=True):
            variable.assign(weight)
        return {"val_loss": totals[0] / totals[2], "val_accuracy": totals[1] / totals[2]}

    def use_averages(self) -> None:
        for variable, average in zip(self.model.trainable_variables, self._averages, strict=False):
            variable.assign(average)

    def _learning_rate(self, step: int) -> float:
        if not self.training.cosine_decay:
            return self.training.learning_rate
        return self.training.learning_rate * 0.5 * (1 + float(np.cos(np.pi * step / self._steps)))

    def _take_step(self, ids: Any, targets: Any) -> tuple[Any, Any, Any]:
        variables = self.model.trainable_variables
        with tensorflow.GradientTape() as tape:
            predicted = self.model(ids, training=True)
            loss = self._loss(targets, predicted)
        self._optimizer.apply(tape.gradient(loss, [each.value for each in variables]), variables)
        if self._averages:
            done = tensorflow.cast(self._optimizer.iterations, tensorflow.float32)
            decay = tensorflow.minimum(self.training.average_decay, (1 + done) / (10 + done))
            for average, variable in zip(self._averages, variables, strict=True):
                average.assign(average * decay + variable.value * (1 - decay))
        return _sums(loss, targets, predicted)

    def _score_batch(self, ids: Any, targets: Any) -> tuple[Any, Any, Any]:
        predicted = self.model(ids, training=False)
        return _sums(self._loss(targets, predicted), targets, predicted)


def _sums(loss: Any, targets: Any, predicted: Any) -> tuple[Any, Any, Any]:
    """Loss and hits summed over the batch, and its size."""
    if targets.shape[1] == 1:
        hits = (targets > 0.5) == (predicted > 0.5)
    else:
        hits = tensorflow.argmax(targets, axis=1) == tensorflow.argmax(predicted, axis=1)
    texts = tensorflow.cast(tensorflow.shape(targets)[0], tensorflow.float32)
    return loss * texts, tensorflow.reduce_sum(tensorflow.cast(hits, tensorflow.float32)), texts


def fit_network(
    fit: Fit,
    batches: LengthBucketedBatches,
    held_out: LengthBucketedBatches,
    checkpoints: Checkpoints,
    run: Run,
    progress: Progress,
) -> History:
    """Fits from where the last checkpoint is, or from the start; the model ends with the weights of its best epoch.

    The run's history is written after each epoch. Raises NotGoodEnough when the loss is no number any more.
    """
    training = fit.training
    state = checkpoints.load()
    history: History = state.history if state else {}
    if state:
        restore(fit, state.variables)
    for number in range(state.epoch if state else 0, training.epochs):
        if _is_done(history, training):
            break
        started, cpu_started = time.monotonic(), time.process_time()
        progress.start_epoch(number, training.epochs, len(batches))
        reported = fit.run_epoch(number, batches, progress) | fit.evaluate(held_out)
        if not np.isfinite([reported["loss"], reported["val_loss"]]).all():
            raise NotGoodEnough(f"The loss is no number any more in epoch {number + 1}: try another seed or data.")
        reported |= {"seconds": time.monotonic() - started, "cpu_seconds": time.process_time() - cpu_started}
        for name, value in reported.items():
            history.setdefault(name, []).append(round(value, 6))
        checkpoints.save(fit.variables, history)
        run.history = history
        progress.end_epoch(number, reported)
    best = checkpoints.load(best_epoch(history))
    if best is None:
        raise BadData(f"The checkpoint of epoch {best_epoch(history)}, the best one, is gone from {run.checkpoints}.")
    restore(fit, best.variables)
    fit.use_averages()
    return history


def restore(fit: Fit, values: list[Any]) -> None:
    for variable, value in zip(fit.variables, values, strict=True):
        variable.assign(value)


def _is_done(history: History, training: Training) -> bool:
    """Whether the epochs so far suffice: accurate enough on the training texts, or no better on the others lately."""
    if not history:
        return False
    if training.stop_at_accuracy is not None and history["accuracy"][-1] >= training.stop_at_accuracy:
        return True
    return training.patience is not None and len(history["loss"]) - best_epoch(history) >= training.patience
