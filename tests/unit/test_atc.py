"""atc: the argument list, and the rules before its start."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ascend_console.ascend.atc import (
    AtcRequest,
    atc_advice,
    atc_argv,
    atc_values,
    check_atc,
    check_values,
    odd_characters,
)
from ascend_console.ascend.atc_options import OPTIONS, check_value, option_named, parse_options
from ascend_console.ascend.atc_shapes import (
    check_against_graph,
    check_out_nodes,
    format_input_shape,
    parse_gears,
    parse_input_shape,
)
from ascend_console.core.errors import UserError


def request(**changes) -> AtcRequest:
    plain = AtcRequest(
        model="/w/net.onnx",
        output="/w/net_bs4",
        soc_version="Ascend310P3",
        input_shape="image:4,3,224,224",
    )
    return dataclasses.replace(plain, **changes)


def refusal(**changes) -> str:
    with pytest.raises(UserError) as caught:
        check_atc(request(**changes))
    assert caught.value.hint
    return caught.value.id


def test_the_command_of_a_guide_comes_out_word_for_word():
    """People compare our command with the one that they know."""
    argv = atc_argv(
        AtcRequest(
            model="./se_resnet50.onnx",
            output="se_resnet50_bs16",
            soc_version="Ascend310",
            input_shape="image:16,3,224,224",
            log="debug",
        )
    )
    assert argv == [
        "--framework=5",
        "--model=./se_resnet50.onnx",
        "--input_format=NCHW",
        "--input_shape=image:16,3,224,224",
        "--output=se_resnet50_bs16",
        "--log=debug",
        "--soc_version=Ascend310",
    ]


def test_the_output_is_given_without_its_suffix():
    """atc appends `.om` itself, so `x.om` would become `x.om.om`."""
    assert "--output=/w/x" in atc_argv(request(output="/w/x.om"))


def test_quotes_of_a_copied_command_line_do_not_reach_atc():
    """A shape copied with its quotes would be a name that the model has not."""
    argv = atc_argv(request(input_shape='"image:4, 3,224,224"'))
    assert "--input_shape=image:4,3,224,224" in argv


def test_typed_fields_and_free_options_join_in_one_command():
    """The workflow's options are typed; everything else goes through --atc-option."""
    free = parse_options(["op_debug_level=1", "--buffer_optimize=off_optimize"])
    argv = atc_argv(request(precision_mode="must_keep_origin_dtype", enable_small_channel=True,
                            insert_op_conf="/w/aipp.cfg", options=free))  # fmt: skip
    assert argv[-2:] == ["--op_debug_level=1", "--buffer_optimize=off_optimize"]
    assert "--precision_mode=must_keep_origin_dtype" in argv
    assert "--enable_small_channel=1" in argv
    assert "--insert_op_conf=/w/aipp.cfg" in argv


def test_an_option_that_a_flag_set_otherwise_is_refused():
    """Two wishes for one option must not end in the silent victory of one."""
    assert refusal(precision_mode="force_fp16",
                   options={"precision_mode": "force_fp32"}) == "atc.option_conflict"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no_such=1", "atc.option_unknown"),
        ("precision_mod=force_fp16", "atc.option_unknown"),
        ("op_debug_level", "atc.option_form"),
        ("op_debug_level=9", "atc.option_value"),
        ("enable_small_channel=yes", "atc.option_value"),
        ("enable_single_stream=perhaps", "atc.option_value"),
        ("static_model_ops_lower_limit=x", "atc.option_value"),
        ("keep_dtype=", "atc.option_value"),
        ("output_type=FP16\n--model=x", "atc.option_value"),
        ("soc_version=Ascend310", "atc.option_owned"),
    ],
)
def test_a_free_option_is_checked_against_the_known_names(text, expected):
    """A misspelt option costs atc minutes before it says so."""
    with pytest.raises(UserError) as caught:
        parse_options([text])
    assert caught.value.id == expected


def test_a_misspelt_option_is_answered_with_the_nearest_name():
    """The remedy of a typo is the right name."""
    with pytest.raises(UserError) as caught:
        option_named("precision_mod")
    assert "precision_mode=VALUE" in caught.value.hint


def test_one_option_given_twice_is_refused():
    """The second would win silently."""
    with pytest.raises(UserError, match="twice"):
        parse_options(["op_debug_level=1", "op_debug_level=2"])


