from itertools import combinations

import pytest

pytest.importorskip("plotly")

from ui.charts import chart


def record(request, hits, values=()):
    return {"status": "answered", "request": request, "hits": hits, "values": list(values)}


def test_allele_frequencies_are_drawn_by_population():
    hit = {"_id": "chr1:g.1A>T", "gnomad_genome": {"af": {"af": 0.02, "af_afr": 0.01, "af_eas": 0.0, "af_nfe": 0.03}}}
    (bars,) = chart(record("myvariant /v1/variant/chr1:g.1A>T", [hit])).data
    found = dict(zip(bars.y, bars.x, strict=True))
    assert found == {"all": 0.02, "African": 0.01, "East Asian": 0.0, "non-Finnish European": 0.03}


def test_counts_are_drawn_and_their_texts_stay_text():
    request = "mygene /v3/query?q=*&size=0&facets=type_of_gene"
    (bars,) = chart(record(request, [], ["<b>a</b>", "12", "pseudo", "3"])).data
    assert list(bars.y) == ["pseudo", "&lt;b&gt;a&lt;/b&gt;"] and list(bars.x) == [3, 12]


def test_genes_on_a_chromosome_do_not_lie_on_each_other():
    places = [(100, 900), (150, 200), (850, 1000), (1001, 1100)]
    hits = [
        {"_id": str(number), "symbol": f"G{number}", "genomic_pos": {"chr": "1", "start": start, "end": end}}
        for number, (start, end) in enumerate(places)
    ]
    (bars,) = chart(record("mygene /v3/query?q=chr1:1-2000&fields=symbol,genomic_pos", hits)).data
    drawn = list(zip(bars.y, bars.base, bars.x, strict=True))
    for (row, start, width), (other, begin, length) in combinations(drawn, 2):
        assert row != other or start + width <= begin or begin + length <= start


@pytest.mark.parametrize("chromosomes", [("1", "2", "1"), ("1", "1")])
def test_genes_that_are_few_or_apart_are_not_drawn(chromosomes):
    hits = [{"_id": "g", "genomic_pos": {"chr": name, "start": 1, "end": 2}} for name in chromosomes]
    assert chart(record("mygene /v3/query?q=x", hits)) is None


def test_long_terms_have_bars_of_their_own():
    names = [f"{'a' * 80}{number}" for number in range(2)]
    figure = chart(record("mygene /v3/query?q=*&size=0&facets=go", [], [names[0], "3", names[1], "4"]))
    assert sorted(figure.data[0].y) == names and all(len(text) <= 60 for text in figure.layout.yaxis.ticktext)


def test_counts_of_several_fields_are_not_drawn_as_those_of_one():
    values = ["9606", "3", "protein-coding", "2"]
    assert chart(record("mygene /v3/query?q=*&size=0&facets=taxid,type_of_gene", [], values)) is None


PLACES = [{"_id": str(number), "genomic_pos": {"chr": "1", "start": number, "end": number + 5}} for number in range(3)]


@pytest.mark.parametrize(
    ("species", "more", "title"),
    [
        ("human", {}, "position (GRCh38)"),
        ("mouse", {}, "position"),
        ("", {}, "position"),
        ("", {"taxid": 9606}, "position (GRCh38)"),
        ("", {"ensembl": {"gene": "ENSG00000123374"}}, "position (GRCh38)"),
        ("", {"ensembl": {"gene": "ENSMUSG00000025358"}}, "position"),
    ],
)
def test_only_positions_of_human_genes_are_those_of_the_human_assembly(species, more, title):
    request = "mygene /v3/query?q=x" + (f"&species={species}" if species else "")
    figure = chart(record(request, [{**hit, **more} for hit in PLACES]))
    assert figure.layout.xaxis.title.text == title


def test_genes_of_several_species_are_not_drawn_on_one_chromosome():
    hits = [{**hit, "taxid": taxid} for hit, taxid in zip(PLACES, (9606, 10090, 9606), strict=True)]
    assert chart(record("mygene /v3/query?q=x", hits)) is None
