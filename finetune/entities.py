"""Real entities for training questions: genes, variants, drugs and diseases of the snapshot, well-known ones more often."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from finetune.split import held_out_entity
from tools.offline.snapshot import documents

FAMOUS: dict[str, tuple[str, ...]] = {
    "gene": tuple("""TP53 BRCA1 BRCA2 EGFR KRAS CDK2 BRAF PTEN MYC APOE CFTR HTT DMD PIK3CA ALK RET MET ERBB2 JAK2 ABL1 KIT FLT3 IDH1 NRAS HRAS
        AKT1 MTOR VEGFA TNF IL6 IL10 IL2 IFNG CD4 CD8A CD19 CD274 CTLA4 PDCD1 ACE2 ACE INS INSR LEP LEPR PPARG GCK HNF1A MC4R FTO TCF7L2 LDLR PCSK9
        APOB HMGCR CETP LPL F5 F8 F9 HBB HBA1 G6PD PAH GBA1 SMN1 FMR1 MECP2 SNCA LRRK2 PRKN PINK1 APP PSEN1 PSEN2 MAPT GRN C9orf72 SOD1 TARDBP FUS
        MLH1 MSH2 MSH6 APC RB1 VHL NF1 NF2 TSC1 TSC2 STK11 CDH1 PALB2 ATM CHEK2 RAD51 CDKN2A CDKN1A CDK4 CCND1 MDM2 BCL2 BAX CASP3 CASP9 SRC STAT3
        NFKB1 RELA NOTCH1 CTNNB1 SHH SMO GLI1 WNT1 TGFB1 SMAD4 BMP4 FGFR3 FGFR1 PDGFRA IGF1 IGF1R ESR1 AR PGR NR3C1 VDR RXRA CYP2D6 CYP2C19 CYP3A4
        TPMT DPYD VKORC1 ABCB1 SLCO1B1 UGT1A1 MTHFR COMT MAOA DRD2 HTR2A SLC6A4 OPRM1 GRIN2B SCN1A SCN5A KCNQ1 KCNH2 RYR1 RYR2 MYH7 MYBPC3 TTN LMNA
        FBN1 COL1A1 COL3A1 SOX2 OCT4 NANOG KLF4 PAX6 HOXA1 FOXP2 FOXP3 GATA1 RUNX1 TERT XIST MALAT1 HOTAIR TLR4 NLRP3 HLA-A HLA-B HLA-DRB1 B2M""".split()),
    "disease": ("cystic fibrosis", "asthma", "Alzheimer disease", "Parkinson disease", "Huntington disease", "type 2 diabetes mellitus", "sickle cell anemia",
        "Marfan syndrome", "breast cancer", "melanoma", "schizophrenia", "multiple sclerosis", "rheumatoid arthritis", "Crohn disease", "psoriasis",
        "Duchenne muscular dystrophy", "phenylketonuria", "hemophilia A", "Gaucher disease", "Tay-Sachs disease", "Down syndrome", "autism", "epilepsy",
        "amyotrophic lateral sclerosis", "retinitis pigmentosa", "glaucoma", "osteoporosis", "hypertension", "obesity disorder", "celiac disease", "lupus",
        "Lynch syndrome", "neurofibromatosis", "tuberous sclerosis", "Fabry disease", "Pompe disease", "Wilson disease", "hemochromatosis", "leukemia",
        "lymphoma", "glioblastoma", "osteosarcoma", "migraine disorder", "narcolepsy", "gout", "malaria", "tuberculosis", "COVID-19", "Ebola hemorrhagic fever",
        "Ehlers-Danlos syndrome", "Rett syndrome", "Noonan syndrome", "Fanconi anemia", "ataxia telangiectasia", "alpha thalassemia", "long QT syndrome",
        "hypertrophic cardiomyopathy", "dilated cardiomyopathy", "polycystic kidney disease", "Usher syndrome", "Charcot-Marie-Tooth disease", "progeria"),
    "drug": tuple("""imatinib aspirin metformin warfarin ibuprofen paracetamol caffeine morphine dexamethasone omeprazole atorvastatin simvastatin clopidogrel
        tamoxifen cisplatin methotrexate gefitinib erlotinib sorafenib sunitinib dasatinib nilotinib vemurafenib ruxolitinib tofacitinib lapatinib bortezomib
        fluoxetine sertraline citalopram diazepam haloperidol clozapine olanzapine risperidone lithium ketamine naloxone fentanyl codeine oxycodone tramadol
        amoxicillin penicillin ciprofloxacin azithromycin doxycycline vancomycin rifampicin isoniazid fluconazole aciclovir oseltamivir remdesivir ivermectin
        chloroquine hydroxychloroquine artemisinin losartan lisinopril enalapril amlodipine metoprolol propranolol furosemide spironolactone digoxin
        sildenafil tadalafil finasteride testosterone estradiol levothyroxine prednisone hydrocortisone insulin sitagliptin empagliflozin pioglitazone glipizide
        montelukast salbutamol loratadine cetirizine ranitidine ondansetron sumatriptan gabapentin pregabalin carbamazepine phenytoin levetiracetam
        allopurinol colchicine celecoxib naproxen diclofenac nicotine dopamine serotonin adenosine curcumin resveratrol quercetin thalidomide""".split()),
}  # fmt: skip
FAMOUS["vgene"] = tuple("BRCA1 BRCA2 TP53 CFTR BRAF KRAS EGFR PTEN MLH1 MSH2 APC LDLR FBN1 MYH7 SCN1A RET VHL NF1 ATM PAH GBA1 HBB DMD SCN5A KCNQ1 RYR1 COL1A1 TSC2 MECP2 PALB2 CHEK2 APOE MTHFR F5 PIK3CA JAK2 CYP2D6 CYP2C19 TPMT LMNA TTN USH2A ABCA4 RB1 STK11 CDH1 MEN1".split())  # fmt: skip
FAMOUS["target"] = tuple("EGFR ABL1 BRAF KIT PDGFRA JAK2 ALK MET RET FLT3 ADRB1 ADRB2 DRD2 HTR2A HTR1A OPRM1 CHRM1 HRH1 HRH2 AGTR1 ACE PTGS1 PTGS2 ESR1 AR NR3C1 PPARG HMGCR VDR PDE5A SLC6A4 SLC6A3 GABRA1 GRIN1 KCNH2 CACNA1C SCN5A MTOR CDK4 CDK6 PARP1 BTK VEGFA KDR ERBB2 TUBB TOP1 TOP2A DPP4 SLC5A2 P2RY12 F10 F2 CYP19A1 MAOB ACHE".split())  # fmt: skip
FAMOUS["condition"] = ("breast cancer", "hereditary breast ovarian cancer syndrome", "Lynch syndrome", "cystic fibrosis", "Marfan syndrome", "familial hypercholesterolemia",
    "hypertrophic cardiomyopathy", "long QT syndrome", "retinitis pigmentosa", "epilepsy", "phenylketonuria", "Noonan syndrome", "Li-Fraumeni syndrome", "melanoma",
    "neurofibromatosis", "tuberous sclerosis", "Usher syndrome", "Stargardt disease", "hearing loss", "intellectual disability", "Fanconi anemia")  # fmt: skip
FAMOUS["pathway"] = ("cell cycle", "apoptosis", "signal transduction", "immune system", "DNA repair", "glycolysis", "metabolism of lipids", "Wnt signaling", "p53 signaling pathway",
    "MAPK signaling pathway", "insulin signaling", "Toll-like receptor signaling", "oxidative phosphorylation", "Notch signaling", "Hedgehog signaling", "mTOR signaling",
    "PI3K-Akt signaling", "autophagy", "mRNA splicing", "translation", "hemostasis", "axon guidance", "circadian clock", "TGF-beta signaling", "JAK-STAT signaling",
    "base excision repair", "mismatch repair", "citric acid cycle", "cholesterol biosynthesis", "purine metabolism", "neutrophil degranulation", "interferon signaling")  # fmt: skip
#: How often a well-known entity is drawn where there is a list of them.
FAMOUS_SHARE = 0.45


class Entities:
    """Entities by kind. `draw` gives one that is not held out."""

    def __init__(self, pools: dict[str, list[str]]) -> None:
        self._pools = pools

    def draw(self, kind: str, rng: random.Random) -> str:
        """Draw an entity of `kind`.

        Raises:
            KeyError: there is no such kind.
        """
        famous = FAMOUS.get(kind, ())
        pool = famous if famous and (rng.random() < FAMOUS_SHARE or kind not in self._pools) else self._pools[kind]
        while held_out_entity(kind, value := rng.choice(pool)):
            pass
        return value

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds that can be drawn."""
        return frozenset(self._pools) | frozenset(FAMOUS)


