"""Plans: what a training run is made of, data and settings, read from a YAML recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finetune.train import Recipe
from tools.errors import DataError

FOLDER = Path(__file__).parent / "recipes"


class DataPlan(BaseModel):
    """Which pairs a run takes."""

    model_config = ConfigDict(extra="forbid")

    pairs: int = Field(default=24000, ge=1, description="How many are synthesised, and at most trained on.")
    seed: int = Field(default=11, description="Of the synthesis, and of the order of the sequences.")
    validation: int = Field(default=160, ge=0, description="Validation pairs whose loss is logged at each checkpoint.")


class Plan(BaseModel):
    """A whole recipe."""

    model_config = ConfigDict(extra="forbid")

    data: DataPlan = DataPlan()
    training: Recipe = Recipe()


def load_plan(name: str, changes: dict[str, str] | None = None) -> Plan:
    """Read a recipe.

    Args:
        name: of a packaged recipe (`default`, `tiny`), or the path of a YAML file.
        changes: settings to change, such as {"training.rank": "16"}.

    Raises:
        DataError: there is no such recipe, or something in it is not valid.
    """
    packaged = FOLDER / f"{name}.yaml"
    path = packaged if packaged.is_file() else Path(name)
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise DataError(f"There is no recipe {name!r}.", f"Packaged are {known}; or give a YAML file.") from None
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not YAML: {error}") from None
    for key, value in (changes or {}).items():
        part, _, setting = key.partition(".")
        if not isinstance(content, dict) or not setting:
            raise DataError(f"{key!r} is no setting of a recipe.", "For example training.rank=16")
        content.setdefault(part, {})[setting] = yaml.safe_load(value)
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path.name}: {place} is not valid: {first['msg']}.") from None
