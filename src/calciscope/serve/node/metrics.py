"""What a node counts, as Prometheus reads it; nothing of any patient."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from calciscope.serve.node.queue import Queue

_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """Counters of one node; studies by state are read from its queue when somebody asks."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.registry = queue, CollectorRegistry()
        at = self.registry
        self._received = Counter("calciscope_instances_received", "Instances received", registry=at)
        self._refused = Counter("calciscope_refused", "Associations and objects refused", ["why"], registry=at)
        self._assessed = Counter("calciscope_assessments", "Assessments by how they ended", ["outcome"], registry=at)
        self._seconds = Histogram(
            "calciscope_assessment_seconds", "Time of an assessment", buckets=_SECONDS, registry=at
        )
        self._sent = Counter("calciscope_results", "Results by how they were taken", ["outcome"], registry=at)
        self._studies = Gauge("calciscope_studies", "Studies by state", ["state"], registry=at)

    def received(self) -> None:
        """An instance that is new."""
        self._received.inc()

    def refused(self, why: str) -> None:
        """Something was not taken."""
        self._refused.labels(why).inc()

    def assessed(self, outcome: str, seconds: float) -> None:
        """An assessment ended."""
        self._assessed.labels(outcome).inc()
        self._seconds.observe(seconds)

    def sent(self, outcome: str) -> None:
        """A result was taken, refused or not answered."""
        self._sent.labels(outcome).inc()

    def text(self) -> bytes:
        """The text format of Prometheus."""
        for state, count in self.queue.counts().items():
            self._studies.labels(state).set(count)
        return generate_latest(self.registry)
