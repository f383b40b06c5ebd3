"""Read the tracks with one peer several times, two threads; print the seconds as JSON.

    python read_peers.py FILE PEER REPETITIONS

One process for each peer, so that none warms the memory of another. The first reading, in which
libraries set themselves up, is told apart from the repetitions. Imports are not counted."""
import gc
import json
import sys
import time

from limits import THREADS, limit_threads

limit_threads()

REALS = ["popularity", "duration_ms", "danceability", "energy", "loudness", "speechiness",
         "acousticness", "instrumentalness", "liveness", "valence", "tempo"]
INTEGERS = ["key", "mode", "time_signature"]
TEXTS = ["track_id", "artists", "track_name"]
COLUMNS = REALS + INTEGERS + TEXTS + ["explicit", "track_genre"]


def pandas_default(path):
    import pandas
    return lambda: pandas.read_csv(path)


def pandas_typed(path):
    """The columns and types that configs/parts/tracks.json asks for. Lists stay text."""
    import pandas
    types = {**dict.fromkeys(REALS, "float64"), **dict.fromkeys(INTEGERS, "int64"),
             **dict.fromkeys(TEXTS, "str"), "explicit": "bool", "track_genre": "category"}
    return lambda: pandas.read_csv(path, usecols=COLUMNS, dtype=types)


def pandas_arrow(path):
    """The parser of Arrow, with threads, behind the same function."""
    import pandas
    import pyarrow
    pyarrow.set_cpu_count(THREADS)
    return lambda: pandas.read_csv(path, engine="pyarrow")


def polars_default(path):
    import polars
    return lambda: polars.read_csv(path)


def polars_typed(path):
    """The columns and types that configs/parts/tracks.json asks for. Lists stay text."""
    import polars
    types = {**dict.fromkeys(REALS, polars.Float64), **dict.fromkeys(INTEGERS, polars.Int64),
             **dict.fromkeys(TEXTS, polars.String), "explicit": polars.String,
             "track_genre": polars.Categorical}
    return lambda: polars.read_csv(path, columns=COLUMNS, schema_overrides=types)


def polars_same(path):
    """The same, with what segue does besides: booleans, and artists split into lists of codes."""
    import polars
    read = polars_typed(path)
    artists = polars.col("artists").str.split(";").cast(polars.List(polars.Categorical))
    return lambda: read().with_columns(artists, polars.col("explicit") == "True")


PEERS = {peer.__name__: peer for peer in (pandas_default, pandas_typed, pandas_arrow,
                                          polars_default, polars_typed, polars_same)}


def main():
    path, name, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    read = PEERS[name](path)
    seconds = []
    for _ in range(1 + repetitions):
        gc.collect()
        begun = time.perf_counter()
        table = read()
        seconds.append(time.perf_counter() - begun)
        rows = len(table)
        del table
    json.dump({"rows": rows, "first": seconds[0], "seconds": seconds[1:]}, sys.stdout)


if __name__ == "__main__":
    main()
