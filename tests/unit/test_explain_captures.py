"""`explain` over every capture: outcome, headline code, warnings and figures, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ascend_console.ascend.explain import explain

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures"

# Outcome, headline code, every code, and the id of the cause.
FAILURES = {
    "atc/fail-amct-calibration-size-mismatch": ("atc", None, (), "sign.input_size"),
    "atc/fail-amct-ez9999-aicore-507011": ("atc", "EZ9999", ("EZ9999", "507011"), "sign.aicore"),
    "atc/fail-amct-unsupported-layer-no-final-line": ("atc", None, (), "sign.quantise_layer"),
    "atc/fail-e19999-internal-error-operator-library": ("atc", "E19999", ("E19999",),
                                                        "sign.opp_version"),
    "atc/fail-msit-fixture-e19010": ("atc", "E19010", ("E19010",), "code.E19010"),
    "atc/fail-msit-fixture-ez0501": ("atc", "EZ0501", ("EZ0501",), "code.EZ0501"),
    "atc/fail-msit-fixture-ez3002": ("atc", "EZ3002", ("EZ3002",), "code.EZ3002"),
    "atc/fail-msit-fixture-ez3003": ("atc", "EZ3003", ("EZ3003",), "code.EZ3003"),
    "atc/fail-msit-fixture-ez9010": ("atc", "EZ9010", ("EZ9010",), "code.EZ9010"),
    "atc/fail-msit-fixture-unknown": ("atc", "E19025", ("E19025",), "code.E19025"),
    "ais_bench/error-copy-1004-python-traceback": ("ais_bench", None, (), "sign.copy_back"),
    "ais_bench/error-e19999-om-for-other-soc": ("ais_bench", "E19999", ("E19999",),
                                                "sign.other_chip"),
    "ais_bench/error-ez9999-exception-callback-aicore": ("ais_bench", "EZ9999", ("EZ9999",),
                                                         "sign.address"),
    "ais_bench/error-open-device-507033": ("ais_bench", "EL003", ("EL003", "507033"),
                                           "sign.device_open"),
    "ais_bench/error-profiler-relative-path": ("ais_bench", None, (), "sign.model_load"),
    "ais_bench/error-save-out-files-batch-axis": ("ais_bench", None, (), "sign.split_results"),
    "ais_bench/error-save-out-files-padding-file": ("ais_bench", None, (), "sign.split_results"),
    "ais_bench/error-tensorsize-filesize-not-match": ("ais_bench", None, (), "sign.input_size"),
    "msame/error-eh0001-size-zero": ("msame", "EH0001", ("EH0001",), "sign.output_size"),
    "acl-runtime/device-open-507033-e30003-ocr-damaged": (
        "acl", "E30008", ("E30008", "E30003", "507033"), "code.E30008"),
    "acl-runtime/modelarts-el9999-inner-error": ("acl", "EL9999", ("EL9999",),
                                                 "sign.device_link"),
    "npu-smi-sub/910A-error-invalid-card-id": ("npu-smi", None, (), "npu_smi.usage"),
    "npu-smi-sub/950-t-spod-info-not-supported": ("npu-smi", None, (),
                                                  "npu_smi.query_unsupported"),
}  # fmt: skip

# Neither a success nor a failure stands in these.
UNDECIDED = {
    "atc/help-head": "atc",
    "ais_bench/msit-benchmark-debug-session-info": "ais_bench",
    "ais_bench/warning-aclruntime-version-lower": "ais_bench",
    "npu-smi-sub/950-info-h": "npu-smi",
    "msprof/kernel_details-level1-pytorch": "unknown",
    "msprof/kernel_details-tab-in-start-time": "unknown",
    "msprof/op_statistic-level1-pytorch": "unknown",
    "msprof/op_summary-step-id-first-bandwidth-columns": "unknown",
}

# Throughput, batch size, mean, H2D, D2H, end-to-end throughput.
FIGURES = {
    "ais_bench/ais_bench-summary-batchsize64-two-lines":
        (148.1286544184991, 64, 432.0568511962891, None, None, None),
    "ais_bench/ais_bench-summary-swin-full-block":
        (14.7214459917491, 1, 67.92810981750489, 0.7560253143310547, 82.01360702514648, None),
    "ais_bench/ais_infer-C3D-dataset-3779-samples":
        (52.50983173696586, 1, 19.04405264540241, 4.1277097564236955, 0.10634862925521152, None),
    "ais_bench/ais_infer-sMLP-batch16":
        (289.95613988090815, 16, 55.18075942993164, 1.8732547760009766, 0.10800361633300781, None),
    "ais_bench/ais_infer-sMLP-throughput-old-label":
        (171.5691219234638, 1, 5.828554630279541, 0.2384185791015625, 0.08606910705566406, None),
    "ais_bench/ais_infer-summary-d2h-zero":
        (1281.4860983806905, 1, 0.7803440093994141, 0.17762184143066406, 0.0, None),
    "ais_bench/ais_infer-summary-retinaface-wider-rule":
        (1018.2550469906821, 1, 0.9820722253774902, 0.7194576245690456, 0.9609072827731167, None),
    "ais_bench/msit-benchmark-energy-consumption":
        (281.38893494131406, 1, 3.5538000106811523, None, None, None),
    "ais_bench/msit-benchmark-pure-inference":
        (407.16610891670894, 1, 2.4560000896453857, None, None, None),
    "ais_bench/msit-benchmark-summary-display-all-h2d-d2h":
        (1503.759349974173, 1, 0.6650000214576721, 0.05700000002980232, 0.014999999664723873,
         None),
    "ais_bench/msit-benchmark-trtexec-backend": (120.699, None, 8.23978, 1.55492, 0.015342, None),
    "ais_bench/msit-benchmark-two-devices": (557.9376050278543, 1, None, None, None, None),
    "ais_bench/om_infer-summary-total-time-fps": (82.063, 1, 12.186, None, None, None),
    "ais_bench/sumary-json-ghostnet-bs16-fragment":
        (3438.7935677393734, 16, 4.652794558563232, 4.154865646362305, 0.7445654296875, None),
    "ais_bench/sumary-json-nas_fpn-fragment":
        (62.17950873049252, 1, 16.08246865272522, 0.9730440616607666, 0.05659308433532715, None),
    "ais_bench/sumary-json-smlp-npu-time-only": (None, None, 55.18075942993164, None, None, None),
    "benchmark/perf_vision-dpn131-scientific-latency": (37.1687, 1, None, None, None, 34.4577),
    "benchmark/perf_vision-fullwidth-commas": (101.129, 1, None, None, None, 84.634),
    "benchmark/perf_vision-inference-postprocess-labels": (809.813, 1, None, None, None, 132.777),
    "benchmark/perf_vision-missing-comma-after-interface": (137.422, 1, None, None, None, 104.078),
    "benchmark/perf_vision-one-line-lost-newlines": (144.766, 1, None, None, None, 113.043),
    "benchmark/perf_vision-res2net-infer-post-labels": (62.9455, 1, None, None, None, 55.9084),
    "benchmark/perf_vision-srcnn-indented": (348.038, None, None, None, None, 3.74691),
    "benchmark/perf_vision-summary-with-rules": (35.7852, None, None, None, None, 21.1584),
    "benchmark/pureinfer-910-model": (92.2434, 1, 11.171, None, None, None),
    "benchmark/pureinfer-dataset-lines-no-closing-rule": (39.9892, 4, 25.092, None, None, None),
    "benchmark/pureinfer-four-batch-sizes-concatenated": (12.8071, 32, 78.0879, None, None, None),
    "benchmark/pureinfer-one-line-equals": (974.27, None, 1.02917, None, None, None),
    "benchmark/pureinfer-round-100-tail-device-2": (323.826, 16, 3.08851, None, None, None),
    "benchmark/pureinfer-summary-colon": (38.4344, 4, 26.1589, None, None, None),
    "benchmark/pureinfer-summary-equals-sign-no-info": (155.975, 1, 6.42435, None, None, None),
    "msame/command-line-txt-output": (None, None, 504.977, None, None, None),
    "msame/dataset-average-space-before-colon": (None, None, 1.01, None, None, None),
    "msame/dataset-per-file-output-dir-first-time-only": (None, None, 577.39, None, None, None),
    "msame/loop-10-newer": (None, None, 1.1251, None, None, None),
    "msame/no-input-random": (None, None, 29.151, None, None, None),
    "msame/old-200dk-malloc-lines": (None, None, 92.6141, None, None, None),
    "msame/old-bare-average-lines": (None, None, 17.81165, None, None, None),
    "msame/single-input-file": (None, None, 20.962, None, None, None),
    "msame/tail-only-dataset": (None, None, 13.52, None, None, None),
    "msame/three-runs-mixed-with-tensorflow-lines": (None, None, 156.499, None, None, None),
    "msame/two-inputs-ten-loops-with-dots": (None, None, 65.5449, None, None, None),
}  # fmt: skip

# Least, greatest, median and 99th percentile, where the log has them.
SPREADS = {
    "ais_bench/ais_infer-C3D-dataset-3779-samples":
        (18.80500030517578, 33.78099822998047, 18.972999572753906, 19.706099739074705),
    "ais_bench/msit-benchmark-trtexec-backend": (7.54407, 10.1723, 8.19409, 9.90002),
    "ais_bench/msit-benchmark-two-devices": (2.4769999980926514, 3.9370000362396240, None, None),
    "ais_bench/sumary-json-ghostnet-bs16-fragment":
        (3.8949999809265137, 81.9729995727539, 3.9760000705718994, 9.564919853210439),
    "msame/loop-10-newer": (1.091, 1.325, 1.1005, None),
    "msame/dataset-average-space-before-colon": (None, None, None, None),
}  # fmt: skip

# How many warnings, by text; all others have none.
WARNINGS = {
    "atc/success-w11001-after-success-tbe-prints": ["W11001", "W11001"],
    "ais_bench/error-e19999-om-for-other-soc": [None, None],
    "ais_bench/warning-aclruntime-version-lower": [None],
    "benchmark/pureinfer-four-batch-sizes-concatenated": [None],
    "msame/three-runs-mixed-with-tensorflow-lines": [None],
    "npu-smi/310B4-23.0.0-health-alarm-power-0": [None],
    "npu-smi/910A-23.0.5-health-warning-cell-overflow": [None],
    "npu-smi/910A-24.1.RC2-two-warnings-32-processes-truncated-names": [None, None],
}

TEXTS = sorted(path for path in CAPTURES.glob("*/*.txt")) if CAPTURES.is_dir() else []


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.skipif(not TEXTS, reason="the captures are not here")
@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_every_capture_is_read_right(path):
    """Real text of real tools: outcome, code, warnings and figures of each."""
    name = name_of(path)
    found = explain(path.read_text("utf-8"))
    if name in FAILURES:
        tool, code, codes, cause = FAILURES[name]
        assert (found.tool, found.outcome) == (tool, "failure")
        assert (found.code, found.codes, found.cause_id) == (code, codes, cause)
        assert found.remedies("en")
        assert found.remedies("zh")
    elif name in UNDECIDED:
        assert (found.tool, found.outcome, found.code) == (UNDECIDED[name], "unknown", None)
    else:
        tool = path.parent.name.removesuffix("-sub")
        assert (found.tool, found.outcome, found.code) == (tool, "success", None)
    assert [item.code for item in found.warnings] == WARNINGS.get(name, [])
    figures = found.document()["performance"]
    if name not in FIGURES:
        assert figures is None
        return
    assert (
        figures["throughput"],
        figures["batch_size"],
        figures["compute_ms"]["mean"],
        figures["h2d_ms"],
        figures["d2h_ms"],
        figures["e2e_throughput"],
    ) == FIGURES[name]
    if name in SPREADS:
        compute = figures["compute_ms"]
        keys = ("min", "max", "median", "p99")
        assert tuple(compute[key] for key in keys) == SPREADS[name]


@pytest.mark.skipif(not TEXTS, reason="the captures are not here")
def test_the_table_names_only_captures_that_exist():
    """A renamed capture would silently be judged by the default."""
    names = {name_of(path) for path in TEXTS}
    for table in (FAILURES, UNDECIDED, FIGURES, SPREADS, WARNINGS):
        assert set(table) <= names
