"""What an ordinary script does with MLflow's client, against the server at argv[1]. Prints what the store must have."""

import json
import math
import os
import sys
import tempfile

os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri(sys.argv[1])
c = MlflowClient()


def refused(code, call):
    try:
        call()
    except MlflowException as e:
        assert e.error_code == code, f"{e.error_code}, not {code}: {e}"
        return str(e)
    raise AssertionError(f"{code} was not raised")


# Experiments.
assert c.get_experiment("0").name == "Default"
assert c.get_experiment_by_name("night") is None
experiment = mlflow.set_experiment("night").experiment_id
assert c.get_experiment(experiment).name == "night"
refused("RESOURCE_DOES_NOT_EXIST", lambda: c.get_experiment("17"))

# Nested runs with parameters, metrics, tags and images.
runs = []
with mlflow.start_run(run_name="parent", description="soft") as parent:
    for i in range(3):
        with mlflow.start_run(run_name=f"child {i}", nested=True, tags={"team": "red" if i else "blue"}) as run:
            runs.append(run.info.run_id)
            mlflow.log_params({"lr": 0.1 * i, "layers": i, "fine": True, "batch size": "1e-3", "empty": ""})
            for step in range(4):
                mlflow.log_metric("val loss", 10 - step - i, step=step)
                mlflow.log_image(numpy.full((20, 24, 3), 50 * step + i, dtype="uint8"), key="gen/fake", step=step)
            mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "acc": i / 4}, step=7)
            mlflow.log_image(numpy.full((9, 9, 3), 100 + i, dtype="uint8"), "figures/last.png")
            mlflow.log_image(numpy.full((9, 9, 3), 110 + i, dtype="uint8"), "figures/last.png")
            mlflow.set_tags({"long": "x" * 3000, "lines": "a\nb", "fine": "true", "mlflow.project.env": "conda"})

first = c.get_run(runs[0])
assert first.info.status == "FINISHED" and first.info.run_name == "child 0" and first.info.end_time >= first.info.start_time
assert first.data.params == {"lr": "0.0", "layers": "0", "fine": "True", "batch size": "1e-3", "empty": ""}, first.data.params
assert first.data.metrics["val loss"] == 7 and first.data.metrics["inf"] == math.inf and math.isnan(first.data.metrics["nan"])
tags = first.data.tags
assert tags["team"] == "blue" and tags["long"] == "x" * 3000 and tags["lines"] == "a\nb" and tags["fine"] == "true", tags
assert tags["mlflow.parentRunId"] == parent.info.run_id and tags["mlflow.project.env"] == "conda" and tags["mlflow.user"]
assert c.get_run(parent.info.run_id).data.tags["mlflow.note.content"] == "soft"
assert c.get_parent_run(runs[0]).info.run_id == parent.info.run_id
history = c.get_metric_history(runs[1], "val loss")
assert [(m.step, m.value) for m in history] == [(0, 9), (1, 8), (2, 7), (3, 6)], history
assert c.get_metric_history(runs[1], "val_loss") == []

# Tags and names change, and are deleted.
c.set_tag(runs[0], "team", "green")
c.set_tag(runs[0], "long", "short")
c.delete_tag(runs[0], "lines")
c.update_run(runs[0], name="first child")
tags = c.get_run(runs[0]).data.tags
assert tags["team"] == "green" and tags["long"] == "short" and "lines" not in tags and tags["mlflow.runName"] == "first child", tags
refused("RESOURCE_DOES_NOT_EXIST", lambda: c.delete_tag(runs[0], "lines"))

# Batches.
batch = c.create_run(experiment, run_name="batch").info.run_id
c.log_batch(batch, [Metric("m", s / 2, 0, s) for s in range(1000)], [Param(f"p{i}", str(i)) for i in range(90)], [RunTag(f"t{i}", str(i)) for i in range(90)])
assert len(c.get_metric_history(batch, "m")) == 1000 and len(c.get_run(batch).data.params) == 90
c.log_param(batch, "p1", 1)
refused("INVALID_PARAMETER_VALUE", lambda: c.log_param(batch, "p1", 2))
refused("INVALID_PARAMETER_VALUE", lambda: c.log_metric(batch, "m", 1, step=-1))
c.set_terminated(batch, "KILLED")
assert c.get_run(batch).info.status == "KILLED"
refused("INVALID_STATE", lambda: c.log_metric(batch, "m", 1))

