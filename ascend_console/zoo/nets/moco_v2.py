"""MoCo v2's linear classifier: a ResNet-50 over frozen self-supervised features."""

from __future__ import annotations

from ascend_console.zoo.nets._resnet import Classifier


def moco_v2() -> Classifier:
    """The network in eval mode, freshly initialised: (n, 3, 224, 224) -> (n, 1000) logits."""
    net = Classifier(1000)
    return net.eval()
