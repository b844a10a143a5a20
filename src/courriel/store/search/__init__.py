"""The word index of the embedded store: files that can be thrown away.  STORAGE, "Full text"; ADR 11.

segment.py   one immutable file: words, and in which bodies they stand
shelf.py     the segments of one shard: names, chain, which to merge
reading.py   what is indexed of a body
feed.py      the process that reads new bodies and writes segments
feeder.py    starts and stops that process
index.py     answers questions
"""
