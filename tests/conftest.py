"""What all tests share: steady draws of hypothesis, and golden texts."""

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="write the texts in tests/golden anew instead of comparing")


@pytest.fixture
def golden(request):
    """Compare texts, by the names of their cases, with a file in tests/golden."""

    def compare(name, texts):
        path = Path(__file__).with_name("golden") / f"{name}.md"
        found = "\n".join(f"{case}\n\n{text}\n" for case, text in texts.items())
        if request.config.getoption("golden"):
            path.write_text(found, "utf-8")
        assert found == path.read_text("utf-8")

    return compare
