"""Makes the numbers of second sources that the tests of tracker/sweep compare with.

    python -m venv v && v/bin/pip install numpy scipy==1.17.1 optuna==5.0.0 cmaes==0.13.1
    v/bin/python golden.py > golden.json
"""
import json
import math
import warnings

import numpy as np
import optuna
from cmaes import CMA
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights
from scipy.stats import qmc, truncnorm

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")

SEEDS = 20


def sobol():
    """The first points of Sobol's sequence, as whole numbers over 2^32."""
    points = qmc.Sobol(12, scramble=False, bits=32).random(64)
    return (points * 2**32).astype(np.uint64).tolist()


def density():
    """The density of a mixture of truncated normal distributions at some places."""
    kernels = [(0.2, 0.1, 0.05), (0.3, 0.95, 0.2), (0.5, 0.5, 1.0)]  # weight, mu, sigma
    places = [0, 0.01, 0.2, 0.5, 0.77, 1]
    def mixture(function, x):
        return sum(w * getattr(truncnorm((0 - m) / s, (1 - m) / s, m, s), function)(x) for w, m, s in kernels)
    return {
        "kernels": kernels,
        "places": places,
        "density": [mixture("pdf", x) for x in places],
        "below": [mixture("cdf", x) for x in places],
    }


def estimates():
    """The logarithms of densities that Optuna's TPE makes of values, as many as trials have had."""
    rng = np.random.default_rng(4)
    parameters = _ParzenEstimatorParameters(
        prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False, weights=default_weights,
        multivariate=False)
    number = optuna.distributions.FloatDistribution(0, 1)
    whole = optuna.distributions.IntDistribution(1, 200)
    choices = optuna.distributions.CategoricalDistribution([0, 1, 2, 3])
    kinds = {
        "number": (number, lambda n: rng.random(n).round(3), [0, 0.1, 0.37, 0.8, 1]),
        # All different: in what order Optuna takes equal values is chance, and their weights differ.
        "whole": (whole, lambda n: rng.choice(200, n, replace=False) + 1, [1, 2, 77, 200]),
        "list": (choices, lambda n: rng.integers(0, 4, n), [0, 1, 2, 3]),
    }
    cases = []
    for kind, (space, draw, places) in kinds.items():
        for n in (0, 1, 2, 5, 26, 60):
            values = draw(n).astype(float)
            estimator = _ParzenEstimator({"x": values}, {"x": space}, parameters)
            log_density = estimator.log_pdf({"x": np.array(places, dtype=float)}).tolist()
            cases.append({"kind": kind, "values": values.tolist(), "places": places, "logdensity": log_density})
    return cases


def importance():
    """Optuna's PED-ANOVA on 200 trials of 3x + y, with one dimension of each kind that is used now and then."""
    rng = np.random.default_rng(5)
    spaces = {
        "x": optuna.distributions.FloatDistribution(0, 1),
        "y": optuna.distributions.FloatDistribution(1, 1000, log=True),
        "z": optuna.distributions.FloatDistribution(-1, 1),
        "n": optuna.distributions.IntDistribution(1, 8),
        "c": optuna.distributions.CategoricalDistribution(["a", "b", "c"]),
        "d": optuna.distributions.FloatDistribution(0, 1),  # with c = b only
    }
    study = optuna.create_study()
    trials = []
    for _ in range(200):
        p = {"x": rng.random(), "y": math.exp(rng.random() * math.log(1000)), "z": 2 * rng.random() - 1,
             "n": int(rng.integers(1, 9)), "c": "abc"[rng.integers(3)]}
        if p["c"] == "b":
            p["d"] = rng.random()
        value = 3 * p["x"] + math.log(p["y"]) / math.log(1000) + 0.05 * p["n"] + (p["d"] if "d" in p else 0.3)
        trials.append({"params": p, "value": value})
        study.add_trial(optuna.trial.create_trial(params=p, distributions={k: spaces[k] for k in p}, value=value))
    shares = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator(), normalize=True)
    return {"trials": trials, "shares": shares}


def halving():
    """Where Optuna ends trials by successive halving: order is whose next step comes, ends are the last steps."""
    rng = np.random.default_rng(6)
    cases = []
    for after, factor in [(1, 2), (2, 3), (3, 2), (4, 4), (5, 3), (1, 5)]:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=after, reduction_factor=factor)
        study = optuna.create_study(pruner=pruner)
        steps = 20
        rates = 0.04 * rng.random(12)
        curves = [[round(float((1 - rate) ** i + 0.05 * rng.random()), 3) for i in range(steps)] for rate in rates]
        trials = [study.ask() for _ in curves]
        ends, order, running = [0] * len(curves), [], set(range(len(curves)))
        while running:
            i = int(rng.choice(sorted(running)))
            order.append(i)
            ends[i] += 1
            trials[i].report(curves[i][ends[i] - 1], ends[i])
            if trials[i].should_prune() or ends[i] == steps:
                running.remove(i)
        cases.append({"after": after, "factor": factor, "curves": curves, "order": order, "ends": ends})
    return cases


def sphere(x):
    return sum((v - 0.3) ** 2 for v in x)


def ellipsoid(x):
    return sum(1e3 ** (i / (len(x) - 1)) * (v - 0.3) ** 2 for i, v in enumerate(x))


def rosenbrock(x):
    y = [4 * v - 2 for v in x]
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(y, y[1:]))


FUNCTIONS = [("sphere", sphere, 2), ("sphere", sphere, 5), ("ellipsoid", ellipsoid, 3), ("rosenbrock", rosenbrock, 3)]


def best_of_cmaes(f, dims, seed, trials):
    optimizer = CMA(mean=np.full(dims, 0.5), sigma=0.3, bounds=np.array([[0, 1]] * dims), seed=seed)
    best, generation = math.inf, []
    for _ in range(trials):
        x = optimizer.ask()
        generation.append((x, f(x)))
        best = min(best, generation[-1][1])
        if len(generation) == optimizer.population_size:
            optimizer.tell(generation)
            generation = []
    return best


def best_of_tpe(f, dims, seed, trials):
    sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda t: f([t.suggest_float(f"x{i}", 0, 1) for i in range(dims)]), n_trials=trials)
    return study.best_value


def medians(best, trials):
    """The median over the seeds of the best value after so many trials, for each function."""
    def median(f, dims):
        return float(np.median([best(f, dims, seed, trials) for seed in range(SEEDS)]))
    return {f"{name} {dims}": median(f, dims) for name, f, dims in FUNCTIONS}


print(json.dumps({
    "sobol": sobol(), "density": density(), "estimates": estimates(), "importance": importance(),
    "halving": halving(),
    "cmaes": medians(best_of_cmaes, 100), "tpe": medians(best_of_tpe, 100),
}))
