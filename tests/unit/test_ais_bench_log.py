"""Logs of ais_infer and ais_bench: figures of every generation, devices, complaints."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.ais_bench_log import parse_ais_bench, progress_of
from ascend_console.ascend.ais_bench_output import parse_summary, parse_summary_fragment
from ascend_console.core.errors import UserError

NPU = "min = {0}, max = {1}, mean = {2}, median = {3}, percentile(99%) = {4}"
LABELS = {
    "old": "throughput (1000*batchsize/NPU_compute_time): {rate}",
    "C": "throughput 1000*batchsize({batch})/NPU_compute_time.mean({mean}): {rate}",
    "E": "throughput 1000*batchsize.mean({batch})/NPU_compute_time.mean({mean}): {rate}",
}


def summary_text(label: str, mean: float, batch: int, copies: bool = True) -> str:
    """One summary block in the words of a generation."""
    times = NPU.format(mean / 2, mean * 3, mean, mean * 0.9, mean * 2)
    rate = 1000 * batch / mean
    head = "[INFO] -----------------Performance Summary------------------\n"
    h2d = f"[INFO] H2D_latency (ms): {NPU.format(1, 3, 2, 2, 3)}\n" if copies else ""
    d2h = f"[INFO] D2H_latency (ms): {NPU.format(4, 6, 5, 5, 6)}\n" if copies else ""
    line = LABELS[label].format(rate=rate, mean=mean, batch=batch)
    return f"{head}{h2d}[INFO] NPU_compute_time (ms): {times}\n{d2h}[INFO] {line}\n[INFO] ----\n"


@given(
    st.sampled_from(sorted(LABELS)),
    st.floats(0.01, 5000),
    st.integers(1, 512),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_every_wording_gives_the_same_figures(label, mean, batch, copies, line_end):
    """Throughput has been printed in three ways; its batch size in two, or not at all."""
    text = summary_text(label, mean, batch, copies).replace("\n", line_end)
    bar = "\r".join(f"Inference array Processing:  {n}0%|██  | {n}/9 [00:00<00:00]"
                    for n in range(1, 10))  # fmt: skip
    log = parse_ais_bench(bar + "\r\n" + text + "[INFO] unload model success, model Id is 1\n")
    (found,) = log.summaries
    assert found.throughput == 1000 * batch / mean
    assert found.batch_size == batch
    assert found.compute.mean_ms == mean
    assert found.compute.max_ms == mean * 3
    assert (found.h2d.mean_ms if found.h2d else None) == (2 if copies else None)
    assert (found.d2h.mean_ms if found.d2h else None) == (5 if copies else None)
    assert log.progress == (9, 9)
    assert log.ended
    assert log.doubts() == ()


def test_progress_is_read_from_lines_that_overwrite_themselves():
    """The bar ends its lines with carriage returns."""
    assert progress_of("Inference array Processing:  43%|██  | 3/7 [00:00<00:00]") == (3, 7)
    assert progress_of("Inference Processing full: 100%|█| 7/7 [00:01<00:00]") == (7, 7)
    assert progress_of("loop inference exec: (5/9)") == (5, 9)
    assert progress_of("[INFO] load model x success") is None
    assert progress_of("Inference array Processing: 100%|█| 9/7 [00:01<00:00]") is None


def test_devices_are_summed_and_their_times_are_not_mixed():
    """Lines of several processes interleave; a mean over all of them is nobody's."""
    first, second = summary_text("E", 4.0, 1, False), summary_text("E", 5.0, 1, False)
    mixed = "".join(
        a + "\n" + b + "\n" for a, b in zip(first.splitlines(), second.splitlines(), strict=True)
    )
    tail = (
        "i:0 device_1 throughput:250.0 start_time:1.5 end_time:2.5\n"
        "[INFO] i:1 device_3 throughput:200.0 start_time:1.5 end_time:2.5\n"
        "[INFO] summary throughput:450.0\n"
    )
    log = parse_ais_bench(mixed + tail)
    assert [item.throughput for item in log.summaries] == [250.0, 200.0]
    assert [item.device for item in log.devices] == [1, 3]
    assert log.total_throughput == 450.0
    assert log.doubts() == ()
    assert parse_ais_bench(mixed + tail.replace("450", "460")).doubts()


