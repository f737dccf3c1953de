"""A state directory with the image 'tiny', from which a campaign's daemon begins."""
import os
import pathlib

from yado import Yado


def image_state(folder):
    """That of YADO_TEST_IMAGES; else it is built, which takes a minute."""
    if "YADO_TEST_IMAGES" in os.environ:
        return pathlib.Path(os.environ["YADO_TEST_IMAGES"])
    seed = Yado(folder / "seed").start()
    try:
        seed("image", "build", "tiny", timeout=900)
    finally:
        seed.stop()
    return seed.state
