"""Minimises functions with SciPy's L-BFGS-B and says how many evaluations it took.

TestEvaluations runs this when it is given -scipy PYTHON. A problem comes in as two lines of numbers: the starting point, and
tolerances. Each point to evaluate goes out as a line {"x": [...]}; its value and gradient come back as a line of numbers. The
result is a line {"best": ..., "evaluations": [...]}: the lowest value, and for each tolerance t the number of evaluations up to
the first value <= best + t * (start - best).
"""
import json
import sys

import numpy as np
import scipy
from scipy.optimize import minimize


def tell(message):
    print(json.dumps(message), flush=True)


def numbers(line):
    return np.array([float(word) for word in line.split()])


def function(x):
    if not np.isfinite(x).all():  # as happens when it goes on at the minimum
        values.append(np.nan)
        return np.nan, x
    tell({"x": x.tolist()})
    f, *g = numbers(sys.stdin.readline())
    values.append(f)
    return f, np.array(g)


for line in sys.stdin:
    start, tolerances, values = numbers(line), numbers(sys.stdin.readline()), []
    minimize(function, start, jac=True, method="L-BFGS-B",
             options={"maxcor": 10, "ftol": 0, "gtol": 0, "maxfun": 20000, "maxiter": 20000})
    best = np.nanmin(values)
    thresholds = best + tolerances * (values[0] - best)
    tell({"best": best, "evaluations": [1 + int(np.argmax(values <= t)) for t in thresholds], "scipy": scipy.__version__})
