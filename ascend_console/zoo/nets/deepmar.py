"""DeepMAR: 35 pedestrian attributes over a ResNet-50 trunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from ascend_console.zoo.nets._resnet import Trunk

if TYPE_CHECKING:
    from torch import Tensor


class DeepMar(nn.Module):
    """One logit per attribute; no sigmoid, the threshold is 0."""

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.base = Trunk()
        self.classifier = nn.Linear(Trunk.width, attributes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (n, attributes)."""
        # A fixed kernel, as published: the whole map at 224 pixels, and a constant when traced.
        pooled = functional.avg_pool2d(self.base(x), 7)
        pooled = pooled.view(pooled.size(0), -1)
        pooled = functional.dropout(pooled, 0.5, training=self.training)
        out: Tensor = self.classifier(pooled)
        return out


def deepmar() -> DeepMar:
    """The network in eval mode, freshly initialised: (n, 3, 224, 224) -> (n, 35) logits."""
    net = DeepMar(35)
    return net.eval()
