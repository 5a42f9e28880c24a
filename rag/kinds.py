"""The kinds of identifiers that are known by their shape, and the fields that each is searched by.

Patterns follow the identifiers' own specifications, as listed at https://identifiers.org and
https://www.uniprot.org/help/accession_numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of entity is: its pattern, the word that stands for it, and the fields that are searched by it.

    A field is written `api:path`; a kind without fields is only masked.
    """

    pattern: str
    word: str
    fields: tuple[str, ...] = ()
    flags: int = 0


_CHROMOSOME = r"(?:[1-9]|1\d|2[0-2]|[XYM]|MT)"
_HPO = (
    "mydisease:hpo.phenotype_related_to_disease.hpo_id",
    "mydisease:hpo.phenotype_related_to_disease",
    "mydisease:hpo.inheritance.hpo_id",
)
ANY_CASE = re.IGNORECASE

#: In order of trust: the first pattern that claims a span keeps it.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "quoted": Kind(r"\"[^\"\n]{1,200}\"|“[^”\n]{1,200}”", ""),
        "hgvs_genomic": Kind(
            rf"\b(?:chr)?{_CHROMOSOME}:g\.\d+(?:_\d+)?(?:[ACGT]+>[ACGT]+|del[ACGT]*(?:ins[ACGT]+)?|dup[ACGT]*|ins[ACGT]+|inv)",
            "variant",
            ("myvariant:_id",),
            ANY_CASE,
        ),
        "hgvs_coding": Kind(
            r"\b(?:N[MRCGP]_\d+(?:\.\d+)?(?:\([A-Z0-9-]+\))?:)?[cn]\.[-*]?\d+(?:[+-]\d+)?(?:_[-*]?\d+(?:[+-]\d+)?)?"
            r"(?:[ACGT]>[ACGT]|del[ACGT]*(?:ins[ACGT]+)?|dup[ACGT]*|ins[ACGT]+)",
            "variant",
            ("myvariant:clinvar.hgvs.coding", "myvariant:snpeff.ann.hgvs_c", "myvariant:dbnsfp.hgvsc"),
        ),
        "hgvs_protein": Kind(
            r"(?:\bN[MP]_\d+(?:\.\d+)?:)?\bp\.\(?[A-Z][a-z]{0,2}\d+(?:[A-Z][a-z]{0,2}|\*|=|fs\*?\d*|del|dup)\)?"
            r"|\b[ACDEFGHIKLMNPQRSTVWY]\d{2,4}[ACDEFGHIKLMNPQRSTVWYX*](?![A-Za-z0-9])",
            "protein change",
            (
                "myvariant:dbnsfp.hgvsp",
                "myvariant:clinvar.hgvs.protein",
                "myvariant:snpeff.ann.hgvs_p",
                "myvariant:dbnsfp.aa",
                "myvariant:civic.name",
            ),
        ),
        "interval": Kind(
            rf"\b(?:chr(?:omosome)?\s?)?{_CHROMOSOME}:\s?\d[\d,.]*\s?(?:[kM]b)?\s?(?:-|–|to|\.\.)\s?\d[\d,.]*(?:\s?[kM]b\b)?"
            rf"|\bchr{_CHROMOSOME}:\d[\d,]*",
            "region",
            ("mygene:genomic_pos", "myvariant:chrom"),
            ANY_CASE,
        ),
        "cytoband": Kind(
            r"\b(?:[1-9]|1\d|2[0-2]|X|Y)[pq]\d{1,2}(?:\.\d+)?(?:-[pq]?\d{1,2}(?:\.\d+)?)?\b",
            "cytogenetic band",
            ("mygene:map_location", "myvariant:clinvar.cytogenic"),
        ),
        "chromosome": Kind(
            rf"\b(?:chr{_CHROMOSOME}|(?:chromosome|chrom\.?|chr\.?)\s{_CHROMOSOME})\b",
            "chromosome",
            ("mygene:genomic_pos",),
            ANY_CASE,
        ),
        "rsid": Kind(r"\brs\d+\b", "variant", ("myvariant:dbsnp.rsid", "myvariant:clinvar.rsid"), ANY_CASE),
        "rcv": Kind(r"\bRCV\d{6,}(?:\.\d+)?\b", "ClinVar record", ("myvariant:clinvar.rcv.accession",), ANY_CASE),
        "cosmic": Kind(r"\bCOS[MV]\d+\b", "COSMIC mutation", ("myvariant:cosmic.cosmic_id",)),
        "clingen_allele": Kind(r"\bCA\d{6,}\b", "variant", ("myvariant:_id",)),
        "ensembl_gene": Kind(r"\bENS[A-Z]{0,4}G\d{11}(?:\.\d+)?\b", "gene", ("mygene:ensembl.gene",)),
        "ensembl_transcript": Kind(r"\bENS[A-Z]{0,4}T\d{11}(?:\.\d+)?\b", "transcript", ("mygene:ensembl.transcript",)),
        "ensembl_protein": Kind(r"\bENS[A-Z]{0,4}P\d{11}(?:\.\d+)?\b", "protein", ("mygene:ensembl.protein",)),
        "refseq_rna": Kind(
            r"\b[NX][MR]_\d{5,}(?:\.\d+)?\b", "transcript", ("mygene:refseq.rna", "mygene:accession.rna")
        ),
        "refseq_protein": Kind(r"\b[NX]P_\d{5,}(?:\.\d+)?\b", "protein", ("mygene:refseq.protein",)),
        "inchikey": Kind(
            r"\b[A-Z]{14}-[A-Z]{10}-[A-Z]\b",
            "compound",
            ("mychem:_id", "mychem:pubchem.inchikey", "mychem:chembl.inchi_key", "mychem:drugbank.inchi_key"),
        ),
        "inchikey_skeleton": Kind(r"\b[A-Z]{14}\b", "compound", ("mychem:pubchem.inchikey", "mychem:chembl.inchi_key")),
        "chembl": Kind(r"\bCHEMBL\d+\b", "compound", ("mychem:chembl.molecule_chembl_id",), ANY_CASE),
        "drugbank": Kind(r"\bDB\d{5}\b", "drug", ("mychem:drugbank.id",), ANY_CASE),
        "chebi": Kind(r"\bCHEBI:\d+\b", "compound", ("mychem:chebi.id",), ANY_CASE),
        "pharmgkb_chemical": Kind(r"\bPA\d{6,}\b", "drug", ("mychem:pharmgkb.id",)),
        "mondo": Kind(r"\bMONDO:\d{7}\b", "disease", ("mydisease:_id", "mydisease:mondo.mondo"), ANY_CASE),
        "doid": Kind(
            r"\bDOID:\d+\b", "disease", ("mydisease:disease_ontology.doid", "mydisease:mondo.xrefs.doid"), ANY_CASE
        ),
        "hpo": Kind(r"\bHP:\d{7}\b", "phenotype", _HPO, ANY_CASE),
        "omim": Kind(
            r"\b(?:OMIM|MIM)[:\s#]{1,2}\d{6}\b",
            "OMIM entry",
            ("mydisease:mondo.xrefs.omim", "mygene:MIM", "mydisease:hpo.omim"),
            ANY_CASE,
        ),
        "orphanet": Kind(
            r"\bORPHA(?:NET)?[:\s]\d+\b",
            "Orphanet disease",
            ("mydisease:mondo.xrefs.orphanet", "mydisease:hpo.orphanet"),
            ANY_CASE,
        ),
        "mesh": Kind(
            r"\b(?:MESH:)?[DC]\d{6,9}\b(?<!C\d{7})",
            "MeSH term",
            ("mydisease:mondo.xrefs.mesh", "mydisease:ctd.mesh", "mychem:umls.mesh"),
            ANY_CASE,
        ),
        "icd": Kind(
            r"(?<=ICD-10 )[A-Z]\d{2}(?:\.\d{1,4})?\b|(?<=ICD10 )[A-Z]\d{2}(?:\.\d{1,4})?\b|\b[A-Z]\d{2}\.\d{1,4}\b",
            "disease code",
            ("mydisease:mondo.xrefs.icd10", "mydisease:mondo.xrefs.icd10cm"),
        ),
        "umls": Kind(
            r"\b(?:UMLS:)?C\d{7}\b",
            "UMLS concept",
            ("mydisease:mondo.xrefs.umls", "mydisease:disgenet.xrefs.umls", "mygene:umls.cui"),
        ),
        "go": Kind(
            r"\bGO:\d{7}\b", "GO term", ("mygene:go.BP.id", "mygene:go.MF.id", "mygene:go.CC.id", "mygene:go"), ANY_CASE
        ),
        "reactome": Kind(r"\bR-[A-Z]{3}-\d+\b", "Reactome pathway", ("mygene:pathway.reactome.id",)),
        "kegg": Kind(r"\b(?:hsa|mmu|rno|map|dme|cel|dre|ath)\d{5}\b", "KEGG pathway", ("mygene:pathway.kegg.id",)),
        "wikipathways": Kind(r"\bWP\d{1,5}\b", "WikiPathways pathway", ("mygene:pathway.wikipathways.id",)),
        "interpro": Kind(r"\bIPR\d{6}\b", "InterPro domain", ("mygene:interpro.id",)),
        "pfam": Kind(r"\bPF\d{5}\b", "Pfam family", ("mygene:pfam",)),
        "prosite": Kind(r"\bPS\d{5}\b", "PROSITE pattern", ("mygene:prosite",)),
        "hgnc": Kind(r"\bHGNC(?::|\sid\s|\s)\d+\b", "HGNC id", ("mygene:HGNC",), ANY_CASE),
        "mgi": Kind(r"\bMGI:\d+\b", "MGI id", ("mygene:MGI",), ANY_CASE),
        "rgd": Kind(r"\bRGD:\d+\b", "RGD id", ("mygene:RGD",), ANY_CASE),
        "flybase": Kind(r"\bFBgn\d{7}\b", "FlyBase gene", ("mygene:FLYBASE",)),
        "wormbase": Kind(r"\bWBGene\d{8}\b", "WormBase gene", ("mygene:WormBase",)),
        "zfin": Kind(r"\bZDB-GENE-\d{6}-\d+\b", "ZFIN gene", ("mygene:ZFIN",)),
        "tair": Kind(r"\bAT[1-5MC]G\d{5}\b", "Arabidopsis gene", ("mygene:TAIR", "mygene:locus_tag"), ANY_CASE),
        "yeast_orf": Kind(r"\bY[A-P][LR]\d{3}[WC](?:-[A-Z])?\b", "yeast gene", ("mygene:locus_tag", "mygene:SGD")),
        "ec": Kind(
            r"\b(?:EC\s?)?[1-7]\.\d{1,2}\.\d{1,2}\.(?:\d{1,3}|-)(?![\d.])", "enzyme number", ("mygene:ec",), ANY_CASE
        ),
        "cas": Kind(
            r"\b\d{2,7}-\d{2}-\d\b",
            "CAS number",
            (
                "mychem:chebi.xrefs.cas",
                "mychem:pharmgkb.xrefs.cas",
                "mychem:drugbank.cas_number",
                "mychem:drugcentral.structures.cas_rn",
            ),
        ),
        "atc": Kind(
            r"\b[A-DGHJLMNPRSV]\d{2}[A-Z]{2}\d{2}\b",
            "ATC code",
            ("mychem:chembl.atc_classifications", "mychem:pharmgkb.xrefs.atc"),
        ),
        "nct": Kind(r"\bNCT\d{8}\b", "clinical trial", ("mychem:pharmgkb.xrefs.clinicaltrials.gov",)),
        "probe_set": Kind(r"\b\d{4,}(?:_[sxag])?_at\b", "probe set", ("mygene:reporter.HG-U133_Plus_2",)),
        "uniprot": Kind(
            r"\b(?:UniProtKB:)?(?:[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2})\b",
            "protein",
            ("mygene:uniprot.Swiss-Prot", "mygene:uniprot.TrEMBL", "mygene:uniprot"),
        ),
        "pubchem": Kind(
            r"\b(?:pubchem(?:\s(?:cid|id))?|cid)[:\s]\d+\b", "PubChem compound", ("mychem:pubchem.cid",), ANY_CASE
        ),
        "taxid": Kind(r"\b(?:taxid|taxon|taxonomy(?:\sid)?)[:\s]{1,2}\d+\b", "species", (), ANY_CASE),
        "entrez": Kind(
            r"\b(?:entrez\s?(?:gene)?(?:\sid)?|ncbi\s?gene(?:\sid)?|gene(?:\sid)?|geneid)[:\s]\s?\d+\b",
            "gene",
            ("mygene:entrezgene", "mygene:_id"),
            ANY_CASE,
        ),
        "number": Kind(r"(?<![\w.-])\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?(?:%|\s?[kMG]b\b|\s?Da\b)?(?![\w-])", ""),
    }
)

