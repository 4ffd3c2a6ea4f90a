"""``python -m services`` is ``tracker run``: what containers start."""

from tests.flows.processes import python


def test_a_service_nobody_knows_is_one_line_and_exit_code_2(tmp_path):
    done = python(tmp_path, "-m", "services", "ingester")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tracker: unknown service ingester; known: aggregator, ")
    assert done.stderr.count("\n") == 1


def test_importing_it_starts_nothing(tmp_path):
    done = python(tmp_path, "-c", "import services.__main__")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
