"""Instances on the disk: written whole or not at all, under names that tell nothing."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress

from calciscope.serve.node.files import write
from calciscope.serve.node.queue import Queue, digest
from calciscope.serve.node.settings import Settings

_MB = 1024 * 1024


class NoRoomError(Exception):
    """The disk or the limit of a study is full."""


class Store:
    """Where images and results lie. An instance is on the disk before the queue knows of it, never the other way."""

    def __init__(self, settings: Settings, queue: Queue) -> None:
        self.settings, self.queue = settings, queue
        # Nothing is removed between the look at what is there and the word to the queue that it is.
        self._turn = threading.Lock()
        # What was being written when the node ended was never told as received.
        shutil.rmtree(settings.coming, ignore_errors=True)
        for folder in (settings.images, settings.results, settings.coming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, content: bytes, study: str, instance: str, transfer: str | None) -> bool:
        """Keep an instance by the UIDs of its study and itself; whether it is new.

        Raises:
            NoRoomError: the disk has less than is to stay free, or the study would be larger than it may be.
        """
        key, name = digest(study), digest(instance)
        if self.queue.size(key) + len(content) > self.settings.largest_study_mb * _MB:
            raise NoRoomError("the study is larger than largest_study_mb")
        if shutil.disk_usage(self.settings.folder).free - len(content) < self.settings.least_free:
            raise NoRoomError("the disk is full")
        target = self.settings.images / key / f"{name}.dcm"
        with self._turn:
            if not target.exists():
                try:
                    write(content, target, self.settings.coming)
                except OSError as error:
                    raise NoRoomError("the disk cannot be written") from error
            return self.queue.received(key, name, len(content), transfer)

    def tidy(self, keys: Iterable[str]) -> None:
        """Remove images and results of studies that the queue has forgotten, but not what has come since."""
        for key in keys:
            shutil.rmtree(self.settings.results / key, ignore_errors=True)
            for path in (self.settings.images / key).glob("*.dcm"):
                with self._turn:
                    if not self.queue.knows(key, path.stem):
                        path.unlink(missing_ok=True)
            with suppress(OSError):  # what has come since is in it
                (self.settings.images / key).rmdir()
