"""`npu-smi info -l`, `-m`, `-t TYPE`, `watch` and `-v`: which number belongs to which chip."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.ascend import npu_smi_keys as keys
from ascend_console.core.errors import UserError

CAPTURES = Path(__file__).parents[2].parent / "shared" / "captures" / "npu-smi-sub"
PARSERS = (
    keys.parse_npu_smi_sections,
    keys.parse_npu_smi_usages,
    keys.parse_npu_smi_list,
    keys.parse_npu_smi_mapping,
    keys.parse_npu_smi_watch,
    keys.parse_npu_smi_version,
)


def key_values(*lines: tuple[str, object] | None, indent: str = "\t") -> str:
    """Lines as the tool pads them; None is an empty line."""
    return "\n".join("" if line is None else f"{indent}{line[0]:<30} : {line[1]}" for line in lines)


COMMON = key_values(
    ("NPU ID", 7),
    ("Chip Count", 2),
    None,
    ("Chip ID", 0),
    ("Memory Usage Rate(%)", 6),
    ("HBM Usage Rate(%)", 91),
    ("Aicore Usage Rate(%)", 40),
    ("Temperature(C)", 46),
    ("NPU Real-time Power(W)", "130.4"),
    None,
    ("Chip ID", 1),
    ("Memory Usage Rate(%)", "NA"),
    ("Aicore Usage Rate(%)", 0),
    ("Temperature(C)", 47),
    None,
    ("Chip Name", "mcu"),
    ("Temperature(C)", 33),
    ("NPU Real-time Power(W)", "42.8"),
)
TEMPERATURES = key_values(
    ("NPU ID", 8),
    ("Chip Count", 2),
    None,
    ("NPU Temperature (C)", 39),
    ("Chip ID", 0),
    None,
    ("NPU Temperature (C)", 41),
    ("Chip ID", 1),
    None,
    ("LM75A_TE (C)", 30),
    ("Temperature (C)", 31),
    ("Chip Name", "MCU"),
)


def test_lines_that_open_a_section_name_what_follows():
    """In `-t common` the chip comes first, and the controller's own figures stay its own."""
    first, second = keys.parse_npu_smi_usages(COMMON)
    assert first == keys.ChipUsage(7, 0, 40.0, 6.0, 91.0, 46.0, 130.4)
    assert second == keys.ChipUsage(7, 1, 0.0, None, None, 47.0, None)
    mcu = keys.parse_npu_smi_sections(COMMON)[-1]
    assert mcu.mcu
    assert mcu.number("NPU Real-time Power(W)") == 42.8


def test_lines_that_close_a_section_name_what_came_before():
    """In `-t temp` the chip comes last; read the other way each chip had its neighbour's heat."""
    chips = keys.parse_npu_smi_usages(TEMPERATURES)
    assert [(chip.chip, chip.temp_c) for chip in chips] == [(0, 39.0), (1, 41.0)]
    mcu = keys.parse_npu_smi_sections(TEMPERATURES)[-1]
    assert mcu.mcu
    assert mcu.number("LM75A_TE(C)") == 30.0


def test_several_cards_one_after_the_other_stay_apart():
    """A loop over `-i N` makes one file."""
    found = keys.parse_npu_smi_usages(COMMON + "\n" + TEMPERATURES)
    assert [(chip.npu, chip.chip) for chip in found] == [(7, 0), (7, 1), (8, 0), (8, 1)]


def test_a_product_without_chip_numbers_has_one_section():
    """A 950 prints the card's figures alone."""
    text = key_values(("NPU ID", 3), ("Temperature(C)", 65), ("NPU Real-time Power(W)", 298.6))
    (usage,) = keys.parse_npu_smi_usages("> " + text.replace("\n", "\r\n> "))
    assert usage == keys.ChipUsage(3, None, None, None, None, 65.0, 298.6)


def test_a_rated_power_is_not_what_the_chip_draws():
    """A 310 prints what it may draw at most."""
    text = key_values(("NPU ID", 3), ("Rated Power Dissipation(W)", 12.8), ("Chip ID", 0))
    assert keys.parse_npu_smi_usages(text)[0].power_w is None


def test_a_figure_that_stands_twice_is_an_error():
    """The line between two chips was lost: either number may be the wrong one."""
    text = key_values(("NPU ID", 3), ("Temperature(C)", 65), ("Temperature(C)", 44), ("Chip ID", 0))
    with pytest.raises(UserError, match="twice"):
        keys.parse_npu_smi_usages(text)


def test_a_controller_without_figures_is_an_error():
    """Its figures would have gone to the chip before it."""
    text = key_values(("NPU ID", 3), ("Chip ID", 0), ("T_CORE_M (C)", 40), ("Chip Name", "MCU"))
    with pytest.raises(UserError, match="MCU"):
        keys.parse_npu_smi_sections(text)


