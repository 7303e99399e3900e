"""What a conversion on `ascend` finds out before atc is started, and how it says it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

from ascend_console.backends._ascend_device import device_numbers
from ascend_console.backends._ascend_preflight import newest_opset
from ascend_console.core.backend import ConvertSource
from ascend_console.core.errors import UserError
from ascend_console.core.events import LogLine, LogOpened, Warned
from tests.data.ascend_conversion import Conversion, with_imports, with_opset
from tests.fakes import fake_om
from tests.fakes.tiny_om import onnx_bytes

AIPP = """\
aipp_op {
    aipp_mode: static
    input_format: RGB888_U8
    src_image_size_w: 10
    src_image_size_h: 10
    crop: true
    load_start_pos_w: 1
    load_start_pos_h: 1
    crop_size_w: 8
    crop_size_h: 8
    var_reci_chn_0: 0.0039
}
"""


@pytest.fixture
def made(tmp_path):
    return Conversion(tmp_path)


def warned(made):
    return [event.id for event in made.told(Warned)]


def image_graph(*nodes, sizes=("n", 3, "h", "w"), out=("n", 4), opset=11, inputs=()):
    """A graph with the input `image`, and whatever nodes lead from it to `class`."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, list(sizes))
    result = helper.make_tensor_value_info("class", TensorProto.FLOAT, list(out))
    graph = helper.make_graph(list(nodes), "g", [image, *inputs], [result])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return made.SerializeToString()


RELU = helper.make_node("Relu", ["image"], ["class"], name="Relu_0")


@pytest.mark.parametrize(
    ("cann", "opset", "refused"),
    [
        ("5.0.4", 11, False),
        ("5.1.RC2", 12, True),
        ("6.0.RC1", 13, False),
        ("7.0.0", 14, True),
        ("8.1.RC1", 13, False),
        ("8.1.RC1", 14, True),
        ("8.2.RC1", 18, False),
        ("8.5.0", 19, True),
    ],
)
def test_an_operator_set_is_refused_where_the_cann_cannot_read_it(tmp_path, cann, opset, refused):
    """atc would say `No parser is registered` for each operator, and not why."""
    made = Conversion(tmp_path, cann=cann)
    made.onnx.write_bytes(with_opset(onnx_bytes("batch"), opset))
    if not refused:
        made.convert()
        assert warned(made) == []
        return
    with pytest.raises(UserError) as caught:
        made.convert()
    assert caught.value.id == "ascend.opset"
    assert f"opset {opset}" in caught.value.message
    assert cann in caught.value.message
    assert "opset 11" in caught.value.hint
    assert made.told(LogOpened) == []


def test_the_limits_of_operator_sets_follow_the_release():
    """Releases between the documented ones take what the one before them took."""
    cases = {(5, 0, 2): 11, (5, 1): 11, (6, 0): 13, (6, 3): 13, (8, 0): 13, (8, 1): 13}
    cases |= {(8, 1, 5): 13, (8, 2): 18, (8, 5, 0): 18, (9, 0): 18}
    assert {cann: newest_opset(cann) for cann in cases} == cases


def test_an_unknown_cann_only_warns(tmp_path):
    """atc may be named by a variable, and its release stand nowhere."""
    made = Conversion(tmp_path, cann=None)
    made.convert()
    assert warned(made) == []
    made.onnx.write_bytes(with_opset(onnx_bytes("batch"), 13))
    made.convert()
    assert warned(made) == ["ascend.opset_unknown"]
    assert made.side_car()["cann"] is None


def test_operators_that_conversions_fail_for_are_told(tmp_path):
    """Trilu is in no list of supported operators, and fails late."""
    made = Conversion(tmp_path, cann="8.5.0")
    node = helper.make_node("Trilu", ["image"], ["class"], name="Trilu_12")
    made.onnx.write_bytes(image_graph(node, sizes=("n", 4), opset=14))
    made.convert()
    (event,) = made.told(Warned)
    assert event.id == "ascend.operators"
    assert "Trilu (opset 14, 1, first Trilu_12)" in event.message


def test_unused_domains_are_left_out_of_a_private_copy(made):
    """E16005: atc takes one domain; files that a runtime has touched import several."""
    made.onnx.write_bytes(with_imports(onnx_bytes("batch"), "com.microsoft", "ai.onnx.ml"))
    before = made.onnx.read_bytes()
    om = made.convert()
    assert made.onnx.read_bytes() == before
    assert made.option("model") != str(made.onnx)
    model = onnx.ModelProto.FromString(fake_om.read(om)[1])
    assert [entry.domain for entry in model.opset_import] == [""]
    assert any("com.microsoft, ai.onnx.ml" in event.text for event in made.told(LogLine))


