"""What ``from munseo import …`` gives."""

import pytest

import munseo


@pytest.mark.parametrize("name", munseo.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(munseo, name) is not None


def test_there_is_one_interruption():
    from munseo import Interrupted

    assert Interrupted is munseo._errors.Interrupted
    assert issubclass(Interrupted, KeyboardInterrupt)
    stop = Interrupted(15, "stopped; run it again.")
    assert (stop.signum, stop.message, str(stop)) == (15, "stopped; run it again.", "stopped; run it again.")