def test_a_section_that_is_named_at_both_ends_is_an_error():
    """It cannot be both the controller's and a chip's."""
    text = key_values(("NPU ID", 3), ("Temperature (C)", 5), ("Chip ID", 0), ("Chip Name", "MCU"),
                      ("Temperature (C)", 6), ("Chip ID", 1))  # fmt: skip
    with pytest.raises(UserError, match="both"):
        keys.parse_npu_smi_sections(text)


def test_the_name_of_a_chip_is_a_value_of_the_board():
    """Only a controller is named in place of a number."""
    text = key_values(
        ("NPU ID", 0),
        ("Chip ID", 0),
        ("Chip Type", "Ascend"),
        ("Chip Name", "910B3"),
        ("NPU Name", "NA"),
        ("PCIe Bus Info", "0000:61:00.0"),
    )
    (section,) = keys.parse_npu_smi_sections(text)
    assert (section.npu, section.chip, section.mcu) == (0, 0, False)
    assert section.text("Chip Name") == "910B3"
    assert section.text("NPU Name") is None
    assert section.text("PCIe Bus Info") == "0000:61:00.0"
    assert section.text("Product Name") is None


def test_continued_lines_belong_to_their_key():
    """Health prints one line for each error code, the next ones without a key."""
    text = key_values(
        ("Health Status", "Alarm"),
        ("Error Code", "A4025021 8C03A000"),
        ("Error Information", "heart beat lost"),
        None,
        ("", "node type=adda, state=lost"),
    )
    (section,) = keys.parse_npu_smi_sections(text)
    assert section.text("Error Information") == "heart beat lost\nnode type=adda, state=lost"
    assert section.text("Health", "Health Status") == "Alarm"


def test_processes_belong_to_the_chip_that_closes_them():
    """`-t proc-mem` names the chip after its processes."""
    text = "\n".join(
        [
            key_values(("NPU ID", 2), ("Chip Count", 2)),
            "\tNo process in device.",
            key_values(("Chip ID", 0)),
            "\tProcess id:207795  Process name:VLLMEngineCor     Process memory(MB):55436",
            "\tProcess id:12      Process name:                  Process memory(MB):NA",
            key_values(("Chip ID", 1)),
        ]
    )
    first, second = keys.parse_npu_smi_sections(text)
    assert (first.chip, first.processes) == (0, ())
    assert second.chip == 1
    assert second.processes == (
        keys.ProcessMemory(207795, "VLLMEngineCor", 55436),
        keys.ProcessMemory(12, None, None),
    )


def test_cards_are_listed_with_what_the_product_tells():
    """Older products print neither name nor serial number."""
    text = key_values(("Total Count", 2), None, ("NPU ID", 32), ("Chip Count", 1), None,
                      ("NPU ID", 33), ("Product Name", "Atlas 300I Duo"), ("Serial Number", "NA"),
                      ("Chip Count", 2))  # fmt: skip
    assert keys.parse_npu_smi_list(text) == (
        keys.Card(32, None, None, 1),
        keys.Card(33, "Atlas 300I Duo", None, 2),
    )


def test_a_list_that_is_cut_is_an_error():
    """Fewer cards than it counts: the rest is missing, not absent."""
    with pytest.raises(UserError, match="counts 2"):
        keys.parse_npu_smi_list(key_values(("Card Count", 2), ("NPU ID", 32), ("Chip Count", 1)))
    with pytest.raises(UserError, match="twice"):
        keys.parse_npu_smi_list(
            key_values(("Card Count", 1), ("NPU ID", 3), *[("Chip Count", 1)] * 2)
        )


@pytest.mark.parametrize("wide", [" ", "                "], ids=["collapsed", "as-printed"])
def test_chips_are_mapped_by_the_words_of_the_header(wide):
    """The device number of the inference tools is the logic id, and a controller has none."""
    text = "\n".join(
        wide.join(row)
        for row in (
            ("NPU ID", "Chip ID", "Chip Logic ID", "Chip Phy-ID", "Chip Name"),
            ("6", "0", "4", "8", "Ascend 910B4"),
            ("6", "1", "-", "-", "Mcu"),
        )
    )
    chip, controller = keys.parse_npu_smi_mapping("\t" + text.replace("\n", "\n\t"))
    assert chip == keys.ChipMapping(6, 0, 4, 8, None, "Ascend 910B4")
    assert not chip.mcu
    assert controller.mcu
    assert controller.logic_id is None


def test_a_mapping_of_a_950_has_a_slot():
    """Its second column is no chip."""
    text = "NPU ID    Slot ID    Chip ID    Chip Phy-ID    Chip Name\n1    2    3    4    950PR\n"
    assert keys.parse_npu_smi_mapping(text) == (keys.ChipMapping(1, 3, None, 4, 2, "950PR"),)