@pytest.mark.parametrize(
    ("damage", "replacement"),
    [
        ("): 250.0", "): 251.5"),
        ("mean = 4.0", "mean = 4.4"),
        ("min = 2.0", "min = 20.0"),
        ("median = 3.6", "median = 30.6"),
    ],
)
def test_figures_that_contradict_each_other_are_named(damage, replacement):
    """A hand-edited or damaged log must not pass as a measurement."""
    text = summary_text("E", 4.0, 1)
    assert damage in text
    assert parse_ais_bench(text.replace(damage, replacement)).doubts()


@pytest.mark.parametrize("word", ["1,5", "1.2.3", "12ms3", "nan", "inf", "-4.0", "0x10", "1e999"])
def test_a_damaged_number_is_unknown_and_not_another_number(word):
    """Unknown is None; half of a number would be a wrong figure."""
    text = summary_text("E", 4.0, 1, False)
    log = parse_ais_bench(text.replace("min = 2.0", f"min = {word}"))
    assert log.summaries[0].compute.min_ms is None
    log = parse_ais_bench(text.replace(": 250.0", f": {word}"))
    assert log.summaries[0].throughput is None


def test_energy_shapes_and_tensors_are_read():
    """They come with their own options."""
    log = parse_ais_bench(
        "[DEBUG] session info:<Model>\ndevice: 0\ninput:\n"
        "  #0    actual input:0  (1, 3, 8, 8)  float32  768  768\n"
        "output:\n  #0    out  (1, -1)  int64  0  0\n  #1    b  ()  float32  4  4\n[INFO] x\n"
        "[INFO] NPU ID:4 energy consumption(J):59.5\n"
        "0 dymshape:a:1,3  result:OK throughput:10.5\n1 dymshape:a:1,9  result:Failed\n"
    )
    assert [(item.name, item.shape, item.dtype) for item in log.inputs] == [
        ("actual input:0", (1, 3, 8, 8), "float32")
    ]
    assert [item.shape for item in log.outputs] == [(1, -1), ()]
    assert log.energy_j == ((4, 59.5),)
    assert [(item.shape, item.succeeded, item.throughput) for item in log.shapes] == [
        ("a:1,3", True, 10.5),
        ("a:1,9", False, None),
    ]


def test_complaints_are_kept_and_system_noise_is_not_taken_for_them():
    """The runtime logs errors of its own that the tool survives."""
    log = parse_ais_bench(
        "[WARNING] aclruntime version:0.0.1 is lower\n[WARNING] 1. visit a page\n"
        "[ERROR] DRV(7,python3):2023 HDC init failed, driver may not load.\n"
        "[ERROR] arg0 tensorsize: 4 filesize: 8 not match\n"
        "RuntimeError: [1][ACL: invalid parameter]\n"
        "__main__.py: error: argument --input/-i: input path:/a is illegal. Please check.\n"
        "Error: nothing\n"
    )
    assert log.errors == (
        "arg0 tensorsize: 4 filesize: 8 not match",
        "RuntimeError: [1][ACL: invalid parameter]",
        "argument --input/-i: input path:/a is illegal. Please check.",
    )
    assert log.warnings == ("aclruntime version:0.0.1 is lower 1. visit a page",)


@given(st.lists(st.sampled_from([
    *summary_text("E", 4.0, 1).splitlines(), *summary_text("old", 4.0, 2).splitlines(),
    "[INFO] summary throughput:450.0", "i:0 device_1 throughput:1e5", "input:", "output:",
    "  #0 a (1, 2) float32 8 8", "[ERROR] x", "[WARNING] 1. y", "\r", "[INFO] Throughput: 8 fps.",
    "[INFO] Average time without first time: 4 ms.", "loop inference exec: (1/2)",
])).map("\n".join) | st.text(max_size=200))  # fmt: skip
@settings(max_examples=300)
def test_no_text_breaks_the_readers(text):
    """Any text is read; what is found stands in it."""
    log = parse_ais_bench(text)
    for found in log.summaries:
        if found.throughput is not None:
            assert found.throughput > 0
    for read in (parse_summary, parse_summary_fragment):
        with contextlib.suppress(UserError):
            read(text)
