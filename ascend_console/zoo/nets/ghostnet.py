"""GhostNet 1.0x: half of each layer's channels come from a cheap depthwise convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class Shape(NamedTuple):
    """One bottleneck: channels inside and out, depthwise kernel, stride, width of the gate."""

    expanded: int
    out: int
    kernel: int = 3
    stride: int = 1
    gate: int = 0


STEM = 16
HEAD = 960
FEATURES = 1280

STAGES: tuple[tuple[Shape, ...], ...] = (
    (Shape(16, 16),),
    (Shape(48, 24, stride=2),),
    (Shape(72, 24),),
    (Shape(72, 40, kernel=5, stride=2, gate=20),),
    (Shape(120, 40, gate=32),),
    (Shape(240, 80, stride=2),),
    (
        Shape(200, 80),
        Shape(184, 80),
        Shape(184, 80),
        Shape(480, 112, gate=120),
        Shape(672, 112, gate=168),
    ),
    (Shape(672, 160, kernel=5, stride=2, gate=168),),
    (Shape(960, 160), Shape(960, 160, gate=240), Shape(960, 160), Shape(960, 160, gate=240)),
)


def depthwise(channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution of each channel by itself that keeps the map's size at stride 1."""
    return nn.Conv2d(
        channels,
        channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=channels,
        bias=False,
    )


def activation(wanted: bool) -> nn.Module:
    """ReLU, or nothing; both stand at index 2 of a ghost half."""
    return nn.ReLU(inplace=True) if wanted else nn.Sequential()


class Gate(nn.Module):
    """Squeeze and excitation with a hard sigmoid."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_reduce = nn.Conv2d(channels, reduced, 1)
        self.act1 = nn.ReLU(inplace=True)
        self.conv_expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` scaled per channel."""
        scale = self.conv_expand(self.act1(self.conv_reduce(self.avg_pool(x))))
        return x * (functional.relu6(scale + 3.0) / 6.0)


class Ghost(nn.Module):
    """A 1x1 convolution for the first half of the channels, a depthwise 3x3 of it for the rest."""

    def __init__(self, channels: int, out: int, relu: bool) -> None:
        super().__init__()
        self.out = out
        half = (out + 1) // 2
        self.primary_conv = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), activation(relu)
        )
        self.cheap_operation = nn.Sequential(
            depthwise(half, 3), nn.BatchNorm2d(half), activation(relu)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w), the primary half first."""
        primary = self.primary_conv(x)
        both = torch.cat([primary, self.cheap_operation(primary)], dim=1)
        return both[:, : self.out, :, :]


class Bottleneck(nn.Module):
    """Ghost, optional depthwise stride, optional gate, ghost without ReLU, shortcut."""

    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        self.strided = shape.stride > 1
        self.ghost1 = Ghost(channels, shape.expanded, relu=True)
        if self.strided:
            self.conv_dw = depthwise(shape.expanded, shape.kernel, shape.stride)
            self.bn_dw = nn.BatchNorm2d(shape.expanded)
        self.se: nn.Module | None = None
        if shape.gate:
            self.se = Gate(shape.expanded, shape.gate)
        self.ghost2 = Ghost(shape.expanded, shape.out, relu=False)
        self.shortcut = nn.Sequential()
        if self.strided or channels != shape.out:
            self.shortcut = nn.Sequential(
                depthwise(channels, shape.kernel, shape.stride),
                nn.BatchNorm2d(channels),
                nn.Conv2d(channels, shape.out, 1, bias=False),
                nn.BatchNorm2d(shape.out),
            )

    def forward(self, x: Tensor) -> Tensor:
        """The block's output; nothing is clipped after the sum."""
        out = self.ghost1(x)
        if self.strided:
            out = self.bn_dw(self.conv_dw(out))
        if self.se is not None:
            out = self.se(out)
        out = self.ghost2(out)
        total: Tensor = out + self.shortcut(x)
        return total


class ConvUnit(nn.Module):
    """A 1x1 convolution with BatchNorm and ReLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.act1 = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, out, h, w)."""
        out: Tensor = self.act1(self.bn1(self.conv(x)))
        return out


class GhostNet(nn.Module):
    """Stem, nine stages of ghost bottlenecks, a 1x1 convolution to 960, and the head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv_stem = nn.Conv2d(3, STEM, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        self.act1 = nn.ReLU(inplace=True)
        stages: list[nn.Module] = []
        channels = STEM
        for shapes in STAGES:
            blocks: list[nn.Module] = []
            for shape in shapes:
                blocks.append(Bottleneck(channels, shape))
                channels = shape.out
            stages.append(nn.Sequential(*blocks))
        stages.append(nn.Sequential(ConvUnit(channels, HEAD)))
        self.blocks = nn.Sequential(*stages)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.conv_head = nn.Conv2d(HEAD, FEATURES, 1)
        self.act2 = nn.ReLU(inplace=True)
        self.classifier = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (n, classes)."""
        x = self.blocks(self.act1(self.bn1(self.conv_stem(x))))
        x = self.act2(self.conv_head(self.global_pool(x)))
        x = x.view(x.size(0), -1)
        x = functional.dropout(x, 0.2, training=self.training)
        out: Tensor = self.classifier(x)
        return out


def ghostnet() -> GhostNet:
    """The network in eval mode, freshly initialised: (n, 3, 224, 224) -> (n, 1000) logits."""
    net = GhostNet(1000)
    return net.eval()
