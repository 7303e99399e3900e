"""Device figures for Prometheus: the only module that listens on a port (extra `metrics`).

Names, labels and units are those of npu-exporter where it has a figure, so that its dashboards
work: memory in MB, health 1 or 0, `id` the number of `--device`. Labels that only npu-exporter
knows are left out, which to Prometheus is the same as empty. Unknown is left out, never 0.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ascend_console.core.errors import BackendUnavailable, ToolFailed, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ascend_console.core.devices import Chip, ChipProcess, DeviceSnapshot, Gpu

_LOOPBACK = "127.0.0.1"
_PATHS = ("/metrics", "/metrics/")
_LONGEST_HEADER_S = 10.0
_CHIP_LABELS = ("id", "model_name", "pcie_bus_info")

_CHIP_FIGURES: tuple[tuple[str, str, Callable[[Chip], float | None]], ...] = (
    ("npu_chip_info_utilization", "the ai core utilization", lambda chip: chip.aicore_pct),
    ("npu_chip_info_temperature", "the npu temperature", lambda chip: chip.temp_c),
    ("npu_chip_info_power", "the npu power", lambda chip: chip.power_w),
    ("npu_chip_info_health_status", "the npu health status", lambda chip: _health(chip)),
    ("npu_chip_info_used_memory", "the npu used memory, unit is 'MB'",
     lambda chip: chip.memory_used_mb),
    ("npu_chip_info_total_memory", "the npu total memory, unit is 'MB'",
     lambda chip: chip.memory_total_mb),
    ("npu_chip_info_hbm_used_memory", "the npu hbm used memory, unit is 'MB'",
     lambda chip: chip.hbm_used_mb),
    ("npu_chip_info_hbm_total_memory", "the npu hbm total memory, unit is 'MB'",
     lambda chip: chip.hbm_total_mb),
)  # fmt: skip
_GPU_FIGURES: tuple[tuple[str, str, Callable[[Gpu], float | None]], ...] = (
    ("ascend_console_gpu_utilization_percent", "GPU utilization", lambda gpu: gpu.util_pct),
    ("ascend_console_gpu_used_memory_mb", "GPU memory in use", lambda gpu: gpu.memory_used_mb),
    ("ascend_console_gpu_total_memory_mb", "GPU memory", lambda gpu: gpu.memory_total_mb),
    ("ascend_console_gpu_power_watts", "GPU power", lambda gpu: gpu.power_w),
    ("ascend_console_gpu_temperature_celsius", "GPU temperature", lambda gpu: gpu.temp_c),
)  # fmt: skip


def _health(chip: Chip) -> float | None:
    """1 for OK, 0 for what npu-smi warns of; None where it does not know."""
    if chip.health is None or chip.health.upper() == "UNKNOWN":
        return None
    return 1.0 if chip.health.upper() == "OK" else 0.0


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`, `[::1]:PORT` or a port alone, which is of this machine only.

    UserError for anything else.
    """
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        port = ""
    if not port.isascii() or not port.isdigit() or int(port[:6]) > 65_535:
        raise UserError(
            "metrics.address",
            "{text!r} is no HOST:PORT",
            hint="Write it as 127.0.0.1:9100, [::1]:9100 or 9100.",
            text=text,
        )
    return host or _LOOPBACK, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_Row = tuple[tuple[str, ...], float | None]
_Family = tuple[str, str, tuple[str, ...], list[_Row]]


