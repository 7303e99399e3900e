"""The ResNet-50 that MoCo and DeepMAR share; the 3x3 convolution of a block carries the stride."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EXPANSION = 4


class Bottleneck(nn.Module):
    """Three convolutions (1x1, 3x3, 1x1) beside a shortcut; `planes` grow four times."""

    def __init__(self, channels: int, planes: int, stride: int, projected: bool) -> None:
        super().__init__()
        wide = planes * EXPANSION
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
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
        out = self.bn3(self.conv3(out))
        total: Tensor = self.relu(out + shortcut)
        return total


def stage(channels: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    """`blocks` bottlenecks in a row; the first one strides and projects its shortcut."""
    wide = planes * EXPANSION
    rest = (Bottleneck(wide, planes, 1, projected=False) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(channels, planes, stride, projected=True), *rest)


class Trunk(nn.Module):
    """ResNet-50 without pool and classifier: (n, 3, 224, 224) -> (n, 2048, 7, 7)."""

    width = 2048

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(64, 64, 3, stride=1)
        self.layer2 = stage(256, 128, 4, stride=2)
        self.layer3 = stage(512, 256, 6, stride=2)
        self.layer4 = stage(1024, 512, 3, stride=2)

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, (n, 2048, 7, 7) for 224 pixels."""
        out: Tensor = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            out = layer(out)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """The same as `features`; a model built on the trunk goes on from there."""
        return self.features(x)


class Classifier(Trunk):
    """The trunk with a global average pool and a linear classifier, keys without a prefix."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (n, classes)."""
        pooled = torch.flatten(self.avgpool(self.features(x)), 1)
        out: Tensor = self.fc(pooled)
        return out