def test_every_value_that_an_option_names_is_accepted():
    """The table and its check must agree."""
    for option in OPTIONS.values():
        for choice in option.choices:
            check_value(option.name, choice)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": ""}, "atc.option_missing"),
        ({"output": ""}, "atc.option_missing"),
        ({"soc_version": ""}, "atc.option_missing"),
        ({"framework": 0}, "atc.option_missing"),
        ({"framework": 2}, "atc.option_value"),
        ({"soc_version": "310P3"}, "atc.soc_version"),
        ({"soc_version": "ascend310"}, "atc.soc_version"),
        ({"output": "/w/"}, "atc.output_name"),
        ({"input_format": "NHWC"}, "atc.input_format"),
        ({"log": "loud"}, "atc.option_value"),
        ({"input_format": "ND", "insert_op_conf": "a"}, "atc.conflict"),
        ({"options": {"mode": "30"}}, "atc.conflict"),
        ({"precision_mode": "force_fp16", "options": {"precision_mode_v2": "fp16"}},
         "atc.conflict"),
        ({"options": {"enable_compress_weight": "true", "compress_weight_conf": "f"}},
         "atc.conflict"),
        ({"options": {"singleop": "f.json"}}, "atc.conflict"),
        ({"options": {"modify_mixlist": "f.json"}}, "atc.option_needs"),
        ({"precision_mode": "force_fp16", "options": {"modify_mixlist": "f.json"}},
         "atc.option_needs"),
        ({"options": {"optypelist_for_implmode": "Gelu"}}, "atc.option_needs"),
        ({"op_select_implmode": "high_precision_for_all",
          "options": {"optypelist_for_implmode": "Gelu"}}, "atc.option_needs"),
        ({"output_type": "node:0:FP16"}, "atc.option_needs"),
        ({"options": {"is_input_adjust_hw_layout": "true"}}, "atc.option_needs"),
        ({"options": {"is_input_adjust_hw_layout": "true", "input_fp16_nodes": "a;b"}},
         "atc.option_count"),
        ({"insert_op_conf": "a", "options": {"input_fp16_nodes": "image"}}, "atc.conflict"),
        ({"input_shape": "image:0,3,224,224"}, "atc.input_shape"),
        ({"input_shape": "image:1.5,3,224,224"}, "atc.input_shape"),
        ({"input_shape": "image"}, "atc.input_shape"),
        ({"input_shape": ":1,3"}, "atc.input_shape"),
        ({"input_shape": "a:1;a:2"}, "atc.input_shape"),
        ({"input_shape": "image:8~2,3,224,224"}, "atc.input_shape"),
        ({"dynamic_batch_size": (1, 8)}, "atc.gears"),
        ({"dynamic_batch_size": (1, 8), "input_shape": ""}, "atc.option_needs"),
        ({"dynamic_batch_size": (8,), "input_shape": "i:-1,3,8,8"}, "atc.gears"),
        ({"dynamic_batch_size": (8, 8), "input_shape": "i:-1,3,8,8"}, "atc.gears"),
        ({"dynamic_batch_size": (0, 8), "input_shape": "i:-1,3,8,8"}, "atc.gears"),
        ({"dynamic_batch_size": tuple(range(1, 103)), "input_shape": "i:-1,3,8,8"}, "atc.gears"),
        ({"dynamic_batch_size": (1, 8), "input_shape": "i:1,3,-1,8"}, "atc.gears"),
        ({"dynamic_batch_size": (1, 8), "input_shape": "i:-1,3,1~9,8"}, "atc.gears"),
        ({"input_shape": "i:1,-1,8,8", "options": {"dynamic_image_size": "8,8;9,9"}}, "atc.gears"),
        ({"input_shape": "i:1,3,-1,-1", "options": {"dynamic_image_size": "8;9"}}, "atc.gears"),
        ({"input_shape": "i:-1,3,-1,8", "input_format": "ND",
          "options": {"dynamic_dims": "1,8;2"}}, "atc.gears"),
        ({"input_shape": "i:-1,3,8,8", "options": {"dynamic_dims": "1;2"}}, "atc.conflict"),
        ({"input_shape": "i:-1,3,8,8", "input_format": "ND", "insert_op_conf": "a",
          "options": {"dynamic_dims": "1;2"}}, "atc.conflict"),
        ({"input_shape": "i:-1,3,8,8", "dynamic_batch_size": (1, 2),
          "options": {"input_shape_range": "i:[1~2,3,8,8]"}}, "atc.conflict"),
    ],
)  # fmt: skip
def test_what_atc_would_refuse_is_refused_before_its_start(changes, expected):
    """Each of these costs a start of atc, and a code that says less than we do."""
    assert refusal(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"dynamic_batch_size": (1, 8, 16), "input_shape": "i:-1,3,224,224"},
        {"input_shape": "i:1,3,-1,-1", "options": {"dynamic_image_size": "224,224;448,448"}},
        {"input_shape": "i:-1,-1;j:-1,-1", "input_format": "ND",
         "options": {"dynamic_dims": "1,8,1,8;2,8,2,8"}},
        {"input_shape": "ids:1,384;scale:"},
        {"input_shape": "i:1~16,3,224,224"},
        {"input_shape": "x:0:1,3,8,8"},
        {"framework": 3, "input_format": "NHWC", "insert_op_conf": "a"},
        {"options": {"precision_mode_v2": "mixed_float16", "modify_mixlist": "f.json"}},
        {"soc_version": "Ascend910_9392"},
        {"options": {"enable_compress_weight": "false", "compress_weight_conf": "f"}},
        {"dynamic_batch_size": tuple(range(1, 200)), "input_shape": "i:-1,3,8,8",
         "soc_version": "Ascend950PR"},
    ],
)  # fmt: skip
def test_what_atc_takes_is_not_refused(changes):
    """A rule that refuses too much is worse than none."""
    check_atc(request(**changes))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, None),
        ({"insert_op_conf": "a"}, "atc.conflict"),
        ({"display_model_info": "1"}, "atc.conflict"),
        ({"mode": "1"}, "atc.conflict"),
    ],
)
def test_single_operators_go_without_a_model(more, expected):
    """They are described by a file of their own."""
    values = {"singleop": "f.json", "output": "/w/d", "soc_version": "Ascend310", **more}
    if expected is None:
        check_values(values)
        return
    with pytest.raises(UserError) as caught:
        check_values(values)
    assert caught.value.id == expected


