"""Files as people have them: read, or refused with the place and the key that would do."""

import os
import sys

import numpy as np
import pytest

from nncore.datasets import content, datasets, default_problem, draw, remarks
from nncore.datasets.tables import USES, adopt, forget, read, share

RNG = np.random.default_rng(0)
N = 60


def defined(path, **parameters):
    return {"name": "csv", **datasets["csv"].parameters, "path": str(path), **parameters}


@pytest.fixture
def file(tmp_path):
    def write(text, name="t.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return write


def lines(*columns, header="", separator=","):
    rows = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([header, *rows] if header else rows) + "\n"


def samples(definition):
    """All samples in the file's order, unscaled."""
    return read(definition).samples


def refused(definition):
    with pytest.raises(ValueError, match=r"^") as error:
        draw(definition, 0)
    return str(error.value)


A, B = RNG.normal(size=N).round(4), RNG.integers(0, 9, N)
LABEL = np.array(["cat", "dog", "newt"])[np.arange(N) % 3]


# A first row that is data

HEADLESS = {
    "numbers and a label": (lines(A, B, LABEL), -1, 2),
    "tabs": (lines(A, B, LABEL, separator="\t"), "2", 2),
    "an id first, as wdbc": (lines(1000 + B, LABEL, A, A + 1), 1, 3),
    "text among numbers, as adult": (lines(B, LABEL, A, [" <=50K", " >50K"] * 30), 3, 2),
    "numbers alone": (lines(A, B, B % 2), -1, 2),
    "with missing marks": (lines(np.where(B > 1, A, None), B, LABEL), 2, 2),
}


@pytest.mark.parametrize("case", HEADLESS)
def test_a_first_row_that_is_data(file, case):
    text, target, features = HEADLESS[case]
    path = file(text)
    some = refused(defined(path, target="0"))
    assert "row 1" in some
    assert "header = false" in some
    more = {"categories": [1]} if "adult" in case else {}
    more |= {"missing": "mean"} if "missing" in case else {}
    found = samples(defined(path, target=target, header=False, **more))
    assert len(found.X) == N
    assert found.X.shape[1] - max(0, found.indicators - 1) == features + ("adult" in case)


def test_a_first_row_of_letters_that_is_data(file):
    letters = [RNG.choice(list("abcd"), N) for _ in range(5)]
    path = file(lines(*letters))
    assert "header = false" in refused(defined(path, target="a"))
    given = defined(path, target=0, header=False, categories=[1, 2, 3, 4])
    assert samples(given).X.shape == (N, 16)


@pytest.mark.parametrize("header", ["0,1,2,3,4", "1,2,3,4,5", "2001,2002,x,2004,2005"])
def test_names_that_are_numbers(file, header):
    path = file(lines(A, A, A, B, LABEL, header=header))
    target = header.split(",")[-1]
    assert samples(defined(path, target=target)).X.shape == (N, 4)
    if header[0] == "0":
        other = file(lines(A, LABEL, header="2001,2002"), "u.csv")
        assert "header = true" in refused(defined(other, target="2002"))
        assert len(samples(defined(other, target="2002", header=True)).X) == N


# Labels and missing values

MARKS = [
    "NA",
    "?",
    "-",
    ".",
    "None",
    "NULL",
    "N/A",
    "missing",
    "",
    "nan",
    "null",
    "Missing",
    " NA ",
    "#NA",
    "#N/A N/A",
    "1.#QNAN",
    "\\N",
    "#DIV/0!",
    "#NAME?",
    "(null)",
    "undefined",
    "---",
    "\u2014",
    "..",
]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_of_a_missing_value_is_no_class(file, mark):
    y = np.where(np.arange(N) == 7, mark, LABEL)
    path = file(lines(A, y, header="x,kind"))
    said = refused(defined(path, target="kind"))
    assert 'row 9, column "kind"' in said
    assert 'missing = "drop"' in said
    assert ('"label"' in said) == bool(mark.strip())
    for missing in ("drop", "mean"):
        found = samples(defined(path, target="kind", missing=missing))
        assert (len(found.X), found.y.max()) == (N - 1, 2)
        np.testing.assert_array_equal(found.X[:, 0], np.delete(A, 7))
    assert samples(defined(path, target="kind", missing="label")).y.max() == 3


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_one_with_either_decimal(file, mark, decimal):
    y = np.where(np.arange(N) == 7, mark, LABEL)
    path = file(lines(np.arange(N), y, header="x;kind", separator=";"))
    found = samples(defined(path, target="kind", missing="drop", decimal=decimal))
    assert (len(found.X), found.y.max()) == (N - 1, 2)


def test_commas_alone_are_no_mark(file):
    path = file(lines(["1,5", ","] * 30, LABEL, header="x;kind", separator=";"))
    assert '"," is not a number' in refused(defined(path, target="kind", decimal=","))


@pytest.mark.parametrize(
    ("one", "other"), [("01", "1"), ("1_0", "10"), ("1e2", "100"), ("+5", "5"), ("A", "a")]
)
def test_labels_that_differ_are_different_classes(file, one, other):
    y = np.array([one, other, "7"])[np.arange(N) % 3]
    found = samples(defined(file(lines(A, y, header="x,y")), target="y")).y
    assert len(set(found)) == 3
    assert [len(set(found[k::3])) for k in range(3)] == [1, 1, 1]


def test_numbers_as_classes_count_in_their_order(file):
    y = np.array(["10", "9", "-1", "2.5"])[np.arange(N) % 4]
    given = defined(file(lines(A, y, header="x,y")), target="y", task="classification")
    assert samples(given).y[:4].tolist() == [3, 2, 0, 1]


def prices(name, folder):
    y = RNG.integers(10**5, 10**6, 400)
    X = RNG.normal(size=(400, 2))
    if name == "t.npz":
        np.savez(folder / name, X=X, y=y)
    elif name == "t.npy":
        np.save(folder / name, np.c_[X, y])
    elif name == "named.npy":
        kinds = [("a", "f8"), ("b", "f8"), ("y", "i8")]
        np.save(folder / name, np.array(list(zip(*X.T, y, strict=True)), dtype=kinds))
    else:
        (folder / name).write_text(lines(*X.T, y, header="a,b,y"))
    return {"target": {"t.npy": "", "t.npz": ""}.get(name, "y")}


@pytest.mark.parametrize("name", ["t.csv", "t.npz", "t.npy", "named.npy"])
def test_numbers_or_classes_is_asked_of_every_kind_of_file(tmp_path, name):
    given = defined(tmp_path / name, **prices(name, tmp_path))
    said = refused(given)
    assert "different targets" in said
    assert 'task = "regression"' in said
    assert 'task = "classification"' in said
    assert samples({**given, "task": "regression"}).y.shape == (400, 1)
    assert samples({**given, "task": "classification"}).y.max() > 300


ODD = {"complex": np.arange(N) * 1j, "records": np.zeros(N, dtype=[("u", "f4")])}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("role", ["X", "y"])
def test_what_is_no_single_number_is_neither_number_nor_class(tmp_path, kind, role):
    fine = {"X": A[:, None], "y": np.arange(N) % 2}
    wrong = ODD[kind] if role == "y" else ODD[kind][:, None]
    np.savez(tmp_path / "t.npz", **{**fine, role: wrong})
    assert "no single number" in refused(defined(tmp_path / "t.npz"))


def test_a_field_of_several_numbers_is_named(tmp_path):
    fields = np.zeros(N, dtype=[("x", "f4"), ("pair", "f4", (2,)), ("k", "i4")])
    fields["k"] = np.arange(N) % 2
    np.save(tmp_path / "t.npy", fields)
    said = refused(defined(tmp_path / "t.npy", target="k"))
    assert 'column "pair"' in said
    assert 'ignore = ["pair"]' in said
    assert samples(defined(tmp_path / "t.npy", target="k", ignore=["pair"])).X.shape == (N, 1)


def test_few_samples_of_many_numbers_are_asked_about(file):
    path = file(lines(A[:20], 1000 + np.arange(20), header="x,y"))
    assert "20 different targets" in refused(defined(path, target="y"))


# Columns

TITANIC = "Id,Survived,Class,Name,Sex,Age,Fare,Cabin,Port\n" + "".join(
    f'{i},{i % 2},{i % 3},"Doe, Mr. {i}",{["m", "f"][i % 2]},{"" if i % 5 == 0 else 20 + i % 40},'
    f"{i * 1.5},{'' if i % 3 else f'C{i}'},{'' if i == 9 else 'SCQ'[i % 3]}\n"
    for i in range(1, N + 1)
)


def test_all_offending_columns_are_named_with_the_keys_that_would_do(file):
    path = file(TITANIC)
    said = refused(defined(path, target="Survived"))
    for words in (
        'row 2, column "Name": "Doe, Mr. 1" is not a number',
        'categories = ["Sex", "Port"]',
        'ignore = ["Name", "Cabin"]',
        'row 6, column "Age": empty',
        '["Age", "Port"]',
        'missing = "drop"',
    ):
        assert words in said
    keys = {"ignore": ["Id", "Name", "Cabin"], "categories": ["Sex", "Port"]}
    whole = samples(defined(path, target="Survived", missing="mean", **keys))
    assert (whole.X.shape, whole.indicators) == ((N, 8), 5)
    assert np.isnan(whole.X[:, 1]).sum() == N // 5
    short = samples(defined(path, target="Survived", missing="drop", **keys))
    assert len(short.X) == N - N // 5 - 1
    assert not np.isnan(short.X).any()
    numbers = samples(defined(path, target="Survived", features=["Class", "Fare"]))
    assert numbers.X.shape == (N, 2)


def test_columns_that_are_not_there_are_named_together(file):
    said = refused(defined(file(TITANIC), target="Survive", ignore=["Nam"], categories=["Sx", 99]))
    assert all(word in said for word in ('"Survive"', '"Nam"', '"Sx"', "99", "Cabin, Port"))


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", " "])
def test_a_column_without_a_name_is_refused(file, name):
    path = file(lines(np.arange(N), A, LABEL, header=f"{name},x,kind"))
    assert "ignore = [" in refused(defined(path, target="kind"))
    for keys in ({"ignore": [0]}, {"features": ["x"]}):
        assert samples(defined(path, target="kind", **keys)).X.shape == (N, 1)
    assert samples(defined(path, target="kind", features=[0, 1])).X.shape == (N, 2)


@pytest.mark.parametrize(
    ("column", "warned"),
    [
        (np.arange(N) + 17, "counts"),
        (RNG.permutation(N) * 3, "another whole number"),
        (np.arange(N) // 2, ""),
        (np.arange(N) / 7, ""),
    ],
)
def test_columns_that_look_like_names_are_warned_of(file, column, warned):
    found = remarks(defined(file(lines(column, A, LABEL, header="id,x,kind")), target="kind"))
    assert len(found) == bool(warned)
    assert all(warned in text and 'ignore = ["id"]' in text for text in found)


def test_gaps_and_text_hide_no_name(file):
    rows = np.where(np.arange(N) == 5, "", np.arange(N).astype(str))
    path = file(lines(rows, [f"u{i}" for i in range(N)], LABEL, header="id,who,kind"))
    given = defined(path, target="kind", categories=["who"], missing="mean")
    said = "\n".join(remarks(given))
    assert 'column "id" counts' in said
    assert 'column "who" has another value' in said


def test_too_many_categories(file):
    path = file(lines(range(2000), [*range(1000)] * 2, ["a", "b"] * 1000, header="c,x,y"))
    assert 'ignore = ["c"]' in refused(defined(path, target="y", categories=["c"]))


# What separates cells, and which row is which


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("declared", ["", "sep=", '"sep=', "\ufeffsep="])
def test_separators(file, mark, declared):
    if declared and len(mark) > 1:
        return
    first = f"{declared}{mark}{chr(34) if declared[:1] == chr(34) else ''}\n" if declared else ""
    path = file(first + lines(A, B, LABEL, header=mark.join(["a", "b", "kind"]), separator=mark))
    found = samples(defined(path, target="kind"))
    np.testing.assert_array_equal(found.X, np.c_[A, B])
    np.testing.assert_array_equal(found.y, np.arange(N) % 3)


def test_a_separator_is_not_guessed_from_the_header_alone(file):
    path = file(lines(A, B, LABEL, header="a, b, c, d; e;kind", separator=";"))
    assert samples(defined(path, target="kind")).X.shape == (N, 2)
    path = file(lines(A, B, LABEL, header="a:b:kind", separator=":"))
    assert samples(defined(path, target="kind", separator=":")).X.shape == (N, 2)
    for wrong in ("::", "\u00e9"):
        assert "one character" in refused(defined(path, target="kind", separator=wrong))


@pytest.mark.parametrize("mark", ["\u00e9", '"'])
def test_a_declared_separator_is_checked_as_any_other(file, mark):
    path = file(f"sep={mark}\nx;kind\n1;a\n2;b\n3;a\n")
    said = refused(defined(path, target="kind"))
    assert f'row 1: separator = "{mark}"' in said
    assert "one character" in said
    assert samples(defined(path, target="kind", separator=";")).X.shape == (3, 1)


@pytest.mark.parametrize(
    ("mark", "header"), [(m, h) for m in ";\t " for h in ("a;b;c;kind", "") if m != " " or h]
)
def test_decimal_commas(file, mark, header):
    comma = [[str(v).replace(".", ",") for v in column] for column in (A, A + 1, A * 2)]
    path = file(lines(*comma, LABEL, header=header.replace(";", mark), separator=mark))
    given = defined(path, target=-1, **({} if header else {"header": False}))
    assert 'decimal = ","' in refused(given)
    found = samples({**given, "decimal": ","})
    np.testing.assert_array_equal(found.X, np.c_[A, A + 1, A * 2])
    said = refused(defined(file("x;kind\n1,5;a\n1.500;b\n", "u.csv"), target="kind", decimal=","))
    assert 'row 3, column "x": "1.500"' in said
    labels = [f"{i % 3},5" for i in range(N)]
    path = file(lines(B, labels, header="x;y", separator=";"), "v.csv")
    assert "task" in refused(defined(path, target="y", decimal=","))


def test_numbers_with_commas_between_thousands_are_no_decimals(file):
    path = file(lines(['"1,234"', '"12,345,678"'] * 30, LABEL, header="x,kind"))
    said = refused(defined(path, target="kind"))
    assert '"1,234" is not a number' in said
    assert "decimal" not in said


@pytest.mark.parametrize("ends", [(",", ""), ("", ","), ("", ", ")])
def test_a_separator_at_the_end_separates_nothing(file, ends):
    head, *rows = lines(A, LABEL, B, header="x,kind,z").splitlines()
    path = file("\n".join([head + ends[0], *(row + ends[1] for row in rows)]))
    found = samples(defined(path, target="kind"))
    np.testing.assert_array_equal(found.X, np.c_[A, B])
    assert found.y.max() == 2
    rows[3] = rows[3] + ",7"
    path = file("\n".join([head + ends[0], *(row + ends[1] for row in rows)]))
    assert "row 5" in refused(defined(path, target="kind"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_are_those_of_the_file(file, end):
    text = ["", "x,z,kind", "", '1,2,"a', 'b"', "  ", "", "3,oops,c"]
    path = file(end.join(text))
    assert 'row 8, column "z": "oops"' in refused(defined(path, target="kind"))
    path = file(end.join([*text[:-1], "3,4"]))
    assert "row 8: 2 cells" in refused(defined(path, target="kind"))


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("x,kind\n1,a\n", "utf-16", "UTF-8"),
        ("x,kind\n1,\u00e4\n", "latin-1", "UTF-8"),
        ("x,kind\n1,a\n2,b\0\n", "utf-8", "row 3: a null byte"),
        ("x,kind\n", "utf-8", "at least one row"),
        ("", "utf-8", "at least one row"),
        ("x:kind\n1:a\n2:b\n", "utf-8", "separator"),
        ("\n\n", "utf-8", "at least one row"),
        ('x,kind\n0,a\n1,"a\n2,b\n3,c\n', "utf-8", "row 3: a quotation mark is left open"),
        ("x,kind\n1," + "a" * 200_000 + "\n", "utf-8", "field"),
    ],
)
def test_what_is_no_table_of_cells(file, text, encoding, said):
    assert said in refused(defined(file(text, encoding=encoding), target="kind"))


# Scales


@pytest.mark.parametrize("far", ["1.797e308", "-1.7976931348623157e308", "1e30", "9.96921e36"])
def test_a_number_that_means_missing_is_named(file, far):
    x = np.where(np.arange(N) % 20 == 7, far, A.astype(str))
    said = refused(defined(file(lines(x, LABEL, header="x,kind")), target="kind"))
    assert f'row 9, column "x": {far}' in said


@pytest.mark.parametrize("far", ["1.8e308", "inf", "-Infinity"])
def test_a_number_that_is_not_finite_is_named(file, far):
    x = np.where(np.arange(N) == 7, far, A.astype(str))
    for keys in ({"target": "kind"}, {"target": "x", "task": "regression", "ignore": ["kind"]}):
        said = refused(defined(file(lines(x, B, LABEL, header="x,z,kind")), **keys))
        assert f'row 9, column "x": {far} is not finite' in said


@pytest.mark.parametrize("unit", [1.0, 1e200, 1e-200, 1e300, 3e-310])
def test_any_unit_is_scaled(file, unit):
    """Standardised values do not depend on the unit."""
    text = [repr(float(a) * unit) for a in A]
    path = file(lines(text, text, header="x,y"))
    plain = file(lines(A, A, header="x,y"), "plain.csv")
    left_out = {"test": 0.0, "validation": 0.0}
    given = {"target": "y", "task": "regression", **left_out}
    found, expected = (draw(defined(p, **given), 0)["train"] for p in (path, plain))
    for some, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.sort(some, 0), np.sort(other, 0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("step", [1, 1000, 10**6, 10**9])
def test_time_stamps_in_nanoseconds_are_scaled(file, step):
    ticks = np.arange(N) ** 2
    t = [1_700_000_000_000_000_000 + step * int(k) for k in ticks]
    given = defined(file(lines(t, LABEL, header="t,kind")), target="kind", test=0, validation=0)
    X = np.sort(draw(given, 0)["train"].X[:, 0])
    np.testing.assert_allclose(X, (ticks - ticks.mean()) / ticks.std(), atol=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_whole_numbers_beside_missing_ones_keep_their_digits(tmp_path, suffix):
    ticks = np.arange(N) ** 2
    t = [None, *(1_700_000_000_000_000_000 + ticks[1:])]
    path = tmp_path / f"t{suffix}"
    if suffix == ".npz":
        times = np.array([None if v is None else int(v) for v in t], "M8[ns]")
        np.savez(path, X=times[:, None], y=np.arange(N) % 3)
    else:
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame({"t": pd.array(t, "Int64"), "kind": LABEL})
        if suffix == ".csv":
            frame.to_csv(path, index=False)
        else:
            pytest.importorskip("pyarrow", reason="an optional extra")
            frame.to_parquet(path)
    given = defined(path, target="" if suffix == ".npz" else "kind", missing="mean")
    X = samples(given).X[:, 0]
    assert np.isnan(X[0])
    np.testing.assert_array_equal(X[1:] - X[1], ticks[1:] - 1)


def test_a_constant_column_is_no_noise(file):
    x = np.where(np.arange(N) % 2, 0.1 + 0.2, 0.3)
    X = draw(defined(file(lines(x, A, LABEL, header="x,z,kind")), target="kind"), 0)["train"].X
    assert np.abs(X[:, 0]).max() < 1e-15


def test_what_is_missing_becomes_the_training_part_s_mean(file):
    x = np.where(np.arange(N) % 4 == 0, "", A.astype(str))
    kind = np.where(np.arange(N) % 5 == 0, "?", LABEL)
    given = defined(
        file(lines(x, kind, ["a", "b"] * 30, header="x,k,y")),
        target="y",
        missing="mean",
        categories=["k"],
    )
    whole, parts = samples(given).X, draw(given, 0)
    train = parts["train"].X
    there = train[:, 0] != 0
    assert 0 < there.sum() < len(train)
    np.testing.assert_allclose(train[there, 0].mean(), 0, atol=1e-14)
    np.testing.assert_allclose(train[there, 0].std(), 1)
    assert ((train[:, 1:] % 1) != 0).any()
    for X, _ in parts.values():
        whole_rows = ((X[:, 1:] == 0) | (X[:, 1:] == 1)).all(axis=1)
        shares = train[:, 1:][((train[:, 1:] % 1) == 0).all(axis=1)].mean(axis=0)
        np.testing.assert_allclose(X[~whole_rows, 1:], np.tile(shares, (sum(~whole_rows), 1)))
    assert np.isnan(whole).any(axis=0).all()


# Arrays


@pytest.mark.parametrize("names", ["x_train y_train", "X_train y_train", "X_TRAIN Y_TRAIN"])
def test_keras_archives_keep_their_test_part(tmp_path, names):
    X, y = RNG.integers(0, 256, (N, 4, 5)).astype(np.uint8), np.arange(N)[:, None] % 3
    held = 2 * N // 3
    arrays = dict(zip(names.split(), (X[:held], y[:held]), strict=True))
    np.savez(tmp_path / "k.npz", **arrays, x_test=X[held:], y_test=y[held:])
    given = defined(tmp_path / "k.npz")
    parts = draw(given, 0)
    assert {part: p.X.shape for part, p in parts.items()} == {
        "train": (32, 20),
        "validation": (8, 20),
        "test": (20, 20),
    }
    np.testing.assert_array_equal(parts["test"].y, y[held:, 0])
    np.testing.assert_array_equal(draw(given, 1)["test"].y, parts["test"].y)
    assert default_problem(given)["batch_size"] == 32
    whole = tmp_path / "whole.npz"
    np.savez(whole, X=X, y=y)
    assert content(defined(whole))["content"] != content(given)["content"]


@pytest.mark.parametrize("names", ["train_{0} train_{1}", "{0}_train {1}_train"])
@pytest.mark.parametrize("words", [("x", "y"), ("images", "labels"), ("features", "target")])
def test_other_words_for_the_same_arrays(tmp_path, names, words):
    X, y = RNG.normal(size=(N, 3)), np.arange(N) % 3
    arrays = {}
    for part, rows in (("train", slice(30)), ("val", slice(30, 40)), ("test", slice(40, N))):
        said = names.format(*words).replace("train", part).split()
        arrays |= dict(zip(said, (X[rows], y[rows]), strict=True))
    np.savez(tmp_path / "t.npz", **arrays)
    found = samples(defined(tmp_path / "t.npz"))
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, y)
    assert found.held == 20


UNFIT = {
    "one name twice": ({"X": A[:, None], "x": A[:, None], "y": B}, '"X" and "x"'),
    "a part without targets": ({"x_train": A[:, None], "y_train": B, "x_test": A}, "y_test"),
    "another shape": (
        {"X_train": np.zeros((N, 2, 3)), "y_train": B, "X_test": np.zeros((N, 3, 2)), "y_test": B},
        "other shapes",
    ),
    "objects": ({"X": A[:, None], "y": np.array(["a"] * N, object)}, '"y": holds Python objects'),
    "no rows": ({"X": np.zeros((0, 3)), "y": np.zeros(0)}, "no samples"),
    "a number": ({"X": np.float64(1), "y": B}, "()"),
    "none": ({}, "there are none"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_arrays_that_do_not_fit_are_named(tmp_path, case):
    arrays, said = UNFIT[case]
    np.savez(tmp_path / "t.npz", **arrays)
    found = refused(defined(tmp_path / "t.npz"))
    assert "t.npz" in found
    assert said in found


BYTES = {
    "nothing": b"",
    "text": b"1,2\n3,4\n",
    "half an archive": b"PK\x03\x04" + bytes(40),
    "an unknown format": b"\x93NUMPY\x09\x00v\x00",
    "code": b"\x93NUMPY\x01\x00v\x00" + b"__import__('os').abort()".ljust(118),
    "petabytes": b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000), }".ljust(118),
}


@pytest.mark.parametrize("case", BYTES)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_bytes_that_are_no_arrays_are_told_by_the_file_s_name(tmp_path, case, suffix):
    (tmp_path / f"t{suffix}").write_bytes(BYTES[case])
    assert f"t{suffix}" in refused(defined(tmp_path / f"t{suffix}"))


def test_images_and_booleans_without_any_key(tmp_path):
    np.savez(tmp_path / "i.npz", X=RNG.integers(0, 256, (N, 28, 28)), y=np.arange(N) % 2 == 1)
    found = samples(defined(tmp_path / "i.npz"))
    assert found.X.shape == (N, 784)
    assert found.y.tolist() == [0, 1] * 30
    np.savez(tmp_path / "h.npz", X=A[:, None] > 0, y=np.eye(3)[np.arange(N) % 3])
    found = samples(defined(tmp_path / "h.npz"))
    assert set(found.X.ravel()) == {0, 1}
    np.testing.assert_array_equal(found.y, np.arange(N) % 3)


def test_booleans_in_text(file):
    words = np.where(A > 0, "True", "False"), np.where(B > 4, "TRUE", "false")
    path = file(lines(*words, LABEL, header="a,b,kind"))
    np.testing.assert_array_equal(samples(defined(path, target="kind")).X, np.c_[A > 0, B > 4])
    found = samples(defined(path, target="a", ignore=["kind"])).y
    np.testing.assert_array_equal(found, A > 0)
    gaps = np.where(np.arange(N) == 3, "", words[0])
    path = file(lines(gaps, LABEL, header="a,kind"))
    assert np.isnan(samples(defined(path, target="kind", missing="mean")).X).sum() == 1


def test_several_targets(file, tmp_path):
    path = file(lines(A, A * 2, A + 1, header="x,u,v"))
    given = defined(path, target=["u", "v"])
    assert draw(given, 0)["train"].y.shape == (36, 2)
    assert default_problem(given)["layers"][-2:] == ["dense 2", "linear"]
    assert "classes are one column" in refused({**given, "task": "classification"})
    np.savez(tmp_path / "m.npz", X=A[:, None], u=A * 2, v=A + 1)
    given = defined(tmp_path / "m.npz", target=["u", "v"])
    assert draw(given, 0)["train"].y.shape == (36, 2)


def test_parquet(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        assert "pip install pyarrow" in refused(defined(path, target="kind"))
    pytest.importorskip("pyarrow", reason="an optional extra")
    import pandas as pd

    assert "t.parquet" in refused(defined(path, target="kind"))
    frame = pd.DataFrame({"a": A, "b": B, "flag": A > 0, "kind": LABEL})
    frame["whole"] = pd.array([None, *range(1, N)], dtype="Int64")
    frame["when"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(B, "D")
    frame["colour"] = pd.Categorical(LABEL)
    frame.to_parquet(path)
    given = defined(path, target="kind", categories=["colour"], missing="mean")
    found = samples(given)
    assert found.X.shape == (N, 8)
    np.testing.assert_array_equal(found.X[:, :3], np.c_[A, B, A > 0])
    assert np.isnan(found.X[:, 3]).sum() == 1
    np.testing.assert_array_equal(found.y, np.arange(N) % 3)


def test_cells_of_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="an optional extra")
    pq = pytest.importorskip("pyarrow.parquet", reason="an optional extra")
    path = tmp_path / "t.parquet"

    def given(**columns):
        pq.write_table(pa.table({"x": A, "kind": LABEL, **columns}), path)
        return defined(path, target="kind")

    for kind in (pa.string(), pa.binary()):
        assert 'missing = "drop"' in refused(given(kind=pa.array([None, *LABEL[1:]], kind)))
        assert 'column "kind": "NA"' in refused(given(kind=pa.array(["NA", *LABEL[1:]], kind)))
        assert samples(given(kind=pa.array(LABEL.tolist(), kind))).y.max() == 2
    big = pa.array([None, *(2**60 + B[1:] % 3)], pa.int64())
    assert samples({**given(kind=big), "missing": "drop"}).y.max() == 2
    for nest in ([[1, 2]] * N, [{"u": 1}] * N):
        assert 'ignore = ["z"]' in refused(given(z=pa.array(nest)))
        assert 'column "kind"' in refused(given(kind=pa.array(nest)))


# Keys, memory, places


def test_a_key_holds_the_content_and_its_use(file):
    text = lines(A, B, LABEL, header="a,b,kind")
    some = defined(file(text), target="kind")
    same = defined(file(text.replace(",", "|"), "u.csv"), target="kind", separator="|")
    bare = defined(file(text.partition("\n")[2], "v.csv"), target=2, header=False)
    assert content(some) == content(same)
    assert content(some)["content"] == content(bare)["content"]
    assert content(some)["task"] == "classification"
    assert set(content(some)) == {*USES, "content"}
    assert content(some) != content({**some, "ignore": ["a"]})


def test_shared_tables_are_mapped_and_the_same(file, tmp_path):
    given = defined(file(lines(A, B, LABEL, header="a,b,kind")), target="kind")
    own = draw(given, 0)
    (tmp_path / "shared").mkdir()
    try:
        share(tmp_path / "shared")
        assert isinstance(read(given).samples.X, np.memmap)
        adopt(tmp_path / "shared")
        os.remove(given["path"])  # whoever adopts does not read again
        assert isinstance(read(given).samples.X, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            read(given).samples.X[0] = 0
        for part, (X, y) in draw(given, 0).items():
            assert X.tobytes() == own[part].X.tobytes()
            assert y.tobytes() == own[part].y.tobytes()
    finally:
        forget()


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz", ".parquet"])
def test_only_plain_files_are_opened(tmp_path, suffix):
    path = tmp_path / f"it{suffix}"
    os.mkfifo(path)
    with pytest.raises(OSError, match="FIFO"):
        draw(defined(path, target="y"), 0)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match="device"):
        draw(defined(path, target="y"), 0)
    with pytest.raises(OSError, match="null byte"):
        draw(defined(f"a\0b{suffix}", target="y"), 0)
