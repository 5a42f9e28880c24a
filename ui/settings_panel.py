"""The settings of one chat, and the starters of a new one."""

from __future__ import annotations

from typing import Any

import chainlit as cl
from chainlit.input_widget import Select, Slider

from agent.settings import Settings
from tools.apis import SPECIES, api_names, get_api

ANY = "any"
_BACKENDS = {"auto": "Live if it answers, else offline", "live": "Live services", "offline": "Offline snapshot"}
_MODELS = {"packaged": "Model on this machine", "openai": "Model server"}
#: What it can do, by API: questions that the live services and the offline snapshot both have an answer to.
STARTERS: dict[str, tuple[tuple[str, str], ...]] = {
    "Genes": (
        ("Pathways of a gene", "which WikiPathways pathways is CDK2 in?"),
        ("Where a gene is", "where is BRCA1 located?"),
        ("Identifiers", "Ensembl gene ID of TP53 in human"),
        ("Function", "which biological processes is BRAF involved in?"),
    ),
    "Variants": (
        ("Significance", "what is the clinical significance of rs113488022?"),
        ("Pathogenic variants", "pathogenic ClinVar variants in BRCA1"),
        ("Conditions", "which conditions are linked to rs76992529?"),
        ("Frequencies", "ExAC allele frequency of rs334"),
    ),
    "Drugs": (
        ("Targets", "what are the targets of imatinib?"),
        ("Structure", "SMILES of aspirin"),
        ("Approval", "when was imatinib first approved?"),
        ("Identifiers", "PubChem CID of caffeine"),
    ),
    "Diseases": (
        ("Phenotypes", "which phenotypes does cystic fibrosis have?"),
        ("Other names", "synonyms of Marfan syndrome"),
        ("Genes", "genes related to Huntington disease"),
        ("Identifiers", "OMIM id of phenylketonuria"),
    ),
}


def starter_categories() -> list[cl.StarterCategory]:
    """Return the questions that an empty chat offers."""
    return [
        cl.StarterCategory(label=label, starters=[cl.Starter(label=name, message=question) for name, question in rows])
        for label, rows in STARTERS.items()
    ]


async def show_panel(settings: Settings, chosen: dict[str, Any] | None = None) -> None:
    """Put the settings of this chat on the page, as they were chosen before."""
    offers, now = _offers(settings), _accepted(settings, chosen)
    hits = _read_hits(chosen)
    await cl.ChatSettings(
        [
            Select(
                id="backend", label="Who answers", items=_turned(offers["backend"]),
                initial_value=now.get("backend", settings.backend),
            ),
            Select(
                id="api", label="API", items=_turned(offers["api"]),
                initial_value=now.get("api", settings.api or ANY),
            ),
            Select(
                id="species", label="Species, where a question on genes names none", items=_turned(offers["species"]),
                initial_value=now.get("species", ANY),
            ),
            Slider(
                id="hits", label="Hits to fetch, where a question names no number", min=10, max=1000, step=10,
                initial=float(max(10, settings.hits if hits is None else hits)),
            ),
            Select(
                id="model", label="Model", items=_turned(offers["model"]),
                initial_value=now.get("model", settings.model),
            ),
        ]
    ).send()  # fmt: skip


def _offers(settings: Settings) -> dict[str, dict[str, str]]:
    """Return what can be chosen: the name of each setting, and its values with their labels."""
    return {
        "backend": {**_BACKENDS, settings.backend: _BACKENDS.get(settings.backend, settings.backend)},
        "api": {ANY: "Any"} | {name: get_api(name).title for name in api_names()},
        "species": {ANY: "As the question says"} | {name: name for name in SPECIES},
        "model": _MODELS if settings.openai_base_url else {settings.model: _MODELS[settings.model]},
    }


def _turned(items: dict[str, str]) -> dict[str, str]:
    """Turn value → label into the label → value that the widget wants."""
    return {label: value for value, label in items.items()}


def _accepted(settings: Settings, chosen: dict[str, Any] | None) -> dict[str, str]:
    """Return the choices that the panel offers: what a page sends is not what the panel showed until it is checked.

    Among others, a backend may be an address, and only who runs the chat says which addresses it asks.
    """
    now = chosen or {}
    return {
        name: now[name]
        for name, values in _offers(settings).items()
        if isinstance(now.get(name), str) and now[name] in values
    }


def _read_hits(chosen: dict[str, Any] | None) -> int | None:
    """Return how many hits were chosen; None where that is no number."""
    try:
        return min(max(int((chosen or {}).get("hits", "")), 1), 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def chosen_settings(settings: Settings, chosen: dict[str, Any] | None) -> Settings:
    """Return the settings with what was chosen in this chat."""
    changes: dict[str, Any] = dict(_accepted(settings, chosen))
    changes.pop("species", None)
    if changes.get("api") == ANY:
        changes["api"] = None
    hits = _read_hits(chosen)
    # The slider begins at 10: there it stands for fewer, too, where the settings say so.
    if hits is not None and hits != max(10, settings.hits):
        changes["hits"] = hits
    changes = {name: value for name, value in changes.items() if value != getattr(settings, name)}
    return settings.model_copy(update=changes) if changes else settings


def chosen_species(chosen: dict[str, Any] | None) -> str | None:
    """Return the species that a gene question is about where it names none."""
    species = (chosen or {}).get("species")
    return species if isinstance(species, str) and species in SPECIES else None
