#!/usr/bin/env bash
# OpenVINO ignores an ONNX LSTM's sequence_lens as soon as one dimension of its input is dynamic; the numbers are wrong.
#
# Expected: the same file with and without fixed dimensions gives the same answers, as with ONNX Runtime.
# Happens:  with fixed steps and texts OpenVINO stops at each text's end. With either of them dynamic, which is what
#           most exporters write, it runs on through the padding, so that a text's result depends on what stands there.
#           There is no warning.
# Do:       reshape the model to fixed shapes before compile_model (one compiled model a shape), and compare a padded
#           text with the same text alone before trusting an engine.
# Versions: OpenVINO 2026.4.1, ONNX Runtime 1.31.1, onnx 1.23.2 (opset 22), Python 3.11
# Seen:     2026-12-01
# Output:   fixed: what follows a text's end changes its result by 0.000 (ONNX Runtime), 0.000 (OpenVINO), ...
#           dynamic texts: ... by 0.000 (ONNX Runtime), 0.738 (OpenVINO), 0.000 (OpenVINO after reshape)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    onnx==1.23.2 onnxruntime==1.31.1 openvino==2026.4.1 numpy==2.4.6

# OpenVINO and ONNX Runtime would leave files about their use elsewhere.
HOME="$work" TMPDIR="$work" ORT_DISABLE_TELEMETRY=1 "$work/venv/bin/python" - "$work/lstm.onnx" << 'EOF'
import sys
from importlib.metadata import version
import numpy, onnx, onnxruntime, openvino
from onnx import TensorProto, helper

STEPS, TEXTS, INPUTS, UNITS = 4, 2, 2, 3
path = sys.argv[1]

def save(steps, texts):
    """One LSTM, always with the same weights; a dimension is a number, or a name where it is dynamic."""
    random = numpy.random.default_rng(0)
    def weights(name, *shape):
        return helper.make_tensor(name, TensorProto.FLOAT, shape, random.normal(size=shape).ravel())
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["X", "W", "R", "B", "lengths"], ["", "Y_h"], hidden_size=UNITS)], "lstm",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, (steps, texts, INPUTS)),
         helper.make_tensor_value_info("lengths", TensorProto.INT32, (texts,))],
        [helper.make_tensor_value_info("Y_h", TensorProto.FLOAT, (1, texts, UNITS))],
        [weights("W", 1, 4 * UNITS, INPUTS), weights("R", 1, 4 * UNITS, UNITS), weights("B", 1, 8 * UNITS)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)

def with_onnxruntime(given):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)[0]

def with_openvino(given, fixed=None):
    model = openvino.Core().read_model(path)
    if fixed:
        model.reshape(fixed)
    return openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(given)[0]

def with_openvino_reshaped(given):
    return with_openvino(given, {"X": [STEPS, TEXTS, INPUTS], "lengths": [TEXTS]})

def changed_by_padding(run):
    """By how much the final state of a text of 2 steps in 4 changes with what stands behind its end."""
    x = numpy.random.default_rng(1).normal(size=(STEPS, TEXTS, INPUTS)).astype(numpy.float32)
    other = x.copy()
    other[2:, 1] = 7
    lengths = numpy.array([4, 2], numpy.int32)
    first, second = (run({"X": each, "lengths": lengths}) for each in (x, other))
    return float(numpy.abs(first - second)[0, 1].max())

ENGINES = {
    "ONNX Runtime": with_onnxruntime,
    "OpenVINO": with_openvino,
    "OpenVINO after reshape": with_openvino_reshaped,
}
SHAPES = {
    "fixed": (STEPS, TEXTS),
    "dynamic steps": ("steps", TEXTS),
    "dynamic texts": (STEPS, "texts"),
    "both dynamic": ("steps", "texts"),
}

print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "openvino")))
wrong = set()
for name, shape in SHAPES.items():
    save(*shape)
    found = {engine: changed_by_padding(run) for engine, run in ENGINES.items()}
    wrong |= {(name, engine) for engine, difference in found.items() if difference > 1e-4}
    told = ", ".join(f"{difference:.3f} ({engine})" for engine, difference in found.items())
    print(f"{name}: what follows a text's end changes its result by {told}")
if wrong != {(name, "OpenVINO") for name in SHAPES if name != "fixed"}:
    sys.exit("The behaviour has changed.")
EOF
