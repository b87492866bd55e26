// What the page shows, kept in its address so that it can be shared and comes back when it is loaded anew.

export const modes = ["grid", "swipe", "flip", "difference"];
export const gains = [1, 2, 4, 8, 16, 64];

/** readState reads the address. What makes no sense there is left out. */
export function readState(scene) {
  const query = new URLSearchParams(location.search);
  const ids = scene.runs.map((r) => r.id);
  const among = (list, value, otherwise) => (list.includes(value) ? value : otherwise);
  const step = query.has("step") ? Number(query.get("step")) : Infinity;
  return {
    mode: among(modes, query.get("view"), "grid"),
    a: among(ids, query.get("a"), ids[0]),
    b: among(ids, query.get("b"), ids.find((id) => id !== query.get("a") && id !== ids[0]) ?? ids[0]),
    step: Math.max(scene.steps.findLastIndex((s) => s <= step), Math.min(0, scene.steps.length - 1)), // an index; -1 if there is none
    gain: among(gains, Number(query.get("gain")), 4),
    metric: among(scene.metrics.map((m) => m.name), query.get("metric"), usualMetric(scene)),
    log: query.get("log") === "1",
    view: readView(query.get("at")),
  };
}

/** usualMetric is the total if it can be compared, else the style's loss if that can be, else the first. */
function usualMetric(scene) {
  const comparable = (name) => scene.metrics.some((m) => m.name === name && m.note === "");
  return ["total", "loss.style"].find(comparable) ?? scene.metrics[0]?.name;
}

/** readView reads "0.5,0.5,200": where the middle is, and the zoom in percent. It returns null for the whole picture. */
function readView(text) {
  const [x, y, percent] = (text ?? "").split(",").map(Number);
  return x >= -1 && x <= 2 && y >= -1 && y <= 2 && percent >= 1 && percent <= 6400 ? { x, y, zoom: percent / 100 } : null;
}

/** addressOf writes the address of a state, with what is usual left out. */
export function addressOf(state, scene, ids = scene.runs.map((r) => r.id)) {
  const query = new URLSearchParams();
  for (const id of ids) query.append("run", id);
  const put = (name, value, usual) => value !== usual && query.set(name, value);
  put("view", state.mode, "grid");
  if (ids.includes(state.a)) put("a", state.a, ids[0]);
  if (ids.includes(state.b)) put("b", state.b, ids[1]);
  put("step", scene.steps[state.step], scene.steps.at(-1));
  put("gain", state.gain, 4);
  put("metric", state.metric, usualMetric(scene));
  if (state.log) query.set("log", "1");
  if (state.view) query.set("at", [state.view.x.toFixed(4), state.view.y.toFixed(4), +(state.view.zoom * 100).toFixed(2)].join(","));
  return `${location.pathname}?${query}`;
}

/** keep writes the state into the address, a moment later since a view that moves changes at each frame. */
export function keep(state, scene) {
  clearTimeout(keep.timer);
  keep.timer = setTimeout(() => history.replaceState(null, "", addressOf(state, scene)), 200);
}
