"""A bundle for support has what explains a fault, and nothing that is nobody's business."""

from __future__ import annotations

import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascend_console.core.errors import ToolFailed
from ascend_console.core.settings import Settings
from ascend_console.tools import support_bundle
from ascend_console.tools.support_bundle import Scrubber, scrubber_of, write_bundle

# Everything that is planted, and must not come out.
USER, HOST, HOME = "liuwei", "npu-train-07", "/home/liuwei"
SECRETS = {
    "ASCEND_CONSOLE_TOKEN": "tok-3f9a77c1",
    "MY_API_KEY": "key-99aa88bb",
    "DB_PASSWORD": "hunter2!",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "GITHUB_TOKEN": "ghp_0123456789abcdefghij",
    "HTTP_COOKIE": "sid=abcdef",
}
PLANTED = (
    USER, HOST, "corp.example.com", HOME, *SECRETS.values(), "10.20.30.40", "fe80::1ff:fe23:4567",
    "52:54:00:12:34:56", "liu.wei@example.com", "otheruser", "s3cr3t-in-url", "argument-secret",
    "AKIAABCDEFGHIJKLMNOP", "eyJhbGciOiJIUzI1NiJ9", "MIIEpAIBAAKCAQEA", "header-secret",
)  # fmt: skip
ENVIRON = {
    **SECRETS,
    "USER": USER,
    "HOME": HOME,
    "HOSTNAME": f"{HOST}.corp.example.com",
    "SSH_CONNECTION": "10.20.30.40 50000 10.20.30.41 22",
    "PATH": f"{HOME}/bin:/usr/bin",
    "ASCEND_HOME_PATH": "/usr/local/Ascend/ascend-toolkit/latest",
    "ASCEND_RT_VISIBLE_DEVICES": "0,1",
    "LANG": "zh_CN.UTF-8",
    "ASCEND_PROXY": "http://liuwei:s3cr3t-in-url@10.20.30.40:8080",
    "PRIVATE_NOTE": "about otheruser",
}
RUN = {
    "schema": 1,
    "run_id": "20261120-101500-ghostnet-3f9a",
    "command": [
        "ascend-console", "run", "--dataset", f"{HOME}/data/val", "--token", "argument-secret",
    ],
    "request": {"checkpoint": "/home/otheruser/state_dict_73.98.pth", "password": "hunter2!"},
    "environment": {"opencv": "4.5.1.48", "host": f"{HOST}.corp.example.com"},
    "note": (
        f"{USER}@{HOST} (liu.wei@example.com) at 10.20.30.40 and fe80::1ff:fe23:4567%eth0, "
        "52:54:00:12:34:56; Authorization: Bearer header-secret\n"
        "AKIAABCDEFGHIJKLMNOP eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln\n"
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
    ),
    f"{HOME}/a.jpg": "key of a path",
}  # fmt: skip
DOCTOR = {
    "schema": 1,
    "checks": [
        {"id": "disk.free", "seen": f"3 GB are free in {HOME}/.local/share/ascend-console"},
        {"id": "model.ghostnet", "seen": "opencv-python 4.5.1.48 (5.0.0.93), firmware 7.5.0.1.129"},
        {"id": "ascend.device", "seen": "0000:01:00.0 at 10:15:00, ge::Graph, 127.0.0.1:9100"},
    ],
}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A workspace with one run, on a machine whose names are planted."""
    folder = tmp_path / "workspace" / "runs" / "20261120-101500-ghostnet-3f9a"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(RUN), "utf-8")
    (folder / "verdict.json").write_text('{"verdict": "PASS"}', "utf-8")
    (folder / "view.json").write_text("{ torn", "utf-8")
    (folder / "logs").mkdir()
    (folder / "logs" / "atc.log").write_text(f"a log of {USER}", "utf-8")
    monkeypatch.setattr(support_bundle.platform, "node", lambda: HOST)
    return Settings(workspace=tmp_path / "workspace", environ=ENVIRON)


def content(path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def test_nothing_that_was_planted_comes_out(settings, tmp_path):
    """Names, hosts, addresses, keys, passwords, wherever they stand."""
    path = tmp_path / "support.zip"
    count = write_bundle(path, DOCTOR, settings, versions=["4.5.1.48", "5.0.0.93"])
    found = content(path)
    whole = "\n".join([*found, *found.values()])
    assert count == len(found)
    assert [planted for planted in PLANTED if planted.lower() in whole.lower()] == []


def test_what_explains_a_fault_stays(settings, tmp_path):
    """A bundle of placeholders helps nobody: versions, bus ids, times and system paths stay."""
    path = tmp_path / "support.zip"
    write_bundle(path, DOCTOR, settings, versions=["4.5.1.48", "5.0.0.93"])
    found = content(path)
    run = json.loads(found["runs/20261120-101500-ghostnet-3f9a/run.json"])
    seen = [check["seen"] for check in json.loads(found["doctor.json"])["checks"]]
    assert seen == [
        "3 GB are free in ~/.local/share/ascend-console",
        "opencv-python 4.5.1.48 (5.0.0.93), firmware 7.5.0.1.129",
        "0000:01:00.0 at 10:15:00, ge::Graph, 127.0.0.1:9100",
    ]
    assert run["command"][:4] == ["ascend-console", "run", "--dataset", "~/data/val"]
    assert run["request"]["checkpoint"] == "/home/<user>/state_dict_73.98.pth"
    assert run["environment"]["opencv"] == "4.5.1.48"
    environ = json.loads(found["environment.json"])
    assert environ["ASCEND_HOME_PATH"] == "/usr/local/Ascend/ascend-toolkit/latest"
    assert environ["ASCEND_CONSOLE_TOKEN"] == "<secret>"
    assert "PRIVATE_NOTE" not in environ
    assert "SSH_CONNECTION" not in environ
    assert "python" in json.loads(found["versions.json"])
    assert json.loads(found["runs/20261120-101500-ghostnet-3f9a/verdict.json"]) == {
        "verdict": "PASS"
    }
    assert "unreadable" in found["runs/20261120-101500-ghostnet-3f9a/view.json"]
    assert not any("log" in name for name in found)


def test_only_the_newest_runs_are_taken(settings, tmp_path):
    """A workspace of months is no attachment."""
    for day in range(10, 19):
        folder = settings.workspace / "runs" / f"202612{day}-101500-ghostnet-3f9a"
        folder.mkdir()
        (folder / "run.json").write_text("{}", "utf-8")
    path = tmp_path / "support.zip"
    write_bundle(path, DOCTOR, settings)
    runs = sorted({name.split("/")[1] for name in content(path) if name.startswith("runs/")})
    assert len(runs) == support_bundle.MOST_RUNS
    assert runs[-1] == "20261218-101500-ghostnet-3f9a"


def test_the_bundle_is_whole_or_absent(settings, tmp_path):
    """Half of a zip is sent before anybody opens it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolFailed):
        write_bundle(tmp_path / "file" / "support.zip", DOCTOR, settings)
    target = tmp_path / "support.zip"
    write_bundle(target, DOCTOR, settings)
    first = target.read_bytes()
    with pytest.raises(TypeError):
        write_bundle(target, {"x": object()}, settings)
    assert target.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir() if ".tmp" in path.name] == []


