"""Sample weights: a seeded random backbone with a final layer fitted to sample images.

They make a network whose results are real and whose accuracy on held-out images is far above
chance, where no trained weights may be shipped. Every tensor matters: none is zero as a whole,
and no gate is saturated.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import UserError
from ascend_console.tools import linear_fit, torch_parallel
from ascend_console.tools.torch_checkpoint import require_torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from ascend_console.core.specs import ModelSpec

# Each residual branch starts small, so that what the image shows survives many random layers; at
# exactly 0 the branch would not matter at all.
RESIDUAL_GAIN = 0.2
CALIBRATION_IMAGES = 64
_BATCH = 16
_SHORTCUTS = ("downsample", "shortcut")


def fit_steps(
    spec: ModelSpec, batches: Iterable[NDArray[np.float32]], labels: NDArray[Any], *, seed: int
) -> Iterator[tuple[int, Mapping[str, torch.Tensor] | None]]:
    """Make sample weights, telling after each batch how many images have passed the backbone.

    `batches` are (n, *input) samples, `labels` one class or one row of 0 and 1 per image, in the
    same order. The weights come with the last step. The same images, seed and version of torch
    give the same weights, whatever the number of cores. UserError where labels do not fit.
    """
    require_torch()
    import numpy as np
    import torch

    kept = [np.ascontiguousarray(batch, np.float32) for batch in batches]
    images = np.concatenate([np.empty((0, *spec.input.shape), np.float32), *kept])
    del kept
    _require_pairs(len(images), labels)
    module = _random_module(spec, seed)
    features: list[NDArray[np.float32]] = []
    step = torch_parallel.reference_batch()
    with torch_parallel.spread_over_cores(_features_of(module)) as spread:
        for _ in _calibrate(module, images[_spread(labels, CALIBRATION_IMAGES)]):
            yield 0, None
        for start in range(0, len(images), step):
            features.append(spread(images[start : start + step]))
            yield min(start + step, len(images)), None
    fit = linear_fit.classes if spec.task == "classification" else linear_fit.attributes
    weight, bias = fit(
        np.concatenate(features).astype(np.float64), labels, spec.output.shape[0], seed
    )
    last = _last_linear(module)
    with torch.no_grad():
        last.weight.copy_(torch.from_numpy(weight))
        last.bias.copy_(torch.from_numpy(bias))
    yield len(images), {key: value.contiguous() for key, value in module.state_dict().items()}


def recipe_files(name: str) -> tuple[Path, ...]:
    """The source files that decide a model's sample weights, for the key of a cache."""
    here, networks = Path(__file__), Path(__file__).parents[1] / "zoo" / "nets"
    shared = sorted(networks.glob("_*.py"))
    return (here, Path(linear_fit.__file__), networks / f"{name}.py", *shared)


def _require_pairs(images: int, labels: NDArray[Any]) -> None:
    if images != len(labels) or images < 2:
        raise UserError(
            "sample.labels",
            "{images} sample images and {labels} labels cannot be fitted",
            hint="Give each image one label, and at least two images.",
            images=images,
            labels=len(labels),
        )


def _spread(labels: NDArray[Any], count: int) -> NDArray[np.intp]:
    """Indices of at most `count` images that stand for all classes, in ascending order."""
    import numpy as np

    if labels.ndim > 1:
        return np.unique(np.linspace(0, len(labels) - 1, count).astype(np.intp))
    turn = np.zeros(len(labels), np.intp)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        turn[members] = np.arange(len(members))
    return np.sort(np.lexsort((labels, turn))[:count])


def _random_module(spec: ModelSpec, seed: int) -> nn.Module:
    """The network with seeded random weights, in eval mode; torch's own generator is not used."""
    import torch
    from torch import nn

    with torch.device("meta"):
        built = spec.build()
    # Channels last is a quarter faster on processors.
    module: nn.Module = built.to_empty(device="cpu").to(memory_format=torch.channels_last).eval()
    generator = torch.Generator().manual_seed(seed)
    ends = {id(norm) for norm in _branch_ends(module)}
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                _init_norm(layer, RESIDUAL_GAIN if id(layer) in ends else 1.0, generator)
            elif isinstance(layer, nn.Conv2d | nn.Linear):
                _init_weights(layer, generator)
    return module


