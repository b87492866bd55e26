"""What mlflow.autolog logs of scikit-learn, without what Gouache does not take. Prints the run."""

import os
import sys
import warnings

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow
from mlflow.utils import autologging_utils
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


def fail(message, *args):
    raise AssertionError(str(message))


autologging_utils._logger.warning = fail  # autolog makes a warning of every error
warnings.simplefilter("ignore")
mlflow.set_tracking_uri(sys.argv[1])
mlflow.autolog(log_models=False, log_datasets=False)
x, y = load_iris(return_X_y=True)
with mlflow.start_run() as run:
    LogisticRegression(max_iter=500).fit(x, y)
print(run.info.run_id)
