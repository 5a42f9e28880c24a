import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import apis, catalogue
from tools.apis import API_NAMES
from tools.catalogue import Catalogue, load_catalogue, refresh
from tools.errors import DataError, QueryError
from tools.paths import data_dir

TYPES = {
    "object", "text", "keyword", "integer", "long", "short", "byte", "float", "double", "half_float", "boolean", "date",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(apis, "_registry", dict(apis._registry))
    yield tmp_path
    catalogue.set_home(None)


@pytest.fixture(params=API_NAMES)
def fields(request: pytest.FixtureRequest) -> Catalogue:
    return load_catalogue(request.param)


def test_every_field_has_type_and_text(fields: Catalogue):
    for field in fields:
        assert field.type in TYPES, field.path
        assert field.label and field.description.endswith("."), field.path
        assert len(field.label.split()) <= 6, field.path
        assert 0 <= field.prior <= 1, field.path
        assert "index" in fields.rows[field.path], field.path


def test_parents_of_every_field_exist(fields: Catalogue):
    for field in fields:
        parent = field.path.rpartition(".")[0]
        assert not parent or fields.exists(parent), field.path


def test_hand_written_labels_tell_fields_apart(fields: Catalogue):
    labels = [field.label.lower() for field in fields if field.hand]
    assert len(labels) == len(set(labels))


def test_files_hold_one_field_a_line_sorted():
    for api in API_NAMES:
        lines = (data_dir() / "schema" / f"{api}.json").read_text(encoding="utf-8").splitlines()
        paths = [next(iter(json.loads("{" + line.rstrip(",") + "}"))) for line in lines[1:-1]]
        assert paths == sorted(paths), api


def test_four_hundred_fields_are_described_by_hand():
    counts = {api: sum(field.hand for field in load_catalogue(api)) for api in API_NAMES}
    assert sum(counts.values()) >= 400, counts
    assert counts["mygene"] >= 110
    assert counts["mydisease"] >= 100


@pytest.mark.parametrize(
    ("api", "path", "values"),
    [
        ("mygene", "type_of_gene", {"protein-coding", "pseudo", "ncRNA", "snoRNA", "tRNA", "biological-region"}),
        ("mygene", "ensembl.type_of_gene", {"protein_coding", "lncRNA", "processed_pseudogene"}),
        ("mygene", "pharos.tdl", {"Tclin", "Tchem", "Tbio", "Tdark"}),
        ("mygene", "go.BP.evidence", {"IDA", "IEA", "TAS"}),
        ("mygene", "clingen.clinical_validity.classification", {"definitive", "limited"}),
        ("mydisease", "hpo.phenotype_related_to_disease.evidence", {"PCS", "IEA", "TAS"}),
        ("mydisease", "hpo.phenotype_related_to_disease.sex", {"male", "female"}),
        ("mydisease", "hpo.inheritance.hpo_name", {"Autosomal dominant inheritance", "Mitochondrial inheritance"}),
        ("mydisease", "ctd.chemical_related_to_disease.direct_evidence", {"therapeutic", "marker/mechanism"}),
        ("mydisease", "mondo.is_obsolete", {"true", "false"}),
    ],
)
def test_enumerated_values(api: str, path: str, values: set[str]):
    field = load_catalogue(api).get(path)
    assert field is not None
    assert values <= set(field.values)


@pytest.mark.parametrize(
    ("api", "path"),
    [("mygene", "taxid"), ("mygene", "go.BP.term"), ("mydisease", "hpo.phenotype_related_to_disease.hpo_id")],
)
def test_searchable_fields(api: str, path: str):
    field = load_catalogue(api).get(path)
    assert field is not None and field.searchable


@pytest.mark.parametrize("path", ["genomic_pos.chr", "genomic_pos_hg19.start", "map_location", "generif.text", "go"])
def test_fields_that_query_strings_cannot_reach(path: str):
    field = load_catalogue("mygene").get(path)
    assert field is not None and not field.searchable


def test_positions_are_nested_in_the_engines_view():
    mapping = load_catalogue("mygene").mapping()
    assert mapping["genomic_pos"]["type"] == "nested"
    assert mapping["go"]["type"] == "object"
    assert mapping["symbol"]["searched_by_default"] is True
    assert "label" not in mapping["symbol"]


def test_copied_values_get_a_field_of_their_own_in_the_engines_view():
    mapping = load_catalogue("mygene").mapping()
    assert mapping["refseq.rna"]["copy_to"] == ["refseq_agg"]
    assert mapping["refseq_agg"]["analyzer"] == "refseq_analyzer"
    assert "refseq_agg" not in load_catalogue("mygene").fields


def test_the_listing_is_the_services_own():
    listing = load_catalogue("mygene").listing()
    assert listing["genomic_pos"] == {"type": "object", "index": True}
    assert listing["symbol"] == {"type": "keyword", "index": True, "searched_by_default": True}
    below = load_catalogue("mygene").listing(prefix="pathway.kegg")
    assert set(below) == {"pathway.kegg", "pathway.kegg.id", "pathway.kegg.name"}
    assert set(load_catalogue("mygene").listing(search="KEGG")) == {"kegg", *below}


@pytest.mark.parametrize(
    ("api", "typed", "meant"),
    [
        ("mygene", "simbol", "symbol"),
        ("mygene", "gene_symbol", "symbol"),
        ("mygene", "entrez_gene", "entrezgene"),
        ("mygene", "ensembl.genes", "ensembl.gene"),
        ("mygene", "pathway.reactom", "pathway.reactome"),
        ("mygene", "swissprot", "uniprot.Swiss-Prot"),
        ("mygene", "go.bp", "go.BP"),
        ("mydisease", "mondo.xref.omim", "mondo.xrefs.omim"),
        ("mydisease", "phenotypes", "hpo.phenotype_related_to_disease"),
        ("mydisease", "gene_name", "disgenet.genes_related_to_disease.gene_name"),
    ],
)
def test_nearest_names_what_was_meant(api: str, typed: str, meant: str):
    assert meant in load_catalogue(api).nearest(typed)


def test_nearest_can_be_limited_to_searchable_fields():
    fields = load_catalogue("mygene")
    near = fields.nearest("genomic_pos.chr", n=5, searchable=True)
    assert len(near) == 5
    assert all(field is not None and field.searchable for field in map(fields.get, near))


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("symbol", ["symbol"]),
        ("Symbol", []),
        ("nonsense", []),
        ("uniprot", ["uniprot.Swiss-Prot", "uniprot.TrEMBL"]),
        ("interpro", ["interpro.id"]),
        ("GO", ["go.BP.id", "go.CC.id", "go.MF.id"]),
        ("mgi", ["MGI"]),
        ("mirbase", ["miRBase"]),
        ("ensemblgene", ["ensembl.gene"]),
        (r"go.\*.id", ["go.BP.id", "go.CC.id", "go.MF.id"]),
        ("pathway.kegg", ["pathway.kegg.id", "pathway.kegg.name"]),
    ],
)
def test_resolve_finds_the_paths_behind_a_name(name: str, paths: list[str]):
    assert load_catalogue("mygene").resolve(name) == paths


