"""The recipes by name. Imports no framework."""

from __future__ import annotations

from collections.abc import Mapping

from models.transfer.recipes import FineGrained, ImageNetFineTuned, ImageNetFrozen
from models.transfer.vtab import Vtab

Recipe = ImageNetFrozen | ImageNetFineTuned | FineGrained | Vtab

RECIPES: Mapping[str, type[Recipe]] = {
    "imagenet-frozen": ImageNetFrozen,
    "imagenet-fine-tuned": ImageNetFineTuned,
    "fine-grained": FineGrained,
    "vtab": Vtab,
}
