"""A device that is not there: tensors on it are computed by the processor, under the rules of Apple's devices.

They refuse float64, as Metal does, and refuse to be mixed with tensors of the processor, so that what passes here
brings every tensor to the device, and none in a format that it lacks. The bytes on the device are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

MPS = torch.device("mps", 0)
PROCESSOR = torch.device("cpu")
LACKING = (torch.float64, torch.complex128)
aten = torch.ops.aten
MIXING = (aten.copy_.default, aten.index.Tensor, aten.index_put_.default, aten._index_put_impl_.default)
"""What may be given tensors of the processor too: copies, and lists of places."""
SET_DATA = Tensor.data.__set__  # type: ignore[attr-defined]


class Memory:
    """The bytes of the device: those of storages that tensors on it have now, and the most that they were.

    `brought` and `most_brought` count only what came from the processor: weights, pictures, embeds.
    """

    def __init__(self) -> None:
        self._tensors: Counter[int] = Counter()
        self._brought: set[int] = set()
        self.now = self.most = self.brought = self.most_brought = 0

    def start(self) -> None:
        """Forget the most that there was before."""
        self.most, self.most_brought = self.now, self.brought

    def add(self, storage: int, size: int, *, brought: bool) -> None:
        """Count another tensor of a storage."""
        self._tensors[storage] += 1
        if self._tensors[storage] == 1:
            self.now += size
            if brought:
                self._brought.add(storage)
                self.brought += size
        self.most, self.most_brought = max(self.most, self.now), max(self.most_brought, self.brought)

    def remove(self, storage: int, size: int) -> None:
        """One tensor of a storage less."""
        self._tensors[storage] -= 1
        if not self._tensors[storage]:
            del self._tensors[storage]
            self.now -= size
            if storage in self._brought:
                self._brought.remove(storage)
                self.brought -= size


MEMORY = Memory()


class Place:
    """A tensor's place on the device, as long as the tensor is there."""

    def __init__(self, numbers: Tensor, *, brought: bool = False) -> None:
        storage = numbers.untyped_storage()
        self._storage, self._size = storage.data_ptr(), storage.nbytes()
        MEMORY.add(self._storage, self._size, brought=brought)

    def __del__(self) -> None:
        MEMORY.remove(self._storage, self._size)


class OnDevice(Tensor):
    """A tensor that says it is on the device; `numbers` is what the processor has of it."""

    numbers: Tensor
    place: Place

    @staticmethod
    def __new__(cls, inner: Tensor, *, brought: bool = False) -> OnDevice:
        if inner.dtype in LACKING:
            raise TypeError(f"cannot convert a tensor to {inner.dtype}: the MPS framework does not support it")
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=PROCESSOR
        )
        made.numbers, made.place = inner, Place(inner, brought=brought)
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return MPS

    def tolist(self) -> Any:
        """Its values, brought back from the device."""
        return self.numbers.tolist()

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if isinstance(value, OnDevice):
            SET_DATA(self, value)
            self.numbers, self.place = value.numbers, value.place
        else:
            _become(self, value)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"OnDevice({self.numbers!r})"

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # type: ignore[override]
        leaves = tree_flatten((args, kwargs or {}))[0]
        there = {id(leaf.numbers): leaf for leaf in leaves if isinstance(leaf, OnDevice)}
        strays = [leaf for leaf in leaves if isinstance(leaf, Tensor) and not isinstance(leaf, OnDevice) and leaf.ndim]
        if strays and func not in MIXING:
            raise RuntimeError(f"{func}: all tensors must be on mps:0, found one of {tuple(strays[0].shape)} on cpu")
        result = func(*_plain(args), **_plain(kwargs or {}))
        if func is aten.copy_.default and not isinstance(args[0], OnDevice):
            return args[0]
        return tree_map(lambda each: _placed(each, there) if isinstance(each, Tensor) else each, result)


def _become(tensor: Tensor, value: Tensor) -> None:
    """Have a tensor go to the device or leave it, as assigning to `data` does: every reference to it stays good."""
    parameter = isinstance(tensor, torch.nn.Parameter)
    with torch.inference_mode(False), torch.no_grad():
        made = torch.nn.Parameter(value, requires_grad=False) if parameter else value.detach()
    torch.utils.swap_tensors(tensor, made)  # type: ignore[no-untyped-call]


def _plain(arguments: Any) -> Any:
    return tree_map(lambda each: each.numbers if isinstance(each, OnDevice) else each, arguments)


def _placed(value: Tensor, there: dict[int, OnDevice], *, brought: bool = False) -> OnDevice:
    """The tensor that these numbers belong to where an operation worked in place, else a new one."""
    return there[id(value)] if id(value) in there else OnDevice(value, brought=brought)


class Pretending(TorchFunctionMode):
    """Takes tensors to the device and back. `seen` are the formats of those that were brought there."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == SET_DATA and isinstance(args[1], OnDevice) and not isinstance(args[0], OnDevice):
            return _become(*args)
        # Inference mode does not know tensors of this kind; without gradients the numbers are the same.
        with torch.inference_mode(False), torch.no_grad():
            target = None if func in (torch.device, torch._C._nn._parse_to) else _target(func, args, kwargs)
            there = [each for each in args if isinstance(each, OnDevice)]
            if target is None or (target.type != "mps" and not there):
                return func(*args, **kwargs)
            args = [PROCESSOR if _is_place(each) else each for each in args]
            kwargs = {name: PROCESSOR if name == "device" else each for name, each in kwargs.items()}
            result = func(*_plain(args), **_plain(kwargs))
            if target.type != "mps":
                return result
            self.seen.add(result.dtype)
            return _placed(result, {id(each.numbers): each for each in there}, brought=not there)


def _is_place(value: Any) -> bool:
    return isinstance(value, torch.device) or (isinstance(value, str) and value.partition(":")[0] in ("mps", "cpu"))


def _target(func: Any, args: Any, kwargs: dict[str, Any]) -> torch.device | None:
    """The device that a call names for its result."""
    if func is Tensor.cpu:
        return PROCESSOR
    if func is Tensor.to:
        others = [each.device for each in args[1:] if isinstance(each, Tensor)]
        if others:
            return others[0]
    named = [kwargs["device"]] if kwargs.get("device") is not None else [each for each in args if _is_place(each)]
    return torch.device(named[0]) if named else None


@contextmanager
def pretended_mac() -> Iterator[Pretending]:
    """A computer whose best device is Apple's, for a `with` block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.mps, "is_available", lambda: True)
        patch.setattr(torch.mps, "empty_cache", lambda: None)
        overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
        # Otherwise a network that is moved keeps its parameters, whose numbers alone are changed.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with Pretending() as pretending:
                yield pretending
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
