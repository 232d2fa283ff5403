"""The guest image: Debian 13 with the packages of all roles, built on this machine.

``ensure()`` gives the image of the recipe as it is now, and builds it when it is not there;
``built()`` looks without building.
"""

from hoaban.image.build import ensure
from hoaban.image.recipe import Recipe
from hoaban.image.store import BuiltImage, built, clean, images, named

__all__ = ["BuiltImage", "Recipe", "built", "clean", "ensure", "images", "named"]
