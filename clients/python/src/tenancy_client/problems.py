"""A class for each stable code of a problem. `PROBLEMS` has them by code."""

from ._generated.problems import *  # noqa: F403
from .errors import Problem as Problem
