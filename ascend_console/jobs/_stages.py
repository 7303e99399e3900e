"""The pace of each stage of a pass over a data set, as the published performance files tell it.

A stage's rate is what it put through from the start of the pass to its own last piece, waiting
included; so no stage is slower than the whole pass, and 1000 / rate is its time a piece. The
inference stage alone has a latency of its own: the time inside it for each sample
(ascend-tools.md section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ascend_console.ascend.benchmark import PerfFile
    from ascend_console.core.specs import Clock
    from ascend_console.tools.image_stream import ImageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Seconds from the start of a pass to the last piece of each stage, and of the whole pass.

    `data_read_s` ends with reading and decoding of the last image, `preprocess_s` with its tensor;
    `inside_infer_s` is the time spent in the inference calls.
    """

    images: int
    batches: int
    data_read_s: float
    preprocess_s: float
    infer_s: float
    inside_infer_s: float
    post_s: float
    total_s: float

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> StageTimes | None:
        """What `dataclasses.asdict` gave, None for nothing."""
        return cls(**document) if document else None

    def perf(self, interface_rate: float) -> PerfFile | None:
        """The figures of a performance file; None where the clock saw no time pass.

        `interface_rate` is the device's own throughput, in samples a second.
        """
        from ascend_console.ascend.benchmark import PerfFile, Stage

        spans = (self.data_read_s, self.preprocess_s, self.infer_s, self.post_s, self.total_s)
        if min(spans) <= 0 or not self.images:
            return None

        def pace(pieces: int, span_s: float) -> Stage:
            return Stage(pieces / span_s, 1000 * span_s / pieces)

        return PerfFile(
            e2e_rate=self.images / self.total_s,
            elapsed_ms=1000 * self.total_s,
            data_read=pace(self.images, self.data_read_s),
            preprocess=pace(self.images, self.preprocess_s),
            infer=Stage(self.images / self.infer_s, 1000 * self.inside_infer_s / self.images),
            post=pace(self.batches, self.post_s),
            interface_rate=interface_rate,
        )


class StageClock:
    """Takes the time of every piece of a pass."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_s = clock.monotonic_s()
        self._decoded_s = self._ready_s = self._inferred_s = self._scored_s = self._started_s
        self._inside_s = 0.0
        self._infer_started_s = self._started_s
        self._images = self._batches = 0

    def seen(self, result: ImageResult) -> None:
        """An image left the workers."""
        if result.data is not None:
            self._decoded_s = max(self._decoded_s, result.decoded_s)
            self._ready_s = max(self._ready_s, result.ready_s)

    def infer_begins(self) -> None:
        """A batch goes into the model."""
        self._infer_started_s = self._clock.monotonic_s()

    def infer_ended(self, images: int) -> None:
        """A batch of so many images came out of the model."""
        self._inferred_s = self._clock.monotonic_s()
        self._inside_s += self._inferred_s - self._infer_started_s
        self._images += images
        self._batches += 1

    def scored(self) -> None:
        """A batch was scored."""
        self._scored_s = self._clock.monotonic_s()

    def times(self) -> StageTimes:
        """The pass so far."""
        start_s = self._started_s
        return StageTimes(
            images=self._images,
            batches=self._batches,
            data_read_s=self._decoded_s - start_s,
            preprocess_s=self._ready_s - start_s,
            infer_s=self._inferred_s - start_s,
            inside_infer_s=self._inside_s,
            post_s=self._scored_s - start_s,
            total_s=self._clock.monotonic_s() - start_s,
        )