#: Kinds that nothing else looks like: what has their shape is no name, no symbol and no other database's identifier.
UNMISTAKABLE = frozenset(
    "chembl drugbank chebi reactome ensembl_gene ensembl_transcript ensembl_protein refseq_rna refseq_protein "  # noqa: SIM905
    "inchikey rsid rcv mondo doid hpo go interpro hgnc mgi rgd flybase wormbase zfin nct".split()
)

#: Kinds whose shape is their own; of the others a part may be a number or a word of a question.
WELL_FORMED = UNMISTAKABLE | frozenset(
    "cosmic clingen_allele pharmgkb_chemical kegg wikipathways pfam prosite cas ec atc "  # noqa: SIM905
    "tair yeast_orf refseq_rna omim orphanet umls".split()
)

#: What a gene symbol is searched by.
SYMBOL_FIELDS = (
    "mygene:symbol", "mygene:alias", "myvariant:clinvar.gene.symbol", "myvariant:dbnsfp.genename",
    "myvariant:dbsnp.gene.symbol", "myvariant:snpeff.ann.genename", "mychem:gtopdb.interaction_targets.symbol",
    "mydisease:disgenet.genes_related_to_disease.gene_name", "myvariant:cadd.gene.genename",
    "myvariant:civic.entrez_name", "myvariant:cgi.gene", "mychem:drugcentral.bioactivity.uniprot.gene_symbol",
)  # fmt: skip