# A run that failed is continued.
try:
    with mlflow.start_run(run_name="failing") as failing:
        raise ValueError("for the test")
except ValueError:
    pass
assert c.get_run(failing.info.run_id).info.status == "FAILED"
with mlflow.start_run(run_id=failing.info.run_id):
    mlflow.log_metric("m", 3)
assert c.get_run(failing.info.run_id).info.status == "FINISHED"


# Searches.
def found(text, **more):
    return [r.info.run_name for r in c.search_runs([experiment], text, **more)]


children = ["child 2", "child 1", "first child"]
for text, names in {
    "metrics.`val loss` < 7": ["child 2", "child 1"],
    "metrics.acc >= 0.25 and metrics.acc != 0.5": ["child 1"],
    "params.layers = '2'": ["child 2"],
    "params.fine = 'True' AND params.layers != '0'": ["child 2", "child 1"],
    "params.`batch size` = '1e-3'": children,
    "params.lr LIKE '0.%'": children,
    "tags.team = 'red'": ["child 2", "child 1"],
    "tags.team LIKE '%re%' and tags.team ILIKE 'G%'": ["first child"],
    "tags.long IS NULL and tags.team IS NOT NULL": [],
    f"tags.mlflow.parentRunId = '{parent.info.run_id}'": children,
    "attributes.status = 'KILLED'": ["batch"],
    "attributes.run_name ILIKE 'CHILD%'": ["child 2", "child 1"],
    f"attributes.run_id IN ('{runs[0]}', '{batch}')": ["batch", "first child"],
    "run_name = 'none'": [],
    "metrics.unknown > 1": [],
    "params.unknown != 'x'": [],
    "start_time > 0 and start_time < 4e12": ["failing", "batch", "child 2", "child 1", "first child", "parent"],
}.items():
    assert found(text) == names, f"{text}: {found(text)}, not {names}"
assert found("metrics.acc > -1", order_by=["metrics.acc ASC"]) == ["first child", "child 1", "child 2"]
assert found("params.layers != '7'", order_by=["params.layers DESC"]) == ["child 2", "child 1", "first child"]
assert found("", order_by=["attributes.start_time ASC"])[:2] == ["parent", "first child"]
for bad in ["metrics.m", "metrics.m < 'x'", "tags.x < 3", "tags.x = 'a' or tags.y = 'b'", "tags.x = 'a' and", "status = 3", "dataset.name = 'x'", "'"]:
    refused("INVALID_PARAMETER_VALUE", lambda: found(bad))
pages, token = [], None
while True:
    part = c.search_runs([experiment], "attributes.status = 'FINISHED'", max_results=2, page_token=token)
    pages += [r.info.run_name for r in part]
    assert len(part) <= 2
    token = part.token
    if not token:
        break
assert sorted(pages) == sorted(children + ["parent", "failing"]), pages
assert len(mlflow.search_runs(search_all_experiments=True)) == 6
assert "night" in [e.name for e in c.search_experiments(filter_string="name LIKE 'ni%'", order_by=["name ASC"])]

# Artifacts.
assert [f.path for f in c.list_artifacts(runs[0])] == ["figures", "images"]
images = c.list_artifacts(runs[0], "images")
assert len(images) == 4 and all(f.path.startswith("images/gen~fake+step+") and f.file_size for f in images), images
with tempfile.TemporaryDirectory() as folder:
    path = c.download_artifacts(runs[0], "figures/last.png", folder)
    assert open(path, "rb").read(8) == b"\x89PNG\r\n\x1a\n"

