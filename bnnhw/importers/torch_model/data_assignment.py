"""Makes uses of ``tensor.data`` visible to torch.export.

Early binary networks replace the data of their inputs and weights in the forward pass
(``x.data = x.data.sign()``), which passes by the operators that torch.export records. While this
mode is active, reading ``data`` detaches the tensor, and an assignment copies into it; both are
recorded.
"""

from __future__ import annotations

from typing import Any

from bnnhw.importers.torch_model.packages import torch_module

__all__ = ["DataAssignments"]


def DataAssignments() -> Any:
    """Return a context manager in which ``x.data`` can be recorded."""
    torch = torch_module()
    from torch.overrides import TorchFunctionMode

    read, assign = torch.Tensor.data.__get__, torch.Tensor.data.__set__

    class Mode(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (),
                               kwargs: Any = None) -> Any:
            if function == read:
                return args[0].detach()
            if function == assign:
                target, value = args
                if target is not value:
                    target.copy_(value)
                return None
            return function(*args, **(kwargs or {}))

    return Mode()