#: Upper-case words that look like symbols and are not: sources, methods, populations, units.
ACRONYMS = frozenset(
    "AC AF AN AND API AGR ATC BP CADD CAS CC CCDS CDNA CDS CGI CHEBI CHEMBL CID CIVIC CLINVAR COSMIC CSV CTD CUI "  # noqa: SIM905
    "DBNSFP DBSNP DGIDB DISGENET DNA DO DOI DOID DRUGBANK EC EFO EMA ENSEMBL EQTL EST EVE EVS EXAC FASTA FATHMM "
    "FDA GARD GENO2MP GERP GINAS GNOMAD GO GRASP GRCH37 GRCH38 GSRS GTEX GTOPDB GWAS HG18 HG19 HG38 HGNC HGVS "
    "HMDB HP HPO HPRD HTTP HTTPS ICD ICD10 ICD11 ICD9 ID IDS INCHI INCHIKEY INN IPI IUPAC IUPHAR JSON KEGG LOF "
    "LRT MAF MEDDRA MEDGEN MESH MF MGI MIM MIRNA MONDO MOI MRNA MUTPRED NCBI NCIT NCRNA NDC NIH NMD NOT OMIM OR "
    "ORDO ORF ORPHANET PANTHER PDB PFAM PHARMGKB PID PIR PMID PROVEAN PSA PUBCHEM PUBMED QED RCV REVEL RGD RNA "
    "RRNA RSID RXCUI RXNORM SCTID SGD SIDER SIFT SMILES SNOMED SNP SNPS SNV SNVS SRSID TAIR TREMBL TRNA UK10K "
    "UMLS UNICHEM UNII UNIPROT URL USA USAN VCF VEST VEP VUS WHO XML ZFIN ALFA ALSPAC TOPMED TWINSUK ESP ESP6500 "
    "DANN EIGEN DEOGEN2 LINSIGHT GTOP SV CNV LNCRNA SNRNA SNORNA AFR AMR EAS EUR NFE FIN SAS ASJ OTH HTML OK TSV "
    "PDF TO IN IS OF ON THE A I ME MY WHAT WHICH HOW WHERE GIVE LIST SHOW ALL PLEASE ANY FOR WITH FROM HAS HAVE "
    "ARE DOES DO GENE GENES DRUG DRUGS DISEASE DISEASES VARIANT VARIANTS X Y MT".split()
)
