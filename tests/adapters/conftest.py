"""The tiny families, as the tests of models have them."""

from tests.models.conftest import families, written_families

__all__ = ["families", "written_families"]
