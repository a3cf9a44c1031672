"""Host functions on metrics. They are exported as Envoy does it: ``wasmcustom_<name>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.observe.custom_metrics import COUNTER, CUSTOM_METRICS, HISTOGRAM, CustomMetric
from headgate.runtimes.wasm.abi import BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, OK

if TYPE_CHECKING:
    from headgate.runtimes.wasm.vm import Vm

GROUP: Final = "wasmcustom"
_SIGN: Final = 1 << 63


class MetricFunctions:
    """Named as in the ABI, without ``proxy_``."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._metrics: list[CustomMetric] = []
        self._numbers: dict[str, int] = {}

    def define_metric(self, kind: int, name: int, name_length: int, ret: int) -> int:
        """Define a metric, or find the one of that name."""
        memory = self._vm.memory
        memory.check(ret, 4)
        if kind > HISTOGRAM:
            return BAD_ARGUMENT
        label = memory.read(name, name_length).decode("utf-8", "replace")
        metric = CUSTOM_METRICS.define(GROUP, label, kind)
        if metric is None:
            return INTERNAL_FAILURE
        number = self._numbers.get(label)
        if number is None:
            self._metrics.append(metric)
            number = self._numbers[label] = len(self._metrics)
        memory.write_u32(ret, number)
        return OK

    def _metric(self, number: int) -> CustomMetric | None:
        return self._metrics[number - 1] if 0 < number <= len(self._metrics) else None

    def increment_metric(self, number: int, delta: int) -> int:
        """Change a counter or gauge by a signed number; a counter only grows."""
        metric = self._metric(number)
        if metric is None:
            return NOT_FOUND
        signed = delta - (1 << 64) if delta & _SIGN else delta
        if metric.kind == HISTOGRAM or (metric.kind == COUNTER and signed < 0):
            return BAD_ARGUMENT
        metric.value = max(0, metric.value + signed)
        return OK

    def record_metric(self, number: int, value: int) -> int:
        """Set a gauge, observe a value of a histogram, or add to a counter."""
        metric = self._metric(number)
        if metric is None:
            return NOT_FOUND
        if metric.kind == HISTOGRAM:
            metric.observe(value)
        elif metric.kind == COUNTER:
            metric.value += value
        else:
            metric.value = value
        return OK

    def get_metric(self, number: int, ret: int) -> int:
        """The present value of a counter or gauge."""
        metric = self._metric(number)
        if metric is None:
            return NOT_FOUND
        if metric.kind == HISTOGRAM:
            return BAD_ARGUMENT
        self._vm.memory.write_u64(ret, metric.value & 0xFFFFFFFFFFFFFFFF)
        return OK
