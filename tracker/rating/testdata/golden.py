"""Writes golden.json: comparisons drawn at random, and what two other programs make of them.

    pip install choix==0.4.1 statsmodels==0.15.0
    python golden.py > golden.json

choix fits Bradley and Terry's model with a penalty, alpha times the sum of squares, which is a normal prior of
variance 1/(2 alpha); its Hessian gives the standard errors. It knows no ties.

statsmodels fits Davidson's model, without a prior, as a conditional logit: each comparison is a choice of one of
three, of utility d/2, -d/2 and log nu. The imagined tie-less comparison of equals is one more choice. With parameters,
d is the difference of one-hot rows whose first value is left out as the reference.
"""

import json

import choix
import numpy as np
from choix.opt import PairwiseFcts
from statsmodels.discrete.conditional_models import ConditionalLogit

LEFT, RIGHT, TIE = 1, 2, 3
PRIOR_SD = 1.5
rng = np.random.default_rng(7)


def draw(n, strengths, nu):
    list = []
    for _ in range(n):
        left, right = (int(i) for i in rng.choice(len(strengths), 2, replace=False))
        d = strengths[left] - strengths[right]
        p = np.array([np.exp(d / 2), np.exp(-d / 2), nu])
        list.append([left, right, int(rng.choice([LEFT, RIGHT, TIE], p=p / p.sum()))])
    return list


def with_choix(items, comparisons):
    alpha = 1 / (2 * PRIOR_SD**2)
    wins = [(l, r) if o == LEFT else (r, l) for l, r, o in comparisons]
    strengths = choix.opt_pairwise(items, wins, alpha=alpha, method="Newton-CG", tol=1e-12)
    covariance = np.linalg.inv(PairwiseFcts(wins, alpha).hessian(strengths))
    centre = np.eye(items) - 1 / items
    return strengths, np.sqrt(np.diag(centre @ covariance @ centre))


def with_statsmodels(rows, comparisons):
    """Rows hold each item's coordinates, those of the reference being zero."""
    rows = np.asarray(rows, float)
    zero = np.zeros(rows.shape[1])
    choices = [(rows[l] - rows[r], o) for l, r, o in comparisons] + [(zero, LEFT)]
    y, x, groups = [], [], []
    for group, (d, outcome) in enumerate(choices):
        for o, half in ((LEFT, d / 2), (RIGHT, -d / 2), (TIE, zero)):
            y.append(int(outcome == o))
            x.append([*half, float(o == TIE)])
            groups.append(group)
    model = ConditionalLogit(np.array(y), np.array(x), groups=np.array(groups))
    fit = model.fit(method="newton", maxiter=100, tol=1e-12, disp=0)
    return {"to_first": [*fit.params[:-1]], "se": [*fit.bse[:-1]], "log_tie": fit.params[-1]}


decided = draw(60, rng.normal(0, 1.2, 8), 0)
strengths, se = with_choix(8, decided)
golden = {"choix": {"items": 8, "prior_sd": PRIOR_SD, "comparisons": decided, "strengths": [*strengths], "se": [*se]}}

tied = draw(120, rng.normal(0, 0.8, 6), 0.7)
golden["davidson"] = {"items": 6, "comparisons": tied} | with_statsmodels(np.eye(6)[:, 1:], tied)

values = [[p, w] for p in range(2) for w in range(3)]
one_hot = np.array([[p == 1, w == 1, w == 2] for p, w in values], float)
settings = draw(150, one_hot @ [0.8, -0.5, 0.6], 0.4)
golden["effects"] = {"values": values, "comparisons": settings} | with_statsmodels(one_hot, settings)

print("{" + ",\n".join(f'"{name}": {json.dumps(entry)}' for name, entry in golden.items()) + "}")