def test_the_default_domain_under_its_own_name_counts_once(made):
    """`ai.onnx` and the empty name are one domain, and two for atc."""
    made.onnx.write_bytes(with_imports(onnx_bytes("batch"), "ai.onnx"))
    assert fake_om.read(made.convert())[0].batch == 4


def test_operators_of_other_domains_are_refused_by_name(made):
    """A file that ONNX Runtime optimised holds operators that only ONNX Runtime has."""
    node = helper.make_node("FusedConv", ["image"], ["class"], domain="com.microsoft")
    made.onnx.write_bytes(with_imports(image_graph(node), "com.microsoft"))
    with pytest.raises(UserError) as caught:
        made.convert()
    assert caught.value.id == "ascend.domains"
    assert "com.microsoft.FusedConv 1" in caught.value.message


def test_a_batch_that_the_graph_does_not_have_is_refused(made):
    """An export for one batch size holds it in its inner shapes."""
    made.onnx.write_bytes(onnx_bytes(16))
    with pytest.raises(UserError, match="fixed batch size 16, not 4"):
        made.convert()
    assert fake_om.read(made.convert(batch=16))[0].batch == 16


def test_open_sizes_come_from_the_model_or_must_be_named(made):
    """atc compiles for fixed sizes, and -1 by chance makes an om that nothing runs."""
    made.onnx.write_bytes(image_graph(RELU, out=("n", 3, "h", "w")))
    with pytest.raises(UserError) as caught:
        made.convert()
    assert caught.value.id == "ascend.shape_open"
    assert "4,3,?,?" in caught.value.message
    assert '--input-shape "image:4,3,224,224"' in caught.value.hint
    source = ConvertSource(onnx=made.onnx, input_shape=(3, 6, 7), input_name="image")
    made.convert(source=source)
    assert made.option("input_shape") == "image:4,3,6,7"
    assert made.side_car()["outputs"][0]["shape"] == [4, 3, 6, 7]


def test_several_inputs_are_all_named(made):
    """A scalar or a second input with a batch of its own must not be forgotten."""
    other = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 3])
    scalar = helper.make_tensor_value_info("scale", TensorProto.FLOAT, [])
    made.onnx.write_bytes(image_graph(RELU, sizes=("n", 4), inputs=(other, scalar)))
    made.convert()
    assert made.option("input_shape") == "image:4,4;mask:4,3;scale:"
    assert made.option("input_format") == "ND"


def test_outputs_are_chosen_by_node_and_checked(made):
    """An unknown node is E11017 after a minute; here it is a list of what there is."""
    weight = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    nodes = [helper.make_node("Relu", ["image"], ["r"], name="Relu_0"),
             helper.make_node("MatMul", ["r", "w"], ["class"], name="MatMul_1")]  # fmt: skip
    model = onnx.ModelProto.FromString(image_graph(*nodes, sizes=("n", 3)))
    model.graph.initializer.append(weight)
    made.onnx.write_bytes(model.SerializeToString())
    made.convert(out_nodes="Relu_0:0")
    assert made.option("out_nodes") == "Relu_0:0"
    assert made.side_car()["outputs"] == [{"name": "r", "shape": [4, 3], "dtype": "float32"}]
    with pytest.raises(UserError, match="no output node 'Conv_9:0'") as caught:
        made.convert(out_nodes="Conv_9:0")
    assert "class" in caught.value.hint


def test_aipp_makes_the_input_an_image_of_bytes(made):
    """Input files have another size then, and only the side-car can say so."""
    path = made.folder / "aipp config.cfg"
    path.write_text("\ufeff" + AIPP)
    om = made.convert(aipp=path)
    side = made.side_car()
    assert side["inputs"] == [{"name": "image", "shape": [4, 10, 10, 3], "dtype": "uint8"}]
    assert side["aipp"]["text"] == AIPP
    assert fake_om.read(om)[0].inputs[0].shape == (4, 10, 10, 3)
    assert " " not in made.option("insert_op_conf")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("crop_size_w: 8", "crop_size_w: 7"), "images of 8x7, and the model takes 8x8"),
        (("aipp_mode: static", "aipp_mode: fixed"), "static or dynamic"),
        (("crop: true", "crop: maybe"), "true or false"),
        (("}", ""), "braces"),
    ],
)
def test_an_aipp_file_is_checked_against_the_model(made, change, said):
    """atc reports the line of its own parser."""
    path = made.folder / "aipp.cfg"
    path.write_text(AIPP.replace(*change))
    with pytest.raises(UserError, match=said):
        made.convert(aipp=path)
    assert made.told(LogOpened) == []