@cache
def load_entities() -> Entities:
    """Collect the entities of the bundled snapshot (some 150,000 documents; about 20 seconds)."""
    pools: dict[str, list[str]] = defaultdict(list)
    for collect, api in ((_gene, "mygene"), (_variant, "myvariant"), (_chemical, "mychem"), (_disease, "mydisease")):
        _fill(pools, documents(api), collect)
    return Entities({kind: sorted(set(values)) for kind, values in pools.items()})


def _fill(
    pools: dict[str, list[str]],
    docs: Iterable[dict[str, Any]],
    collect: Callable[[dict[str, Any]], Iterator[tuple[str, Any]]],
) -> None:
    for doc in docs:
        for kind, value in collect(doc):
            for item in _strings(value):
                if 1 < len(item) <= 60 and not any(mark in item for mark in '"{}[]|\\'):
                    pools[kind].append(item)


def _gene(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if doc.get("type_of_gene") != "protein-coding":
        yield "rare_gene", doc["symbol"]
        return
    yield "gene", doc["symbol"]
    yield "gene_name", doc.get("name")
    yield "entrez", doc["_id"]
    yield "alias", [alias for alias in _strings(doc.get("alias")) if " " not in alias and len(alias) > 2]
    yield "ensembl", _dig(doc, "ensembl.gene")
    yield "transcript", _dig(doc, "ensembl.transcript")
    yield "ensembl_protein", _dig(doc, "ensembl.protein")
    yield "uniprot", _dig(doc, "uniprot.Swiss-Prot")
    yield "refseq_rna", [item for item in _strings(_dig(doc, "refseq.rna")) if item.startswith("NM_")]
    yield "refseq_protein", [item for item in _strings(_dig(doc, "refseq.protein")) if item.startswith("NP_")]
    yield "hgnc", doc.get("HGNC")
    yield "mim", doc.get("MIM")
    yield "pfam", doc.get("pfam")
    yield "ec", doc.get("ec")
    for aspect in ("BP", "MF", "CC"):
        yield f"go_{aspect.lower()}", _dig(doc, f"go.{aspect}.term")
        yield f"go_{aspect.lower()}_id", _dig(doc, f"go.{aspect}.id")


def _variant(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "hgvs", doc["_id"]
    yield "rsid", _dig(doc, "dbsnp.rsid")
    yield "clinvar_id", _dig(doc, "clinvar.variant_id")
    yield "vgene", _dig(doc, "clinvar.gene.symbol")
    yield "condition", [name for name in _strings(_dig(doc, "clinvar.rcv.conditions.name")) if len(name) < 45]


def _chemical(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if len(doc["_id"]) == 27:
        # Substances without a structure have another identifier, `pubchem.substance:135652409`.
        yield "inchikey", doc["_id"]
    yield "drug", [name for name in _strings(_dig(doc, "chembl.pref_name")) if len(name) < 25]
    yield "chembl", _dig(doc, "chembl.molecule_chembl_id")
    yield "drugbank", _dig(doc, "drugbank.id")
    yield "drugbank_name", [name for name in _strings(_dig(doc, "drugbank.name")) if len(name) < 30]
    yield "chebi_name", [name for name in _strings(_dig(doc, "chebi.name")) if len(name) < 30]
    yield "cas", _dig(doc, "chebi.xrefs.cas")
    yield "ligand", _dig(doc, "gtopdb.ligand_id")
    yield "cid", _dig(doc, "pubchem.cid")
    yield "chebi", _dig(doc, "chebi.id")
    yield "formula", _dig(doc, "pubchem.molecular_formula")
    yield "target", [symbol for symbol in _strings(_dig(doc, "gtopdb.interaction_targets.symbol")) if symbol.isupper()]


def _disease(doc: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    label = _dig(doc, "mondo.label")
    if isinstance(label, str) and len(label) < 40 and not any(character.isdigit() for character in label):
        yield "disease", label
    yield "mondo", doc["_id"]
    yield "synonym", [name for name in _strings(_dig(doc, "mondo.synonym.exact")) if len(name) < 40]
    yield "doid", _dig(doc, "disease_ontology.doid")
    for source in ("omim", "orphanet", "mesh", "umls", "ncit", "efo", "gard"):
        yield source, _dig(doc, f"mondo.xrefs.{source}")
    # The snapshot has ICD-10 codes of the American edition only; most are the same.
    yield "icd", _dig(doc, "mondo.xrefs.icd10cm")
    yield "icd_nine", _dig(doc, "mondo.xrefs.icd9")
    yield "hp", _dig(doc, "hpo.phenotype_related_to_disease.hpo_id")


def _dig(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, through lists too."""
    for part in path.split("."):
        if isinstance(value, list):
            value = [item[part] for item in value if isinstance(item, dict) and part in item]
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif value is not None and not isinstance(value, dict):
        yield str(value)
