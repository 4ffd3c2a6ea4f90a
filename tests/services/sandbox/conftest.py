import pytest

from tests.services.sandbox.running_sandbox import running


@pytest.fixture
def open_sandbox():
    return running


@pytest.fixture
async def sandbox():
    async with running() as subject:
        yield subject
