"""The configuration that the page shows can be used as it is, and every key of it is on the page."""

import re
from pathlib import Path

import pytest

from calciscope.serve.node import settings
from calciscope.serve.node.settings import Assess, Queue, Receive, Send, Tls, Web

PAGE = (Path(__file__).parents[3] / "docs" / "node.md").read_text("utf-8")
EXAMPLE, WEB = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_can_be_used(tmp_path):
    (tmp_path / "node.toml").write_text(EXAMPLE)
    made = settings.read(tmp_path / "node.toml")
    assert made.receive.allow == ("PACS",)
    defaults = Receive(allow=("PACS",))
    assert made.receive == defaults.model_copy(update={"host": "0.0.0.0"})
    assert (made.assess, made.keep_free_mb) == (Assess(), settings.Settings.model_fields["keep_free_mb"].default)


def test_the_example_for_the_web_can_be_used(tmp_path):
    (tmp_path / "node.toml").write_text(EXAMPLE.partition("[receive]")[0] + WEB)
    assert settings.read(tmp_path / "node.toml").web.store


@pytest.mark.parametrize("section", [Assess, Queue, Receive, Send, Tls, Web])
def test_every_key_is_on_the_page(section):
    missing = [name for name in section.model_fields if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []
