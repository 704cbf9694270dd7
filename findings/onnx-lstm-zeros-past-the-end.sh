#!/usr/bin/env bash
# ONNX' LSTM gives zeros past a sequence's end, and for an empty sequence zeros in place of the initial state.
#
# Expected: past the end the last output is repeated, as a Keras LSTM does; a sequence of no steps leaves the state that
#           it was given. The operator's text says nothing of either.
# Happens:  ONNX Runtime and OpenVINO both write zeros to Y from sequence_lens on. A maximum over the steps then never
#           falls below 0, so that a score depends on whether its batch had longer texts. With sequence_lens 0 the final
#           states Y_h and Y_c are zeros, whatever initial_h and initial_c were.
# Do:       mask Y before a maximum (Where, with a large negative number); carry states of empty sequences over by hand.
# Versions: ONNX Runtime 1.31.1, OpenVINO 2026.4.1, onnx 1.23.2 (opset 22), Python 3.11
# Seen:     2026-12-01
# Output:   ONNX Runtime: Y of 2 steps in 4: -0.135, -0.027, 0.000, 0.000; of 0 steps, initial_h 0.5: Y_h 0.000
#           OpenVINO: Y of 2 steps in 4: -0.135, -0.027, 0.000, 0.000; of 0 steps, initial_h 0.5: Y_h 0.000
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

STEPS, TEXTS, INPUTS, UNITS = 4, 3, 2, 3
random = numpy.random.default_rng(0)
path = sys.argv[1]

def weights(name, *shape):
    return helper.make_tensor(name, TensorProto.FLOAT, shape, random.normal(size=shape).ravel())

def floats(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

node = helper.make_node("LSTM", ["X", "W", "R", "B", "lengths", "h", "c"], ["Y", "Y_h", "Y_c"], hidden_size=UNITS)
state = (1, TEXTS, UNITS)
graph = helper.make_graph(
    [node], "lstm",
    [floats("X", STEPS, TEXTS, INPUTS), helper.make_tensor_value_info("lengths", TensorProto.INT32, (TEXTS,)),
     floats("h", *state), floats("c", *state)],
    [floats("Y", STEPS, 1, TEXTS, UNITS), floats("Y_h", *state), floats("Y_c", *state)],
    [weights("W", 1, 4 * UNITS, INPUTS), weights("R", 1, 4 * UNITS, UNITS), weights("B", 1, 8 * UNITS)],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, path)
half = numpy.full(state, 0.5, numpy.float32)
texts = random.normal(size=(STEPS, TEXTS, INPUTS)).astype(numpy.float32)
given = {"X": texts, "lengths": numpy.array([4, 2, 0], numpy.int32), "h": half, "c": half}

def with_openvino():
    compiled = openvino.compile_model(openvino.Core().read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answers = compiled(given)
    return [answers[index] for index in range(3)]

print(*(f"{name} {version(name)}" for name in ("onnx", "onnxruntime", "openvino")))
for name, (y, y_h, y_c) in (
    ("ONNX Runtime", onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)),
    ("OpenVINO", with_openvino()),
):
    short, empty_h, empty_c = y[:, 0, 1], y_h[0, 2], y_c[0, 2]
    print(f"{name}: Y of 2 steps in 4: {', '.join(f'{step[0]:.3f}' for step in short)};",
          f"of 0 steps, initial_h 0.5: Y_h {empty_h[0]:.3f}")
    if not short[:2].all() or short[2:].any() or empty_h.any() or empty_c.any():
        sys.exit("The behaviour has changed.")
EOF
