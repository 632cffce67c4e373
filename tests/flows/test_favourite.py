"""The flow favourite: one user and movie, or pairs."""

import pytest

from flows.favourite import favourite
from tasks.errors import CineclusterError


@pytest.mark.parametrize("given", [{}, {"user_id": 1}, {"movie_id": 1}, {"movie_id": 1}, {"pairs": []}])
def test_half_a_favourite_is_an_error(given):
    with pytest.raises(CineclusterError, match="pairs"):
        favourite.fn(**given)
