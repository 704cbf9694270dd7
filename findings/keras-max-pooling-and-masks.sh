#!/usr/bin/env bash
# Keras' GlobalMaxPooling1D takes the maximum over padding too: seen behind a Bidirectional LSTM, hidden by a plain one.
#
# Expected: with mask_zero=True padding takes part in nothing, so that a text gives the same with and without padding;
#           GlobalAveragePooling1D beside it keeps to that.
# Happens:  GlobalMaxPooling1D does not look at the mask. Behind an LSTM nobody notices: it repeats its last output over
#           the padding. A Bidirectional LSTM has zeros there, and where its outputs are negative, the zeros win. Keras
#           warns, but only that layers further down will not see the mask.
# Do:       put a large negative number where the mask is False before the maximum (a layer of one line), or pad
#           nothing.
# Versions: Keras 3.15.1 on JAX 0.10.2, Python 3.11
# Seen:     2026-12-01
# Output:   embedding alone, GlobalMaxPooling1D: padding changes the result by 0.014
#           LSTM, GlobalMaxPooling1D: padding changes the result by 0.000
#           Bidirectional LSTM, GlobalMaxPooling1D: padding changes the result by 0.002
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6

export KERAS_BACKEND=jax JAX_PLATFORMS=cpu KERAS_HOME="$work" TMPDIR="$work"
"$work/venv/bin/python" -W ignore::UserWarning - << 'EOF'
import sys
import jax
import keras
import numpy

keras.utils.set_random_seed(7)
TEXT, PADDED = numpy.array([[1, 2, 3]]), numpy.array([[1, 2, 3, 0, 0, 0, 0]])

def largest_difference(layer, pooling):
    """Between what a network gives for a text without and with padding."""
    network = keras.Sequential([keras.layers.Embedding(4, 8, mask_zero=True), *layer(), pooling()])
    return float(numpy.abs(numpy.asarray(network(TEXT)) - numpy.asarray(network(PADDED))).max())

LAYERS = {
    "embedding alone": lambda: [],
    "LSTM": lambda: [keras.layers.LSTM(16, return_sequences=True)],
    "Bidirectional LSTM": lambda: [keras.layers.Bidirectional(keras.layers.LSTM(16, return_sequences=True))],
}
print("keras", keras.__version__, "jax", jax.__version__)
differs = {}
for name, layer in LAYERS.items():
    for pooling in (keras.layers.GlobalAveragePooling1D, keras.layers.GlobalMaxPooling1D):
        difference = largest_difference(layer, pooling)
        differs[name, pooling.__name__] = difference > 1e-6
        print(f"{name}, {pooling.__name__}: padding changes the result by {difference:.3f}")
expected = {("embedding alone", "GlobalMaxPooling1D"), ("Bidirectional LSTM", "GlobalMaxPooling1D")}
if {what for what, changed in differs.items() if changed} != expected:
    sys.exit("The behaviour has changed.")
EOF