def test_a_missing_or_binary_aipp_file_is_named(made):
    """A path from another machine, or the image itself."""
    with pytest.raises(UserError, match=r"no\.cfg"):
        made.convert(aipp=made.folder / "no.cfg")
    path = made.folder / "aipp.cfg"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is no text"):
        made.convert(aipp=path)


def test_little_memory_is_told_with_what_helps(made, monkeypatch):
    """On a board with 4 GB atc is killed after an hour."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1 << 30))
    made.convert()
    (event,) = made.told(Warned)
    assert event.id == "ascend.little_memory"
    assert "1.0 GiB" in event.message
    assert "TE_PARALLEL_COMPILER=1" in event.hint


def test_weights_in_a_second_file_must_be_beside_it(made):
    """atc says E10041 for a file that was left behind, and reads none outside the folder."""
    model = onnx.ModelProto.FromString(onnx_bytes("batch"))
    for name in ("weights.data", "../weights.data"):
        tensor = model.graph.initializer[0]
        del tensor.external_data[:]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
        made.onnx.write_bytes(model.SerializeToString())
        with pytest.raises(UserError, match=name) as caught:
            made.convert()
        assert caught.value.id == "ascend.side_file"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("precision_mode=fast", "precision_mode takes one of"),
        ("no_such=1", "no option 'no_such'"),
        ("auto_tune_mode=RL,GA", "no --auto_tune_mode any more"),
        ("input_format=NHWC", "no --input_format=NHWC"),
    ],
)
def test_what_atc_would_refuse_is_refused_before_it_starts(made, option, said):
    """Its own words come after a minute, and name no remedy."""
    with pytest.raises(UserError, match=said):
        made.convert(atc_option=(option,))
    assert made.told(LogOpened) == []


@pytest.mark.parametrize(
    ("words", "device", "soc"),
    [
        ("T1", "2", "Ascend310"),
        ("T2", None, "Ascend310P3"),
        ("T2duo", "npu:1", "Ascend310P3"),
        ("T4", "1,0", "Ascend910B3"),
        ("T4b", "0", "Ascend910_9392"),
        ("noise", "0", "Ascend310P3"),
    ],
)
def test_the_chip_of_the_device_is_the_target(made, words, device, soc):
    """An A3 names its chip on its board only, and a table's order is no device number."""
    made.words["FAKE_NPU_SMI"] = words
    made.convert(device=device)
    assert made.side_car()["soc_version"] == soc
    assert made.told(LogLine)[0].text == f"target {soc}, from npu-smi"


@pytest.mark.parametrize(
    ("words", "device", "reason"),
    [
        ("-8005", None, "ret is -8005"),
        ("nocard", None, "no NPU card"),
        ("garbage", None, "no table"),
        ("T2", "3", "device 3 is not among 0"),
    ],
)
def test_without_a_visible_chip_the_target_must_be_named(made, words, device, reason):
    """The reason is npu-smi's own; with --soc-version no NPU is needed at all."""
    made.words["FAKE_NPU_SMI"] = words
    with pytest.raises(UserError) as caught:
        made.convert(device=device)
    assert caught.value.id == "ascend.no_soc"
    assert reason in caught.value.message
    assert "--soc-version" in caught.value.hint
    made.convert(device=device, soc_version="Ascend310P3")
    assert made.side_car()["soc_origin"] == "--soc-version"


def test_an_old_name_of_a_chip_comes_with_a_note(made):
    """Ascend910B of 2020 is none of 910B1 to 910B4."""
    made.words["FAKE_NPU_SMI"] = "nocard"
    made.convert(soc_version="910b")
    (event,) = made.told(Warned)
    assert event.id == "ascend.soc_note"
    assert "first generation" in event.message


def test_devices_are_numbers():
    """`--device` is checked before anything is started."""
    assert device_numbers(None) == (0,)
    assert device_numbers("npu:3") == (3,)
    assert device_numbers("0, 1") == (0, 1)
    for text in ("", "abacus:0", "cpu:0", "-1", "0,0", "256", "1,", "0;1", "٣"):
        with pytest.raises(UserError) as caught:
            device_numbers(text or "x")
        assert "--device 0" in caught.value.hint


def test_an_output_is_not_written_over_its_source(made):
    """The one file that cannot be made again."""
    made.onnx_name = "x"
    with pytest.raises(UserError, match="is the source itself"):
        list(made.backend().convert(ConvertSource(onnx=made.onnx), made.onnx, batch_size=4))
    with pytest.raises(UserError, match="converts ONNX files"):
        list(made.backend().convert(ConvertSource(onnx=None), made.output, batch_size=4))
    with pytest.raises(UserError, match="holds no sample"):
        made.convert(batch=0)
