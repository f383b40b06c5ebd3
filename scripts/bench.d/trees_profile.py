"""Where training spends its time: samples of bench_trees --profile, by part of the work.

A sample belongs to the innermost C file of ours that it is in, after inlining; parts are told by
file and function, and what no row knows is "other"."""
import re
import subprocess
from collections import Counter
from pathlib import Path

PARTS = [  # file, function, part; the first that fits
    (r"bins", r"encode", "encoding"),
    (r"bins|quantile", r"", "bins"),
    (r"samples|boost_rows|boost_table", r"", "encoding"),
    (r"boost_loss|boost_quantile|elementary", r"", "gradients"),
    (r"boost_fit", r"gradient|pack|prepare", "gradients"),
    (r"partition", r"", "partition"),
    (r"boost|grow|forest", r"partition|split_node|divide", "partition"),
    (r"histogram", r"", "histograms"),
    (r"boost|grow|split", r"histogram|fill_small|build", "histograms"),
    (r"split|boost_join", r"", "search"),
    (r"boost_grow|boost_node|boost_share", r"sum_feature|consider|search", "search"),
    (r"comm", r"", "communication"),
    (r"boost|grow|forest|oob", r"", "growing and leaves"),
]
ORDER = ["bins", "encoding", "gradients", "histograms", "search", "partition",
         "growing and leaves", "communication", "other"]


def part_of(frames):
    for function, file in frames:
        if not file.endswith(".c"):
            continue
        for in_file, in_function, part in PARTS:
            if re.search(in_file, file) and re.search(in_function, function):
                return part
        return "other"
    return "other"


def frames_of(program, addresses):
    """Address -> frames from the innermost outwards, each a function and the file's name."""
    out = subprocess.run(["addr2line", "-a", "-i", "-f", "-e", program], check=True, text=True,
                         capture_output=True, input="\n".join(addresses) + "\n").stdout
    frames, current, function = {}, None, None
    for line in out.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            current = frames.setdefault(format(int(line, 16), "x"), [])
            function = None
        elif function is None:
            function = line
        else:
            current.append((function, line.split(":")[0].rsplit("/", 1)[-1]))
            function = None
    return frames


def library(path):
    communicates = re.search(r"libmpi|libopen|openmpi|mca_|libevent|librdmacm|libucp", path)
    return "communication" if communicates else "other"


def shares(program, prefix):
    """Part -> share of the samples of all ranks, in the order of work; the files are removed."""
    count, own = Counter(), Counter()
    for path in sorted(Path(prefix).parent.glob(Path(prefix).name + ".*")):
        for line in path.read_text().splitlines():
            file, address = line.rsplit(" ", 1)
            if Path(file).name == Path(program).name:
                own[address] += 1
            else:
                count[library(file)] += 1
        path.unlink()
    frames = frames_of(program, list(own)) if own else {}
    for address, times in own.items():
        count[part_of(frames.get(address, []))] += times
    total = sum(count.values())
    return {part: count[part] / total for part in ORDER if count[part]} if total else {}
