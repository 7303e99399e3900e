"""SE-ResNet50 as ported from Caffe: the first 1x1 of a block strides, a gate ends each block."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

EXPANSION = 4
REDUCTION = 16


class Gate(nn.Module):
    """Squeeze and excitation: scales each channel by what the whole map says of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, channels // REDUCTION, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(channels // REDUCTION, channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """`x` scaled per channel."""
        scale: Tensor = self.sigmoid(self.fc2(self.relu(self.fc1(self.avg_pool(x)))))
        return x * scale


class Block(nn.Module):
    """A bottleneck whose gate works before the shortcut is added."""

    def __init__(self, channels: int, planes: int, stride: int, projected: bool) -> None:
        super().__init__()
        wide = planes * EXPANSION
        self.conv1 = nn.Conv2d(channels, planes, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.se_module = Gate(wide)
        self.downsample: nn.Module | None = None
        if projected:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, wide, 1, stride=stride, bias=False), nn.BatchNorm2d(wide)
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, (n, 4 * planes, h / stride, w / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.se_module(self.bn3(self.conv3(out)))
        total: Tensor = self.relu(out + shortcut)
        return total


def stage(channels: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    """`blocks` blocks in a row; the first one strides and projects its shortcut."""
    wide = planes * EXPANSION
    rest = (Block(wide, planes, 1, projected=False) for _ in range(blocks - 1))
    return nn.Sequential(Block(channels, planes, stride, projected=True), *rest)


class SeResNet50(nn.Module):
    """3, 4, 6 and 3 blocks between a stem without pool padding and a 7x7 pool."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layer0 = nn.Sequential(
            OrderedDict[str, nn.Module](
                conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
                bn1=nn.BatchNorm2d(64),
                relu1=nn.ReLU(inplace=True),
                # Caffe's pool: no padding, the last window hangs over the edge.
                pool=nn.MaxPool2d(3, stride=2, ceil_mode=True),
            )
        )
        self.layer1 = stage(64, 64, 3, stride=1)
        self.layer2 = stage(256, 128, 4, stride=2)
        self.layer3 = stage(512, 256, 6, stride=2)
        self.layer4 = stage(1024, 512, 3, stride=2)
        self.avg_pool = nn.AvgPool2d(7, stride=1)
        self.last_linear = nn.Linear(512 * EXPANSION, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (n, classes); the fixed pool wants 224 pixels."""
        for layer in (self.layer0, self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        x = self.avg_pool(x)
        out: Tensor = self.last_linear(x.view(x.size(0), -1))
        return out


def se_resnet50() -> SeResNet50:
    """The network in eval mode, freshly initialised: (n, 3, 224, 224) -> (n, 1000) logits."""
    net = SeResNet50(1000)
    return net.eval()
