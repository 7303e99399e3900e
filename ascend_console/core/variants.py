"""The preprocessing variants of the published scripts (models.md section 4)."""

from types import MappingProxyType

from ascend_console.core.errors import UserError
from ascend_console.core.specs import ModelSpec, Preprocess

_HALF = (0.5, 0.5, 0.5)

_ALL = (
    Preprocess(
        name="resnet",
        resize="short",
        size=256,
        filter="bilinear",
        crop=224,
        source="SENet R1 imagenet_torch_preprocess.py",
    ),
    Preprocess(
        name="ghostnet",
        resize="short",
        size=256,
        filter="bilinear",
        crop=224,
        source="GhostNet R1 imagenet_torch_preprocess.py",
    ),
    Preprocess(
        name="ghostnet_r3",
        resize="exact",
        size=256,
        filter="bilinear",
        crop=224,
        source="GhostNet R3 Ghostnet_preprocess.py; loses the aspect ratio",
    ),
    Preprocess(
        name="moco",
        resize="short",
        size=256,
        filter="bicubic",
        crop=224,
        source="MoCo imagenet_torch_preprocess.py",
    ),
    Preprocess(
        name="deepmar",
        resize="exact",
        size=224,
        filter="bilinear",
        crop=None,
        source="DeepMAR preprocess_deepmar_pytorch.py",
    ),
    Preprocess(
        name="inceptionv3",
        resize="short",
        size=342,
        filter="bilinear",
        crop=299,
        source="SENet R1 imagenet_torch_preprocess.py",
    ),
    Preprocess(
        name="inceptionv4",
        resize="short",
        size=342,
        filter="bilinear",
        crop=299,
        mean=_HALF,
        std=_HALF,
        source="SENet R1 imagenet_torch_preprocess.py",
    ),
    Preprocess(
        name="se_builtin",
        resize="exact",
        size=256,
        filter="bicubic",
        crop=None,
        dtype="uint8",
        library="opencv",
        source="built-in SE_ResNet50; AIPP crops and normalises on the device",
    ),
)

VARIANTS = MappingProxyType({variant.name: variant for variant in _ALL})


def variant(name: str) -> Preprocess:
    """The variant of that name; UserError names the known ones."""
    if name not in VARIANTS:
        raise UserError(
            "preprocess.variant",
            "there is no preprocessing variant {name!r}",
            hint="Choose one of: {known}.",
            name=name,
            known=", ".join(VARIANTS),
        )
    return VARIANTS[name]


def preprocessing(spec: ModelSpec) -> Preprocess:
    """How a model's images are preprocessed: its own way, else the first of its variants."""
    return spec.preprocess or variant(spec.variants[0])