def test_exists_is_exact():
    fields = load_catalogue("mygene")
    assert all(map(fields.exists, ("symbol", "go", "go.BP", "_id", "_all")))
    assert not any(map(fields.exists, ("Symbol", "go.bp", "refseq.*", "")))


def test_leaves_and_children():
    fields = load_catalogue("mygene")
    below = [field.path for field in fields.leaves("interpro")]
    assert below == ["interpro.desc", "interpro.id", "interpro.short_desc"]
    assert [field.path for field in fields.leaves("symbol")] == ["symbol"]
    assert [field.path for field in fields.children("go")] == ["go.BP", "go.CC", "go.MF"]
    assert "go" in {field.path for field in fields.children("")}
    assert all(field.leaf for field in fields.leaves())


@pytest.mark.parametrize(
    ("api", "path", "words"),
    [
        ("mygene", "genomic_pos", {"where is", "location", "locus"}),
        ("mygene", "summary", {"what does it do", "function"}),
        ("mygene", "alias", {"aka", "former symbol"}),
        ("mydisease", "hpo.phenotype_related_to_disease", {"symptoms", "phenotypes"}),
        ("mydisease", "mondo.definition", {"what is"}),
    ],
)
def test_fields_carry_the_words_that_people_use(api: str, path: str, words: set[str]):
    field = load_catalogue(api).get(path)
    assert field is not None
    assert words <= set(field.synonyms)


def test_a_refresh_with_the_same_listing_changes_nothing(fields: Catalogue):
    assert refresh(fields.api, fields.listing()) == fields.rows


