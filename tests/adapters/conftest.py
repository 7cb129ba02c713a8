"""The tiny families, as the tests of models have them, and their kit."""

from tests.adapters.tiny_kit import kit_folder
from tests.models.conftest import families, written_families

__all__ = ["families", "kit_folder", "written_families"]