# Files that are no pictures.
with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name="files") as files:
    mlflow.log_text("first", "notes.txt")
    mlflow.log_text("größe\n", "notes.txt")
    mlflow.log_dict({"a": [1, 2]}, "config/settings.json")
    mlflow.log_dict({"a": 1}, "config/settings.yaml")

    try:
        import matplotlib.figure

        figure = matplotlib.figure.Figure()
    except ImportError:
        figure = None
    if figure:
        mlflow.log_figure(figure, "plots/figure.svg")
        mlflow.log_figure(figure, "plots/figure.png")
    for name, text in {"wrong.png": "no picture", "empty": "", "page.html": "<script>alert(1)</script>", "größe & more, done.txt": "odd"}.items():
        open(os.path.join(folder, name), "w").write(text)
    os.makedirs(os.path.join(folder, "deep/er"))
    open(os.path.join(folder, "deep/er/data.bin"), "wb").write(bytes(range(256)) * 5000)
    mlflow.log_artifacts(folder, "all of it")
    mlflow.log_artifact(os.path.join(folder, "empty"))
    id = files.info.run_id
    named = {f.path: f for f in c.list_artifacts(id)}
    assert {"all of it", "config", "empty", "notes.txt"} <= set(named), named
    assert named["config"].is_dir and named["notes.txt"].file_size == 8 and not named["empty"].file_size, named
    assert [f.path for f in c.list_artifacts(id, "config")] == ["config/settings.json", "config/settings.yaml"]
    assert "all of it/größe & more, done.txt" in [f.path for f in c.list_artifacts(id, "all of it")]
    assert mlflow.artifacts.load_text(f"runs:/{id}/notes.txt") == "größe\n"
    assert mlflow.artifacts.load_dict(f"runs:/{id}/config/settings.json") == {"a": [1, 2]}
    back = c.download_artifacts(id, "", os.path.join(folder, "."))
    assert open(os.path.join(back, "all of it/deep/er/data.bin"), "rb").read() == bytes(range(256)) * 5000
    assert open(os.path.join(back, "all of it/wrong.png")).read() == "no picture"
    assert open(os.path.join(back, "all of it/größe & more, done.txt")).read() == "odd"
    assert os.path.getsize(os.path.join(back, "empty")) == 0
    large = os.path.join(folder, "large")
    os.truncate(os.open(large, os.O_CREAT | os.O_WRONLY), (64 << 20) + 1)
    try:
        mlflow.log_artifact(large)
        raise AssertionError("a file of more than 64 MiB was kept")
    except Exception as e:
        assert "too large" in str(e), e

    # Names: the client puts them into addresses as they are. What it would cut off without a word is refused.
    odd = ["a b.txt", "größe ☂.txt", "100%.txt", "é%.txt", "a&b=c+d;e:f.txt", "[1].txt", "'q\".txt"]
    for name in odd:
        open(os.path.join(folder, name), "w").write(name)
        mlflow.log_artifact(os.path.join(folder, name), "odd names")
    assert sorted(f.path for f in c.list_artifacts(id, "odd names")) == sorted("odd names/" + name for name in odd)
    for name in odd:
        assert open(c.download_artifacts(id, "odd names/" + name, os.path.join(folder, "deep"))).read() == name
    for name in ["q?x=1.txt", "back\\slash.txt", "tab\t.txt", "..%2f..%2fx.txt"]:
        open(os.path.join(folder, name), "w").write(name)
        try:
            mlflow.log_artifact(os.path.join(folder, name))
            raise AssertionError(f"{name!r} was kept")
        except Exception as e:
            assert '"error_code":"INVALID_PARAMETER_VALUE"' in str(e), e
    assert "q" not in [f.path for f in c.list_artifacts(id)]

# Deletion.
c.delete_run(runs[2])
assert c.get_run(runs[2]).info.lifecycle_stage == "deleted"
assert found("tags.team = 'red'") == ["child 1"]
assert found("tags.team = 'red'", run_view_type=ViewType.DELETED_ONLY) == ["child 2"]
c.restore_run(runs[2])
assert found("tags.team = 'red'", run_view_type=ViewType.ALL) == ["child 2", "child 1"]
c.delete_run(runs[2])

# What is not supported says so.
for call in [
    lambda: c.create_registered_model("m"),
    lambda: c.delete_experiment(experiment),
    lambda: c.set_experiment_tag(experiment, "a", "b"),
]:
    assert "Gouache" in refused("NOT_IMPLEMENTED", call)

print(json.dumps({"Parent": parent.info.run_id, "Children": runs, "Batch": batch, "Files": id}))