def _init_norm(layer: nn.BatchNorm2d, gain: float, generator: torch.Generator) -> None:
    layer.reset_running_stats()
    layer.weight.uniform_(0.8 * gain, 1.2 * gain, generator=generator)
    layer.bias.normal_(0, 0.1 * gain, generator=generator)


def _init_weights(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    from torch import nn

    fan_in = math.prod(layer.weight.shape[1:])
    layer.weight.normal_(0, math.sqrt(2 / fan_in), generator=generator)
    if isinstance(layer, nn.Conv2d) and layer.groups > 1:
        # Mostly the pixel itself: a purely random depthwise kernel blurs the image away.
        middle = [size // 2 for size in layer.kernel_size]
        layer.weight.mul_(0.3)
        layer.weight[:, :, middle[0], middle[1]] += 1
    if layer.bias is not None:
        layer.bias.normal_(0, 0.1, generator=generator)


def _branch_ends(module: nn.Module) -> Iterator[nn.BatchNorm2d]:
    """The BatchNorms that end a residual branch: the last ones beside a block's shortcut."""
    from torch import nn

    for block in module.modules():
        if not any(hasattr(block, name) for name in _SHORTCUTS):
            continue
        branch = [child for name, child in block.named_children() if name not in _SHORTCUTS]
        norms = [[n for n in child.modules() if isinstance(n, nn.BatchNorm2d)] for child in branch]
        yield from next((found for found in reversed(norms) if found), [])


def _calibrate(module: nn.Module, images: NDArray[np.float32]) -> Iterator[None]:
    """Centre and scale the convolutions without BatchNorm, then give BatchNorm its statistics.

    Yields between batches, so that a caller can stop.
    """
    import torch
    from torch import nn

    parts = [_tensor(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = None  # the plain mean over all batches
    hooks = [
        layer.register_forward_hook(_centre)
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d) and layer.bias is not None
    ]
    if hooks:
        with torch.no_grad():
            module(torch.cat(parts[:2]))
        yield
    for hook in hooks:
        hook.remove()
    for norm in norms:
        norm.reset_running_stats()
    for part in parts:
        with torch.no_grad():
            module(part)
        yield
    for norm in norms:
        norm.eval()
        norm.momentum = 0.1


def _centre(layer: Any, _: Any, output: torch.Tensor) -> torch.Tensor:
    """Make a convolution's channels differ by 1 from image to image, around its small bias.

    Left alone, a gate's logits would be tiny or saturated, and half of the channels in front of
    a ReLU would never be seen.
    """
    plain = output - layer.bias.view(1, -1, 1, 1)
    mean = plain.mean((0, 2, 3), keepdim=True)
    factor = 1 / (plain - mean).std().clamp(min=1e-6)
    layer.weight.mul_(factor)
    layer.bias.sub_(mean.flatten() * factor)
    centred: torch.Tensor = plain * factor + layer.bias.view(1, -1, 1, 1)
    return centred


def _tensor(images: Any) -> torch.Tensor:
    import torch

    return torch.as_tensor(images).contiguous(memory_format=torch.channels_last)


def _last_linear(module: nn.Module) -> nn.Linear:
    from torch import nn

    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]


def _features_of(module: nn.Module) -> torch_parallel.Compute:
    """A function to what the last linear layer takes, (n, width); threads may share it."""
    import torch

    seen = threading.local()
    _last_linear(module).register_forward_pre_hook(
        lambda _, args: setattr(seen, "features", args[0])
    )

    def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            module(_tensor(images))
        found: NDArray[np.float32] = seen.features.numpy().copy()
        return found

    return features
