"""What runs on the Run screen tell in the tests, and the console that follows them."""

from __future__ import annotations

from ascend_console.core.events import (
    ArtifactWritten,
    JobSucceeded,
    Progress,
    StepStarted,
)
from ascend_console.tui import glyphs
from ascend_console.tui.messages import FollowRequested
from ascend_console.tui.pen import Pen
from ascend_console.tui.texts import Texts
from tests.tui.screen_text import shown, text_of, until

NAME = "20261120-101500-ghostnet-3f9a"
OTHER = "20261120-101400-deepmar-77aa"
PEN = Pen(Texts("en"), glyphs.UNICODE, "dark")
STEPS = (
    "weights", "export", "convert", "infer bs1", "infer bs8", "reference", "measure bs1",
    "measure bs8", "verdict",
)  # fmt: skip
REQUEST = {"model": ["ghostnet"], "backend": "onnxruntime", "batch_size": [1, 8], "sample": True}


def begun(*names, each_s=2.0):
    """Steps that began one after the other."""
    return tuple((number * each_s, StepStarted(name, STEPS.index(name) + 1, len(STEPS)))
                 for number, name in enumerate(names))  # fmt: skip


INFERRING = (
    *begun(*STEPS[:5]),
    (1.9, ArtifactWritten(f"/ws/runs/{NAME}/export/ghostnet.onnx", "onnx")),
    *((8.5 + 0.1 * number, Progress(number * 10, 300, "images")) for number in range(1, 19)),
)
VERDICT = (
    (0.5, StepStarted("verdict", 9, 9)),
    (41.0, JobSucceeded("PASS", 0)),
)


def follow(console, folder, holds, **options):
    """The lines of the screen once it shows what a test looks for."""

    async def steps(app, pilot):
        app.post_message(FollowRequested(folder))
        await until(pilot, lambda: holds in shown(app))
        return text_of(app)

    return console.drive(steps, start="run", **options)