def test_a_refresh_takes_facts_and_keeps_hand_written_text():
    fields = load_catalogue("mydisease")
    listing = fields.listing()
    listing["mondo.label"] = {"type": "keyword", "index": False}
    listing["mondo.xrefs.omim_new"] = {"type": "keyword", "index": True, "searched_by_default": True}
    del listing["mondo.xrefs.csp"]
    del listing["mondo.definition"]
    rows = refresh("mydisease", listing)
    old = fields.rows["mondo.label"]
    assert rows["mondo.label"]["description"] == old["description"]
    assert rows["mondo.label"]["type"] == "keyword" and rows["mondo.label"]["index"] is False
    assert "default" not in rows["mondo.label"]
    assert rows["mondo.xrefs.omim_new"]["label"] and rows["mondo.xrefs.omim_new"]["default"] is True
    assert "mondo.xrefs.csp" not in rows
    assert rows["mondo.definition"]["removed"] is True
    assert Catalogue("mydisease", rows).get("mondo.definition") is None


def test_a_removed_field_comes_back_with_its_text():
    fields = load_catalogue("mydisease")
    listing = fields.listing()
    without = {path: row for path, row in listing.items() if path != "mondo.definition"}
    gone = catalogue.merge("mydisease", fields.rows, without)
    assert catalogue.merge("mydisease", gone, listing) == fields.rows


def test_a_refresh_keeps_what_listings_leave_out():
    rows = refresh("mygene", load_catalogue("mygene").listing())
    assert rows["genomic_pos.chr"]["query"] is False
    assert rows["refseq.rna"]["copy_to"] == ["refseq_agg"]


@pytest.mark.parametrize("answer", [{}, {"code": 404, "success": False}, {"symbol": {"index": True}}])
def test_a_refresh_refuses_what_is_no_listing(answer: dict):
    with pytest.raises(DataError, match="not a field listing"):
        refresh("mygene", answer)


def test_a_saved_refresh_takes_the_place_of_the_packaged_catalogue(home: Path):
    listing = load_catalogue("mygene").listing() | {"brand_new": {"type": "keyword", "index": True}}
    catalogue.save(refresh("mygene", listing), catalogue.override_path(home, "mygene"))
    before = load_catalogue("mygene").fingerprint
    catalogue.set_home(home)
    assert load_catalogue("mygene").exists("brand_new")
    assert load_catalogue("mygene").fingerprint != before
    catalogue.set_home(None)
    assert not load_catalogue("mygene").exists("brand_new")


def test_a_refresh_after_a_refresh_takes_texts_from_the_package_again(home: Path):
    packaged = load_catalogue("mygene")
    assert packaged.rows["symbol"]["hand"]
    composed = next(path for path, row in packaged.rows.items() if not row.get("hand"))
    rows = {path: dict(row) for path, row in packaged.rows.items()}
    rows["symbol"]["label"] = "the label of an older release"
    del rows["genomic_pos.chr"]["query"]
    rows[composed] |= {"label": "what the user wrote", "hand": True}
    catalogue.save(rows, catalogue.override_path(home, "mygene"))
    catalogue.set_home(home)
    again = refresh("mygene", packaged.listing())
    assert again["symbol"] == packaged.rows["symbol"]
    assert again["genomic_pos.chr"]["query"] is False
    assert (again[composed]["label"], again[composed]["hand"]) == ("what the user wrote", True)


def test_a_plain_mapping_in_the_home_folder_is_an_api(home: Path):
    path = catalogue.override_path(home, "plants")
    path.parent.mkdir(parents=True)
    path.write_text('{"leaf": {"type": "object"}, "leaf.width_mm": {"type": "float", "searched_by_default": true}}')
    catalogue.set_home(home)
    width = load_catalogue("plants").get("leaf.width_mm")
    assert width is not None
    assert (width.label, width.searchable, width.default) == ("leaf width mm", True, True)


def test_an_unknown_api_is_refused():
    with pytest.raises(QueryError):
        load_catalogue("myplants")


def test_a_damaged_catalogue_is_named(home: Path):
    path = catalogue.override_path(home, "mygene")
    path.parent.mkdir(parents=True)
    path.write_text('{"symbol": ')
    catalogue.set_home(home)
    with pytest.raises(DataError, match="damaged"):
        load_catalogue("mygene")
