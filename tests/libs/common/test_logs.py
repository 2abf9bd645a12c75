import logging

from structlog.testing import capture_logs

from libs.common.logs import _Forward


def test_a_library_that_repeats_itself_is_heard_once_and_its_arguments_never() -> None:
    library = logging.Logger("library")  # noqa: LOG001 - one of its own, with no handler of the run
    library.addHandler(_Forward())
    with capture_logs() as lines:
        for _ in range(50):
            library.warning("Unable to connect to %s", "10.0.0.1")
        library.warning("Something else")
    assert [line["event"] for line in lines] == ["Unable to connect to %s", "Something else"]
    assert "10.0.0.1" not in str(lines)