class _Figures:
    """A collector of prometheus-client over the newest snapshot."""

    def __init__(self, snapshot: Callable[[], DeviceSnapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Any]:
        """Every family with at least one value."""
        from prometheus_client.core import GaugeMetricFamily

        found = self._snapshot()
        for name, text, labels, rows in (*_chip_families(found), *_other_families(found)):
            # The same labels twice would make the whole answer unreadable.
            known = {keys: value for keys, value in rows if value is not None}
            family = GaugeMetricFamily(name, text, labels=labels)
            for keys, value in known.items():
                family.add_metric(keys, float(value))
            if known:
                yield family


def _labels(chip: Chip) -> tuple[str, ...]:
    number = f"{chip.npu}.{chip.chip}" if chip.device is None else str(chip.device)
    return number, chip.name or "", chip.bus_id or ""


def _chip_families(found: DeviceSnapshot) -> Iterator[_Family]:
    labels = {chip.key: _labels(chip) for chip in found.chips}
    yield (
        "machine_npu_nums", "Amount of npu installed on the machine.", (),
        [((), len(found.chips) or None)],
    )  # fmt: skip
    yield (
        "npu_chip_info_name", "the Ascend npu name with value '1'",
        ("id", "name", "pcie_bus_info"), [(labels[chip.key], 1) for chip in found.chips],
    )  # fmt: skip
    for name, text, value in _CHIP_FIGURES:
        rows = [(labels[chip.key], value(chip)) for chip in found.chips]
        yield name, text, _CHIP_LABELS, rows
    yield (
        "npu_chip_info_process_info", "the npu process info, unit is 'MB'",
        (*_CHIP_LABELS, "process_id"),
        [
            ((*labels[process.npu, process.chip], str(process.pid)), process.memory_mb)
            for process in _named(found.processes)
            if (process.npu, process.chip) in labels
        ],
    )  # fmt: skip


def _named(processes: tuple[ChipProcess, ...]) -> list[ChipProcess]:
    return [process for process in processes if process.pid is not None]


def _other_families(found: DeviceSnapshot) -> Iterator[_Family]:
    for name, text, value in _GPU_FIGURES:
        rows: list[_Row] = [((str(gpu.index), gpu.name or ""), value(gpu)) for gpu in found.gpus]
        yield name, text, ("id", "model_name"), rows
    host = found.host
    if host is not None:
        for name, text, figure in (
            ("cpu_percent", "processor use of all cores", host.cpu_pct),
            ("used_memory_mb", "memory in use", host.memory_used_mb),
            ("total_memory_mb", "memory", host.memory_total_mb),
            ("load1", "load average of a minute", host.load_1m),
        ):
            yield f"ascend_console_host_{name}", text, (), [((), figure)]
    yield (
        "ascend_console_source_up", "whether the last look at a source was answered", ("source",),
        [
            ((source.source,), float(source.trouble is None and source.age_s is not None))
            for source in found.sources
        ],
    )  # fmt: skip
    yield (
        "ascend_console_source_age_seconds", "age of what a source said last", ("source",),
        [((source.source,), source.age_s) for source in found.sources],
    )  # fmt: skip
    yield (
        "ascend_console_polling_cpu_seconds", "processor time that polling took", (),
        [((), found.polling.cpu_s)],
    )  # fmt: skip


class _Server(ThreadingHTTPServer):
    """A server whose start asks no name server, and which ends with the program."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that HTTPServer does."""
        import socketserver

        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


def _handler(registry: Any) -> type[BaseHTTPRequestHandler]:
    from prometheus_client.exposition import choose_encoder

    class Handler(BaseHTTPRequestHandler):
        """Answers GET /metrics, and nothing else."""

        timeout = _LONGEST_HEADER_S
        server_version = "ascend-console"
        sys_version = ""

        def do_GET(self) -> None:
            """The figures; 404 for another path."""
            if self.path.partition("?")[0] not in _PATHS:
                self._answer(404, "text/plain", b"the figures are at /metrics\n")
                return
            encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, content_type, encoder(registry))

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody is told of each look."""

    return Handler


def _started(host: str, port: int, registry: Any) -> _Server:
    import socket

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        kind = type("_FamilyServer", (_Server,), {"address_family": family})
        server: _Server = kind((host, port), _handler(registry))
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        raise ToolFailed(
            "metrics.busy" if busy else "metrics.bind",
            "port {port} of {host} is in use"
            if busy
            else "cannot serve at {host}:{port}: {reason}",
            hint="Choose another port, or end what listens there: `ss -ltnp`."
            if busy
            else "Name an address of this machine, and a port from 1024 on.",
            host=host,
            port=port,
            reason=error.strerror or error,
        ) from error
    return server


@contextlib.contextmanager
def serving(host: str, port: int, snapshot: Callable[[], DeviceSnapshot]) -> Iterator[str]:
    """Serve what `snapshot` gives, asked at each scrape; the URL is the context's value.

    Port 0 takes a free one. BackendUnavailable without the extra `metrics`, ToolFailed where the
    address cannot be taken.
    """
    if find_spec("prometheus_client") is None:
        raise BackendUnavailable(
            "extra.metrics",
            "--serve needs the extra 'metrics', which is not installed",
            hint="Type: pip install 'ascend-console[metrics]'",
        )
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(snapshot))
    server = _started(host, port, registry)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
