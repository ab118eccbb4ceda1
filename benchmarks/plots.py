"""Draw the curves of results/scale.json into docs/benchmarks/; runs in the environment of the benchmarks."""

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
# Text stays text, and the same numbers make the same file.
mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "tokstream", "font.size": 9}

import matplotlib.pyplot as plt  # noqa: E402 - the backend is chosen before

ROOT = Path(__file__).resolve().parent.parent
COLOURS = {
    "Rust floor": "#888888",
    "tokstream": "#d1495b",
    "tokstream async": "#edae49",
    "tokstream async, HTTP/2": "#5c9e31",
    "http.client + orjson": "#00798c",
    "aiohttp + orjson": "#30638e",
}


def main() -> None:
    result = json.loads((ROOT / "benchmarks" / "results" / "scale.json").read_text())
    folder = ROOT / "docs" / "benchmarks"
    folder.mkdir(exist_ok=True)
    for curve in result["curves"]:
        figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
        for client, line in curve["lines"].items():
            xs = [float(x) for x in line]
            axes.plot(xs, list(line.values()), marker="o", markersize=3, label=client, color=COLOURS[client])
        axes.set(xscale="log", yscale="log", xlabel=curve["x"], ylabel=curve["y"], title=curve["title"])
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(folder / f"{curve['name']}.svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
