"""What a model is: its text form, its files, where they are kept and how they turn text into scores."""

import os

# A process scores on one core; NumPy's matrix products read this when NumPy is imported, and would start threads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# ONNX Runtime reports on its use, and leaves a file among the temporary ones, unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
