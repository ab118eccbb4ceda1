"""What is read of docstrings: the description, and what is said of each parameter."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from tokstream._tools.docstrings import parse

GOOGLE = """Tell the weather of a city.

    It is the weather of now:
    not of tomorrow.

    Args:
        city (str): Where, as "Rome"
            or "Rome, Italy".
        days (Optional[Callable[[int], int]]): How many days.

            At most ten.
        *rest: What is left.
        unit: Celsius: or Fahrenheit.

    Keyword Args:
        exact: Whether to round.

    Returns:
        city: not a parameter.

    Raises:
        days: nor is this.
    """

NUMPY = """
    Tell the weather of a city.

    It is the weather of now:
    not of tomorrow.

    Parameters
    ----------
    city : str
        Where, as "Rome"
        or "Rome, Italy".
    days : int, optional
        How many days.

        At most ten.
    *rest
        What is left.
    unit : {'C', 'F'}
        Celsius: or Fahrenheit.

    Other Parameters
    ----------------
    exact
        Whether to round.

    Returns
    -------
    days : str
        not a parameter.
    """

REST = """Tell the weather of a city.

    It is the weather of now:
    not of tomorrow.

    :param str city: Where, as "Rome"
        or "Rome, Italy".
    :type city: str
    :param days: How many days.

        At most ten.
    :arg *rest: What is left.
    :param unit: Celsius: or Fahrenheit.
    :keyword exact: Whether to round.
    :returns: nothing
    :raises ValueError: if days
    """

SAID = {
    "city": 'Where, as "Rome" or "Rome, Italy".',
    "days": "How many days. At most ten.",
    "rest": "What is left.",
    "unit": "Celsius: or Fahrenheit.",
    "exact": "Whether to round.",
}


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_the_three_styles_say_the_same(text):
    description, parameters = parse(text)
    assert description == "Tell the weather of a city.\n\nIt is the weather of now:\nnot of tomorrow."
    assert parameters == SAID


def test_several_parameters_of_one_numpy_entry():
    assert parse("Add.\n\nParameters\n----------\nx, y : float\n    A number.").parameters == {
        "x": "A number.",
        "y": "A number.",
    }


@pytest.mark.parametrize(
    ("text", "description", "parameters"),
    [
        (None, "", {}),
        ("", "", {}),
        ("Add.", "Add.", {}),
        ("Add.\n\nArgs:\n", "Add.\n\nArgs:", {}),
        ("\n    Args:\n        x: one", "", {"x": "one"}),
        ("Add.\n\nargs:\n    x: one\n    y:", "Add.", {"x": "one"}),
        ("Add.\n\nArgs:\n    see http://example.test/x\n    x: one", "Add.", {"x": "one"}),
        ("Add.\n\nArgs:\n    x: one\nand on it goes", "Add.", {"x": "one"}),
        ("Add.\n\n:param x: one\n\nand on it goes", "Add.", {"x": "one"}),
        ("Add.\n\n:param: one", "Add.", {}),
        ("Say :param x: as it is.", "Say :param x: as it is.", {}),
        ("Title\n-----\n\nText.", "Title\n-----\n\nText.", {}),
        ("Mixed.\n\nArgs:\n    x: one\n\n:param y: two\n:param x: three", "Mixed.", {"x": "one", "y": "two"}),
    ],
)
def test_odd_docstrings(text, description, parameters):
    assert parse(text) == (description, parameters)


@given(st.lists(st.sampled_from(["Args:", "  x: y", "Parameters", "-----", ":param x: y", "", "    deep", "::", "x"])))
def test_any_lines_can_be_read(lines):
    description, parameters = parse("\n".join(lines))
    assert isinstance(description, str)
    assert all(isinstance(said, str) and said for said in parameters.values())


def test_a_docstring_may_be_its_parameters_alone():
    text = """Args:
        city: Where.
        days: How many,
            at most ten.
        """
    assert parse(text) == ("", {"city": "Where.", "days": "How many, at most ten."})
