"""A network computed by OpenVINO: converted from PyTorch, exported, and loaded again."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def is_installed() -> bool:
    """Whether the extra `openvino` is here."""
    return find_spec("openvino") is not None


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def version() -> str:
    """The installed version, such as `2026.4.1`."""
    import openvino

    return str(openvino.__version__).partition("-")[0]


def processor() -> str:
    """The processor that networks are compiled for."""
    return str(_core().get_property("CPU", "FULL_DEVICE_NAME"))


class CompiledNetwork:
    """A network that OpenVINO computes on the processor, in the number format that it was compiled for."""

    def __init__(self, compiled: Any) -> None:
        """`compiled` is OpenVINO's own CompiledModel."""
        self._compiled = compiled
        self._request = compiled.create_infer_request()

    @classmethod
    def load(cls, exported: bytes, dtype: torch.dtype) -> CompiledNetwork:
        """What `export` gave. Raises RuntimeError when that is of another version or another processor."""
        return cls(_core().import_model(io.BytesIO(exported), "CPU", _settings(dtype)))

    @classmethod
    def convert(cls, network: nn.Module, inputs: Sequence[Tensor], dtype: torch.dtype) -> CompiledNetwork:
        """Convert a network that is called with such inputs; the sizes of others may differ in every dimension but the
        second of pictures. Takes seconds. Raises RuntimeError for operators that OpenVINO does not have.

        `dtype` is what it computes in; inputs and output are float32.
        """
        import openvino
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        whole = tuple(value.float() for value in inputs)
        # OpenVINO does not mix number formats: weights in bfloat16 do not go with inputs in float32.
        with torch.no_grad(), warnings.catch_warnings():
            # Tracing warns of every `if` on a size; `CompiledUNets.accepts` lets in only sizes for which they hold.
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(copy.deepcopy(network).float(), whole, check_trace=False)  # type: ignore[no-untyped-call]
            frontend = FrontEndManager().load_by_framework("pytorch")
            # Not openvino.convert_model: that reports its use to a server.
            # The graph calls the decoder until it is converted, but does not own it.
            decoder = TorchScriptPythonDecoder(traced, example_input=whole)
            graph = frontend.convert(frontend.load(decoder))
        for port, value in zip(graph.inputs, whole, strict=True):
            shape = [size if value.dim() == 4 and axis == 1 else -1 for axis, size in enumerate(value.shape)]
            port.get_node().set_partial_shape(openvino.PartialShape(shape))
            port.get_node().set_element_type(openvino.Type.f32)
        graph.validate_nodes_and_infer_types()
        return cls(_core().compile_model(graph, "CPU", _settings(dtype)))

    def export(self) -> bytes:
        """The compiled network for `load`."""
        exported = self._compiled.export_model()
        return bytes(exported.getvalue() if isinstance(exported, io.BytesIO) else exported)

    def __call__(self, *inputs: Tensor) -> Float[Tensor, "..."]:
        """The first output, float32."""
        arrays = [value.float().contiguous().numpy() for value in inputs]
        return torch.from_numpy(self._request.infer(arrays, share_inputs=True, share_outputs=True)[0].copy())


def _settings(dtype: torch.dtype) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