def test_the_same_machine_gives_the_same_bytes(settings, tmp_path):
    """No time of packing, no order of chance."""
    for name in ("a.zip", "b.zip"):
        write_bundle(tmp_path / name, DOCTOR, settings)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("root and localhost", "root and localhost"),
        ("the user li", "the user <user>"),
        ("list of lights", "list of lights"),
        ("C:\\Users\\Wei Liu\\x", "C:\\Users\\<user> Liu\\x"),
        ("--password hunter3 --x", "--password <secret> --x"),
        ("password=hunter3&x=1", "password=<secret>&x=1"),
        ('{"api_key": "abcd"}', '{"api_key": "<secret>"}'),
        ("token_count 3", "token_count 3"),
        ("sort_key name", "sort_key name"),
        ("8.8.8.8, 1.2.3.4.5, 300.1.1.1", "<address>, 1.2.3.4.5, 300.1.1.1"),
        ("2001:db8::1 and 00:1a:2b:3c:4d:5e", "<address> and <mac>"),
        ("ssh://git@host.example.com/x", "ssh://<secret>@host.example.com/x"),
        ("opset 11: 12:00:01", "opset 11: 12:00:01"),
    ],
)
def test_each_form_is_replaced_and_its_neighbours_are_not(text, wanted):
    """Too little is a leak, too much is a riddle."""
    scrub = scrubber_of({}, users=["root", "li", "x"], hosts=["localhost"], kept=[])
    assert scrub.text(text) == wanted


def test_the_longest_of_two_secrets_is_replaced_first():
    """Otherwise the rest of the longer one would stay."""
    environ = {"A_TOKEN": "abcd", "B_TOKEN": "abcdefgh"}
    assert scrubber_of(environ, users=[], hosts=[], kept=[]).text("x abcdefgh") == "x <secret>"


def test_values_that_are_no_text_stay():
    """Numbers, booleans and null are figures."""
    value = {"a": [1, 2.5, None, True], "password": 4, "b": ("x",)}
    assert Scrubber().value(value) == {"a": [1, 2.5, None, True], "password": 4, "b": ["x"]}


@given(st.text(max_size=200), st.sampled_from(PLANTED[:3]))
def test_a_name_comes_out_of_no_text(text, name):
    """Whatever stands around it, as long as it stands as a word."""
    scrub = scrubber_of(ENVIRON, users=[USER], hosts=[f"{HOST}.corp.example.com"], kept=[])
    word = {"corp.example.com": f"{HOST}.corp.example.com"}.get(name, name)
    assert name not in scrub.text(f"{text} {word} {text}")
