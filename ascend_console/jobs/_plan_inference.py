"""Inference and accuracy of a plan with the ModelZoo's scripts, for each of the vendor's tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ascend_console.ascend.ais_bench import AisBenchRequest, ais_bench_argv
from ascend_console.ascend.benchmark import BenchmarkRequest, benchmark_argv
from ascend_console.jobs._plan import PlanStep, Text, present, require, word

if TYPE_CHECKING:
    from ascend_console.core.specs import ModelSpec
    from ascend_console.jobs._plan import Wish
    from ascend_console.jobs._plan_guide import Guide, Tool

_COUNT = Text("not one file for each image in", "文件数与图片数不符：")


def preprocess(guide: Guide, lang: str) -> PlanStep:
    """Into an empty folder; the script hides errors of its workers, so the files are counted."""
    images = '"$(ls "$DATASET" | wc -l)"'
    if guide.image_list is not None:
        images = '"$(wc -l < "$IMAGE_LIST")"'
    step = guide.preprocess
    check = f'test "$(ls {guide.bins} | wc -l)" -eq {images}'
    lines = (
        f"rm -rf {guide.bins}",
        f"mkdir -p {guide.bins}",
        *step.lines,
        require(check, _COUNT, lang, guide.bins),
    )
    return PlanStep(title=step.title, notes=step.notes, lines=lines)


def judged(
    spec: ModelSpec, guide: Guide, tool: Tool, batch: int, wish: Wish
) -> tuple[PlanStep, PlanStep]:
    """Inference and accuracy of one batch size; results of another one are gone before."""
    if tool == "benchmark":
        results = f"result/dumpOutput_device{wish.device}"
        infer = _benchmark(spec, guide, batch, results, wish)
        return infer, guide.evaluate.filled(batch=batch, results=results)
    infer = _ais(guide, tool, batch, wish)
    evaluate = guide.evaluate_summary or guide.evaluate
    return infer, evaluate.filled(
        batch=batch, results='"$RESULT"', summary='"$RESULT"_summary.json'
    )


_IDLE = Text(
    "Nobody else may use the device: npu-smi info shows it.",
    "请确保 device 空闲：可用 npu-smi info 查看。",
)


def _infer_title(batch: int) -> Text:
    return Text(f"Inference, batch size {batch}", f"离线推理，batch size 为 {batch}")


def _results_counted(guide: Guide, results: str, lang: str) -> str:
    check = f'test "$(ls {results} | wc -l)" -eq "$(ls {guide.bins} | wc -l)"'
    return require(check, _COUNT, lang, results)


def _benchmark(spec: ModelSpec, guide: Guide, batch: int, results: str, wish: Wish) -> PlanStep:
    """benchmark over the list, and the performance file that it writes."""
    style = guide.benchmark
    height, width = spec.input.shape[-2:]
    argv = benchmark_argv(
        BenchmarkRequest(
            om=style.om.replace("{batch}", str(batch)),
            batch_size=batch,
            device=wish.device,
            info=guide.info_file,
            width=width,
            height=height,
            output_binary=style.binary,
        )
    )
    values = dict(text.removeprefix("-").split("=", 1) for text in argv)
    if style.lower_case:
        values |= {name: values[name].lower() for name in ("output_binary", "useDvpp")}
    options = [f"-{name}={values[name]}" for name in style.order]
    perf = f"result/perf_vision_batchsize_{batch}_device_{wish.device}.txt"
    factor = Text(
        "Interface throughputRate is that of one device; a card of the Ascend 310 has four (x4).",
        "Interface throughputRate 为单个 device 的吞吐率；310 单卡有 4 个 device（x4）。",
    )
    return PlanStep(
        title=_infer_title(batch),
        notes=(_IDLE, *style.notes, factor),
        lines=(
            f"rm -rf {results} {perf}",
            " ".join(['"$BENCHMARK"', *options]),
            _results_counted(guide, results, wish.lang),
            present(perf, wish.lang),
            f"cat {perf}",
        ),
    )


_THROUGHPUT = (
    """'import json, sys; print("throughput:", json.load(open(sys.argv[1]))["throughput"])'"""
)


def _ais(guide: Guide, tool: Tool, batch: int, wish: Wish) -> PlanStep:
    """ais_infer or ais_bench into an empty folder, where its own folder of results is found."""
    folder = f"ais_bs{batch}"
    request = AisBenchRequest(
        model=guide.ais_om.replace("{batch}", str(batch)),
        input=(f"./{guide.bins}/",),
        output=f"./{folder}",
        outfmt=guide.outfmt,
        batchsize=batch,
        devices=(wish.device,),
    )
    argv = ais_bench_argv(request, "B")
    if wish.device == 0:
        # The tool's own default, which the guide leaves out.
        argv = argv[: argv.index("--device")]
    program = '"$PYTHON" "$AIS_INFER"' if tool == "ais_infer" else '"$PYTHON" -m ais_bench'
    named = Text(
        "Results are named after their images since 2022-09; older versions number them.",
        "2022-09 起结果以图片命名；更早的版本按序号命名，无法与标签对应。",
    )
    own = guide.ais_notes if tool == guide.tool else ()
    summary = '"$RESULT"_summary.json'
    return PlanStep(
        title=_infer_title(batch),
        notes=(_IDLE, *own, *(() if guide.evaluate_summary else (named,))),
        lines=(
            f"rm -rf {folder}",
            f"mkdir -p {folder}",
            f"{program} {' '.join(map(word, argv))}",
            f"RESULT=$(find {folder} -mindepth 1 -maxdepth 1 -type d)",
            f'if [ -e "$RESULT"/sumary.json ]; then mv "$RESULT"/sumary.json {summary}; fi',
            present(summary, wish.lang),
            _results_counted(guide, '"$RESULT"', wish.lang),
            f'"$PYTHON" -c {_THROUGHPUT} {summary}',
        ),
    )
