"""The coded blocks of atc as each generation of CANN prints them (ascend-tools.md section 1.4)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.fakes.acting import stamp
from tests.fakes.cann_root import release

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDENT = " " * 8
GENERATIONS = ("5", "8.0", "8.1", "9")
"""Bare; with a time; with process id and time; with process id, time and title in front."""


@dataclass(frozen=True)
class Message:
    """A message: its title, its words of old (values in brackets) and of new, and what to do."""

    title: str
    old: str
    new: str
    cause: str = ""
    solution: str = ""


def _same(title: str, text: str, cause: str = "", solution: str = "") -> Message:
    return Message(title, text, text, cause, solution)


MESSAGES = {
    "E10001": Message(
        "Invalid_Argument",
        "Value [{value}] for parameter [--{name}] is invalid. Reason: {reason}",
        "Value {value} for parameter --{name} is invalid. Reason: {reason}",
        solution="Give a value that the parameter takes.",
    ),
    "E10002": Message(
        "Invalid_Argument_Tensor_Input_Shape",
        "Value [{value}] for parameter [--input_shape] is invalid. Reason: {reason}",
        "Value {value} for parameter --input_shape is invalid. Reason: {reason}",
        solution="Write input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2.",
    ),
    "E10004": _same("Invalid_Argument", "Value for [--{name}] is empty."),
    "E10007": Message(
        "Invalid_Argument",
        "[--{name}] is required. The value must be [{value}].",
        "--{name} is required. The value must be {value}.",
        solution="Set the parameter.",
    ),
    "E10009": _same(
        "Invalid_Argument",
        "[--dynamic_batch_size], [--dynamic_image_size], [--input_shape_range], "
        "[--dynamic_dims] are mutually exclusive.",
    ),
    "E10011": _same(
        "Invalid_Argument_Input_Shape",
        "Value [{value}] for parameter [--input_shape] is invalid. Shape values must be positive "
        "integers.",
    ),
    "E10016": Message(
        "Invalid_Argument_Operator_Name",
        "Opname [{value}] specified in [--{name}] is not found in the model, confirm whether this "
        "node name exists, or node is not split with the specified delimiter ';'",
        "Op name {value} specified in --{name} is not found in the model. Confirm whether this "
        "node name exists, or whether the node is not split with the specified delimiter ';'.",
        solution="Name a node that the graph has.",
    ),
    "E10041": _same("Load_Model_Failure", "Failed to load the model from {value}."),
    "E10044": _same(
        "Memory_Insufficient",
        "Current available mem [{value}kB] can not be smaller than [2097152kB].",
    ),
    "E10049": _same(
        "Invalid_Argument_Input_Shape",
        "Dim num [{given}] of input [{value}] is not the dim num [{wanted}] of its node.",
    ),
    "E10054": Message(
        "Invalid_Argument",
        "The requied parameter [{name}] for ATC is empty. Another possible reason is that the "
        'value of some parameters is not enclosed by quotation marks ("").',
        "The required parameter {name} for ATC is empty. Another possible reason is that the "
        'values of some parameters are not enclosed by quotation marks ("").',
        solution="Look at the form of the command line.",
    ),
    "E10055": _same(
        "Not_Supported", "The operation is not supported. Reason: {reason}", solution="Leave it."
    ),
    "E11017": _same(
        "Invalid_Argument_Operator_Name", "The node [{value}] of --out_nodes is not found."
    ),
    "E13001": _same(
        "File_Operation_Error", "Failed to open file [{value}]. Reason: No such file or directory"
    ),
    "E13004": _same("File_Operation_Error", "Failed to write file [{value}]. Reason: {reason}"),
    "E13005": _same(
        "File_Parse_Error", "Failed to parse file [{value}].", solution="Look at the file."
    ),
    "E14001": _same(
        "Invalid_Argument_Operator",
        "Argument [shape] for op [{value}], optype [Data], is invalid. Reason: {reason}",
    ),
    "E16005": Message(
        "Invalid_Argument_ONNX_Model_Data",
        "The model has [{value}] [--domain_version] fields, but only one is allowed.",
        "The model has {value} --domain_version fields, but only one is allowed.",
        solution="Keep one domain in the model.",
    ),
    "E19010": _same(
        "Unsupported_Operator",
        "No parser is registered for Op [{value}, optype [{type}]].",
        "The operator type has no parser.",
        "Look at the version of the installation.",
    ),
    "E20001": Message(
        "Compilation_Error",
        "Failed to compile Op [{value}]. (optype: [{type}])",
        "Failed to compile Op [{value}]. (optype: [{type}])",
        "1. The operator has an invalid argument. 2. Its implementation is abnormal.",
        "See the host log.",
    ),
    "E40020": Message(
        "Module_Import_Failure",
        "Failed to import Python module [{value}]. Reason: {reason}",
        "Failed to import Python module {value}. Reason: {reason}",
        solution="Install the module for the interpreter that is first on PATH.",
    ),
    "EL0004": _same(
        "Memory_Allocation_Failure",
        "Failed to allocate memory.",
        "Available memory is insufficient.",
        "Close applications not in use.",
    ),
    "W11001": Message(
        "Performance_Not_Optimal_Operator",
        "Op [{value}] does not hit the high-priority operator information library, which might "
        "result in compromised performance.",
        "Op {value} does not hit the high-priority operator information library, which might "
        "result in compromised performance.",
    ),
}


@dataclass(eq=False)
class Refused(Exception):
    """atc refuses: a code of MESSAGES with its values, and lines of its trace."""

    code: str
    values: Mapping[str, object]
    trace: tuple[str, ...] = ()


def generation_of(version: str) -> str:
    """How a version of CANN writes its headlines."""
    numbers = release(version)
    if numbers < (8, 0):
        return "5"
    return "8.0" if numbers < (8, 1) else "8.1" if numbers < (8, 5) else "9"


def headline(code: str, text: str, generation: str) -> str:
    """The first line of a block."""
    pid, time = f"[PID: {os.getpid()}]", stamp()
    if generation == "9":
        return f"{pid} {time} {MESSAGES[code].title}({code}): {text}"
    lead = {"5": "", "8.0": f"{time} ", "8.1": f"{pid} {time} "}[generation]
    return f"{code}: {lead}{text}"


def block(refusal: Refused, generation: str) -> list[str]:
    """The lines of a message with all that follows it."""
    message = MESSAGES[refusal.code]
    template = message.new if generation == "9" else message.old
    lines = [headline(refusal.code, template.format(**refusal.values), generation)]
    if message.cause:
        lines.append(f"{_INDENT}Possible Cause: {message.cause}")
    if message.solution:
        lines.append(f"{_INDENT}Solution: {message.solution}")
    lead = "" if generation == "9" else _INDENT
    lines.append(f"{lead}TraceBack (most recent call last):")
    ends = ("ATC model parse ret fail.[FUNC:ParseGraph][FILE:omg.cc][LINE:788]",)
    return lines + [_INDENT + line for line in (*refusal.trace, *ends)]


def inner_error(code: str, text: str, generation: str) -> list[str]:
    """An internal error, whose words stand in its second line."""
    place = "[FUNC:Build][FILE:builder.cc][LINE:11]"
    pid, time = f"[PID: {os.getpid()}]", stamp()
    second = {
        "5": f"{code}  {text}{place}",
        "8.0": f"{code}: {time}  {text}{place}",
        "8.1": f"{code}: {pid} {time}  {text}{place}",
        "9": f"{code}{pid} {time} Inner_Error({code}):  {text}{place}",
    }[generation]
    said = "Internal error!" if generation == "9" else "Inner Error!"
    lead = "" if generation == "9" else _INDENT
    return [
        f"{code}: {said}",
        second,
        f"{lead}TraceBack (most recent call last):",
        f"{_INDENT}GenerateModel failed.[FUNC:GenerateModel][FILE:main.cc][LINE:7]",
    ]
