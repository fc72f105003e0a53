"""What figures of a large experiment leave out, and that they say so."""

import re

import pandas as pd
import pytest
from matplotlib.text import Text

import bench
from bench.figures import portion, style
from bench.page import markup
from bench.verdicts.pairs import MOST

PROBLEMS = 6  # instead of the true limit, which takes seconds to draw
RATES = [0.01 * 1.1**i for i in range(MOST + 5)]
MANY = {
    "problems": {
        "seeds": 2,
        "problem": {
            "name": "p",
            "dataset": {"name": "moons", "noise": [i / 100 for i in range(PROBLEMS + 3)]},
            "epochs": 1,
        },
        "optimizer": {"rule": ["sgd", "adam"]},
    },
    "optimizers": {
        "seeds": 6,
        "problem": {"dataset": "people", "epochs": 1},
        "optimizer": [
            {"name": f"o{i}", "rule": "sgd", "learning_rate": rate} for i, rate in enumerate(RATES)
        ],
    },
}


@pytest.fixture(scope="module", params=MANY)
def large(request, tmp_path_factory):
    """What was many, its results, and the texts and the number of figures that a report drew."""
    out = tmp_path_factory.mktemp("large") / "out"
    texts = []

    def save(figure, path, lacks):
        texts.append(" ".join(text.get_text() for text in figure.findobj(Text)))
        path.touch()
        return path

    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "save", save)
        patch.setattr(portion, "PROBLEMS", PROBLEMS)
        result = bench.run(MANY[request.param], out=out, jobs=1, say=said.append)
    return request.param, result, texts, said


def test_figures_say_what_they_leave_out(large):
    what, _, texts, said = large
    counts = {
        "problems": f"the first {PROBLEMS} of {PROBLEMS + 3} problems",
        "optimizers": f"the {MOST} of {MOST + 5} optimizers with the lowest mean ranks",
    }
    assert texts
    for text in texts:
        assert counts[what] in " ".join(text.split())
    assert any(counts[what] in line for line in said)
    assert what != "problems" or len(texts) < 8 * PROBLEMS


def test_the_page_has_the_verdicts_of_what_it_shows(large):
    what, result, *_ = large
    page = (result.folder / "report.html").read_text()
    verdicts = (result.folder / "verdicts.txt").read_text().splitlines()
    shown = [line for line in verdicts if f">{markup.text(line)}</li>" in page]
    left = [line for line in verdicts if line not in shown]
    assert len(left) == (3 if what == "problems" else 0)
    assert "and the page show" in page


def test_tables_leave_out_pairs_alone(large):
    what, result, *_ = large
    pairs = pd.read_csv(result.folder / "pairs.csv")
    ranking = pd.read_csv(result.folder / "ranking.csv")
    if what == "problems":
        assert len(ranking[ranking["problem"] != "all problems"]) == 2 * (PROBLEMS + 3)
        assert len(pairs[pairs["problem"] != "all problems"]) == PROBLEMS + 3
        return
    assert len(ranking) == MOST + 5
    assert len(pairs) == MOST * (MOST - 1) // 2 + 5
    best = ranking.sort_values("rank")["optimizer"]
    often = pd.concat([pairs["a"], pairs["b"]]).value_counts()
    assert set(often[often > 1].index) == set(best[:MOST])
    assert often[best.iloc[0]] == MOST - 1 + 5
    audit = pd.read_csv(result.folder / "audit.csv")
    assert re.search(rf"all pairs of the {MOST} ", " ".join(audit["message"]))


def test_letters_that_the_font_lacks_are_said(tmp_path):
    name = "日本 sgd"
    spec = {
        "problem": {"dataset": "people", "epochs": 1},
        "optimizer": {"name": name, "rule": "sgd"},
    }
    said = []
    result = bench.run(spec, out=tmp_path / "out", jobs=1, say=said.append)
    [line] = [line for line in said if "font" in line]
    assert line.endswith(" 日本")
    assert pd.read_csv(result.folder / "trials.csv")["optimizer"].unique().tolist() == [name]
    assert [path for path in result.files if path.suffix == ".png"]
