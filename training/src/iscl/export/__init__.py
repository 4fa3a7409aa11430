"""From a checkpoint to models/: ONNX, golden pair, manifest."""

from .golden import golden_input
from .manifest import ManifestError, ModelEntry, read_manifest, upsert
from .onnx_file import ExportError, compare, export_onnx, halve_weights, session
from .wasm_graph import write_wasm_graph

__all__ = [
    "ExportError",
    "ManifestError",
    "ModelEntry",
    "compare",
    "export_onnx",
    "golden_input",
    "halve_weights",
    "read_manifest",
    "session",
    "upsert",
    "write_wasm_graph",
]