@pytest.mark.parametrize(
    "rows", ["0 0 0\n", "0 0 Ascend 910A\n", "0 0 0 Ascend 910A\n0 0 1 Ascend 910A\n", ""]
)
def test_a_mapping_that_does_not_fit_its_header_is_an_error(rows):
    """A column that is missing would make the chip of one card the device of another."""
    with pytest.raises(UserError):
        keys.parse_npu_smi_mapping("NPU ID  Chip ID  Chip Logic ID  Chip Name\n" + rows)


def test_watched_rows_follow_the_header_above_them():
    """Columns depend on the options, and the header comes again."""
    text = (
        "NpuID(Idx)  ChipId(Idx) Pwr(W)      Temp(C)     AI Core(%)\n"
        "0(0)        0(0)        280.8       84          NA\n"
        "NpuID(Idx)  Memory BW(%)\n"
        "1           3\n"
    )
    assert keys.parse_npu_smi_watch(text) == (
        keys.WatchRow(0, 0, (("Pwr(W)", 280.8), ("Temp(C)", 84.0), ("AI Core(%)", None))),
        keys.WatchRow(1, None, (("Memory BW(%)", 3.0),)),
    )
    with pytest.raises(UserError, match="fit"):
        keys.parse_npu_smi_watch("NpuID(Idx)  Pwr(W)      Temp(C)\n0           280.8\n")


def test_the_version_is_read():
    """The tool's own version, which is not the driver's."""
    assert keys.parse_npu_smi_version("npu-smi version: 24.1.rc1\n") == "24.1.rc1"


def test_a_failure_is_named_by_every_parser():
    """`-8005` means the same whatever was asked."""
    for parse in PARSERS:
        with pytest.raises(UserError) as raised:
            parse("dcmi module initialize failed. ret is -8005")
        assert raised.value.values["code"] == "-8005"


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.txt")), ids=lambda path: path.stem)
def test_every_capture_is_read_by_its_parser(path):
    """Real answers are the contract: each is read, or is a failure that is named."""
    text, name = path.read_text("utf-8"), path.stem
    if "error-invalid" in name or "not-supported" in name:
        with pytest.raises(UserError) as raised:
            keys.parse_npu_smi_sections(text)
        assert raised.value.id == "npu_smi.failed"
    elif name == "950-info-h":
        with pytest.raises(UserError, match="no key-value lines"):
            keys.parse_npu_smi_sections(text)
    else:
        parse = next(
            parser
            for word, parser in (
                ("info-m", keys.parse_npu_smi_mapping),
                ("info-l", keys.parse_npu_smi_list),
                ("watch", keys.parse_npu_smi_watch),
                ("-v", keys.parse_npu_smi_version),
                ("-t-", keys.parse_npu_smi_sections),
            )
            if word in name
        )
        assert parse(text)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
def test_figures_of_captures():
    """One number of each kind, checked by eye."""

    def read(name):
        return (CAPTURES / f"{name}.txt").read_text("utf-8")

    assert keys.parse_npu_smi_usages(read("910A-t-usages")) == (
        keys.ChipUsage(0, 0, 0.0, 6.0, 0.0, None, None),
    )
    assert keys.parse_npu_smi_usages(read("950-t-common")) == (
        keys.ChipUsage(0, None, 0.0, 0.0, 3.0, 65.0, 298.6),
    )
    assert [row.name for row in keys.parse_npu_smi_mapping(read("310-info-m-minid-with-mcu"))] == [
        *["MiniD"] * 4,
        "Mcu",
    ]
    (health,) = keys.parse_npu_smi_sections(read("910A-t-health-alarm-three-error-codes"))
    assert health.text("Error Code") == "A4025021 8C03A000 8C084E00"
    assert health.text("Error Information").count("\n") == 2


PIECES = st.sampled_from(
    [*": \n\t0", " : ", "NPU ID                         : ", "Chip ID                        : ",
     "Chip Name                      : mcu", "Temperature(C)                 : ", "NA", "5",
     "Process id:1  Process name:x  Process memory(MB):", "No process in device.", "\n", "-8005",
     "Total Count                    : ", "NPU ID  Chip ID  Chip Name", "NpuID(Idx) Pwr(W)", "٣",
     "9" * 5000, "ret is ", "npu-smi version: "]
)  # fmt: skip


@given(pieces=st.lists(PIECES, max_size=40))
def test_pieces_of_answers_are_read_or_the_documented_error(pieces):
    """A monitor reads what a sick driver prints; it must not fall over."""
    for parse in PARSERS:
        try:
            parse("".join(pieces))
        except UserError as error:
            refused = error
            assert refused.hint
