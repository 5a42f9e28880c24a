"""Which species are below a taxon, for `include_tax_tree`: the lineages of the species that mygene.info names.

The identifiers are those of the NCBI Taxonomy. The main ranks are here, not every clade of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

_PARENT = {
    2759: 131567,  # Eukaryota, of the cellular organisms
    33090: 2759,  # Viridiplantae
    35493: 33090,  # Streptophyta
    3193: 35493,  # Embryophyta
    58023: 3193,  # Tracheophyta
    58024: 58023,  # Spermatophyta
    3398: 58024,  # Magnoliopsida
    71240: 3398,  # eudicotyledons
    71275: 71240,  # rosids
    3699: 71275,  # Brassicales
    3700: 3699,  # Brassicaceae
    3701: 3700,  # Arabidopsis
    3702: 3701,  # Arabidopsis thaliana
    33154: 2759,  # Opisthokonta
    33208: 33154,  # Metazoa
    6072: 33208,  # Eumetazoa
    33213: 6072,  # Bilateria
    33317: 33213,  # Protostomia
    1206794: 33317,  # Ecdysozoa
    6231: 1206794,  # Nematoda
    119089: 6231,  # Chromadorea
    6236: 119089,  # Rhabditida
    6237: 6236,  # Caenorhabditis
    6239: 6237,  # Caenorhabditis elegans
    6656: 1206794,  # Arthropoda
    6960: 6656,  # Hexapoda
    50557: 6960,  # Insecta
    33392: 50557,  # Holometabola
    7147: 33392,  # Diptera
    7214: 7147,  # Drosophilidae
    7215: 7214,  # Drosophila
    7227: 7215,  # Drosophila melanogaster
    33511: 33213,  # Deuterostomia
    7711: 33511,  # Chordata
    7742: 7711,  # Vertebrata
    7776: 7742,  # Gnathostomata
    117571: 7776,  # Euteleostomi
    7898: 117571,  # Actinopterygii
    32443: 7898,  # Teleostei
    7952: 32443,  # Cypriniformes
    7954: 7952,  # Danio
    7955: 7954,  # Danio rerio
    8287: 117571,  # Sarcopterygii
    32523: 8287,  # Tetrapoda
    8292: 32523,  # Amphibia
    8342: 8292,  # Anura
    8353: 8342,  # Xenopus
    8364: 8353,  # Xenopus tropicalis
    32524: 32523,  # Amniota
    40674: 32524,  # Mammalia
    32525: 40674,  # Theria
    9347: 32525,  # Eutheria
    314145: 9347,  # Laurasiatheria
    91561: 314145,  # Artiodactyla
    9821: 91561,  # Suidae
    9822: 9821,  # Sus
    9823: 9822,  # Sus scrofa
    314146: 9347,  # Euarchontoglires
    314147: 314146,  # Glires
    9989: 314147,  # Rodentia
    10066: 9989,  # Muridae
    39107: 10066,  # Murinae
    10088: 39107,  # Mus
    10090: 10088,  # Mus musculus
    10114: 39107,  # Rattus
    10116: 10114,  # Rattus norvegicus
    9443: 314146,  # Primates
    376913: 9443,  # Haplorrhini
    314293: 376913,  # Simiiformes
    9526: 314293,  # Catarrhini
    314295: 9526,  # Hominoidea
    9604: 314295,  # Hominidae
    207598: 9604,  # Homininae
    9605: 207598,  # Homo
    9606: 9605,  # Homo sapiens
}


def descendants(taxids: Collection[int], known: Iterable[int]) -> list[int]:
    """Return those of the `known` species that are below one of `taxids`, in order."""
    return sorted(species for species in known if any(taxid in taxids for taxid in _ancestors(species)))


def _ancestors(taxid: int) -> Iterator[int]:
    while (parent := _PARENT.get(taxid)) is not None:
        yield parent
        taxid = parent
