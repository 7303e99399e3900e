"""A torch network over many samples on several cores.

Each core runs whole samples in one thread. Splitting every layer over the cores instead makes them
wait for each other after each layer, which on a busy machine takes several times as long.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ascend_console.tools.environment import cores
from ascend_console.tools.torch_checkpoint import require_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    Compute = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_CHUNK = 4


@contextmanager
def spread_over_cores(compute: Compute) -> Iterator[Compute]:
    """`compute` of a batch, as one function that gives each core a part of the batch at a time.

    The result does not depend on the number of cores. Torch's own number of threads is 1 inside
    and is put back at the end.
    """
    require_torch()
    import numpy as np
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)

    def spread(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = [batch[start : start + _CHUNK] for start in range(0, len(batch), _CHUNK)]
        return np.concatenate(list(pool.map(compute, parts)))

    try:
        with ThreadPoolExecutor(cores(), thread_name_prefix="torch") as pool:
            yield spread
    finally:
        torch.set_num_threads(before)


def reference_batch() -> int:
    """A batch that keeps every core busy."""
    return 2 * _CHUNK * cores()


def network_compute(module: Any) -> Compute:
    """The output of a network for one batch, in float32; channels last is faster on processors."""
    require_torch()
    import numpy as np
    import torch

    network = module.eval().to(memory_format=torch.channels_last)

    def compute(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            data = torch.from_numpy(np.ascontiguousarray(batch, np.float32))
            output = network(data.to(memory_format=torch.channels_last))
        result: NDArray[np.float32] = output.numpy().copy()
        return result

    return compute