def test_auto_tune_is_for_cann_5_0_alone():
    """Newer converters end in an error for the mere presence of the option."""
    wanted = request(auto_tune_mode="RL,GA")
    assert "--auto_tune_mode=RL,GA" in atc_argv(wanted, cann=(5, 0, 4))
    assert "--auto_tune_mode=RL,GA" in atc_argv(wanted)
    with pytest.raises(UserError) as caught:
        check_atc(wanted, cann=(5, 1))
    assert caught.value.id == "atc.auto_tune"


def test_options_without_effect_are_named():
    """They do no harm, and somebody believes that they do something."""
    values = atc_values(
        request(
            input_shape="i:-1,3,8,8",
            enable_small_channel=True,
            weight="w",
            precision_mode="must_keep_origin_dtype",
            options={"keep_dtype": "f", "op_debug_level": "1", "op_compiler_cache_mode": "enable"},
        )
    )
    assert {advice.id for advice in atc_advice(values)} == {
        "atc.keep_dtype_idle",
        "atc.small_channel_idle",
        "atc.cache_idle",
        "atc.debug_slow",
        "atc.weight_idle",
        "atc.fully_dynamic",
    }
    assert atc_advice(atc_values(request())) == ()


def test_paths_that_atc_does_not_document_are_found():
    """Such a file gets a copy with another name."""
    assert odd_characters("/data/模型_1.2-a/net.onnx") == ""
    assert odd_characters("/my data/net(1).onnx") == " ()"


GRAPH = {"image": (None, 3, 224, 224), "mask": (1, 10)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image:4,3,224,224", None),
        ("image:-1,3,224,224;mask:1,10", None),
        ("actual_input_1:4,3,224,224", "atc.input_name"),
        ("image:4,3,224", "atc.input_size"),
        ("image:4,3,224,256", "atc.input_size"),
        ("mask:2,10;image:1,3,224,224", "atc.input_size"),
        ("mask:1,10", "atc.input_missing"),
    ],
)
def test_shapes_are_held_against_the_inputs_of_the_graph(text, expected):
    """`actual_input_1` for `input` is the most common failure of all; the real names are shown."""
    shapes = parse_input_shape(text)
    if expected is None:
        check_against_graph(shapes, GRAPH)
        return
    with pytest.raises(UserError) as caught:
        check_against_graph(shapes, GRAPH)
    assert caught.value.id == expected
    if expected == "atc.input_name":
        assert "image, mask" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gemm_12:0", None),
        ("Gemm_12:0;Relu_3:1", None),
        ('"class"', None),
        ("Gemm_13:0", "atc.out_node"),
        ("Gemm_12", "atc.out_node"),
        ("Gemm_12:0;class", "atc.out_nodes_mixed"),
    ],
)
def test_output_nodes_are_looked_up_in_the_graph(text, expected):
    """An unknown node ends in E11017 after minutes."""
    nodes, outputs = {"Gemm_12", "Relu_3"}, ["class"]
    if expected is None:
        check_out_nodes(text, nodes, outputs)
        return
    with pytest.raises(UserError) as caught:
        check_out_nodes(text, nodes, outputs)
    assert caught.value.id == expected


@given(st.lists(st.tuples(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_/.:]{0,12}", fullmatch=True),
    st.lists(st.integers(1, 5000), min_size=0, max_size=5)), min_size=1, max_size=4,
    unique_by=lambda pair: pair[0]))  # fmt: skip
def test_shapes_survive_writing_and_reading(pairs):
    """What we generate from an ONNX must be what atc is given."""
    wanted = {name: tuple(sizes) for name, sizes in pairs}
    read = parse_input_shape(format_input_shape(wanted))
    assert {shape.name: shape.sizes for shape in read} == wanted


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_shape_and_gear_texts_raise_only_our_error(text):
    """Bad input never gives a traceback."""
    for read in (parse_input_shape, lambda value: parse_gears("dynamic_dims", value),
                 lambda value: check_out_nodes(value, {"a"}, ["b"]),
                 lambda value: parse_options([value])):  # fmt: skip
        with contextlib.suppress(UserError):
            read(text)
