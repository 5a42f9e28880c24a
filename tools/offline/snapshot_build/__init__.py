"""Builds `data/snapshot/` from public packages pinned by hash; run by a maintainer, never by users.

See `__main__.py` for the command. One module an entity reads the sources and makes one `Table` a source;
`tables.py` writes them; `packages.py` fetches what they are made from.
"""
