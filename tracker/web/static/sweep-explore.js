// The Explore page: its drawings show the same trials, and what is pointed at in one is shown in all.
import { colouring } from "./sweep-colour.js";
import { drawOverlaid } from "./sweep-curves.js";
import { Filter } from "./sweep-filter.js";
import { fetchPage, take } from "./page.js";
import { followTrials } from "./sweep-live.js";
import { showOver } from "./sweep-over.js";
import { drawParallel } from "./sweep-parallel.js";
import { pictureAddress } from "./sweep-picture.js";
import { drawScatter } from "./sweep-scatter.js";

const $ = (id) => document.getElementById(id);
const host = $("explore");
const { path } = host.dataset;
const matches = 24; // pictures in the row of those that match

if ($("parallel")) start(JSON.parse($("scene").textContent));
else followTrials(host, async () => location.reload()); // there is nothing to keep

function start(scene) {
  const filter = new Filter(scene);
  const paint = () => colouring(filter.scene, Number($("colour").value));
  const parallel = drawParallel($("parallel"), filter, paint);
  const scatter = drawScatter($("scatter"), filter, paint);
  const curves = drawOverlaid($("curves"), filter, paint);
  showOver($("over"), filter);

  fillChoices();
  parallel.draw();
  scatter.draw();
  showMatches();
  loadCurves();

  function fillChoices() {
    const { axes, metrics, metric, x, y } = filter.scene;
    options($("colour"), axes.map(({ name }, i) => [i === axes.length - 1 ? -1 : i, name]).reverse());
    options($("x"), metrics.map((m) => [m, m]), x.name);
    options($("y"), metrics.map((m) => [m, m]), y.name);
    options($("metric"), metrics.map((m) => [m, m]), $("metric").value || metric);
    $("log-x").checked = x.log;
    $("log-y").checked = y.log;
  }

  function query() {
    const here = new URLSearchParams(location.search);
    const q = new URLSearchParams({ x: $("x").value, y: $("y").value });
    for (const name of ["filter", "axes"]) for (const value of here.getAll(name)) q.append(name, value);
    if (here.has("last")) q.set("last", $("last").value);
    if ($("more").checked && !$("more").closest("label").hidden) q.set("more", "1");
    for (const side of ["x", "y"]) if (!$(`log-${side}`).checked) q.append("linear", side);
    return q;
  }

  /** load fetches the trials as they are now, laid out as the controls say. */
  async function load() {
    const answer = await fetch(`${path}/trials?${query()}`);
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const had = filter.scene.axes.length;
    filter.scene = await answer.json();
    if (filter.scene.axes.length !== had) fillChoices();
    parallel.draw();
    scatter.draw();
    showMatches();
  }

  async function loadCurves() {
    const metric = $("metric").value;
    const answer = await fetch(`${path}/curves?${query()}&metric=${encodeURIComponent(metric)}`);
    if (!answer.ok) return;
    const { curves: list } = await answer.json();
    if (metric !== $("metric").value) return; // another was chosen meanwhile
    curves.set(list);
  }

  /** showMatches shows the pictures that the brushes let through. */
  function showMatches() {
    const all = filter.matching();
    const brushed = filter.brushes.size > 0;
    $("unbrush").hidden = !brushed;
    const best = filter.scene.trials[filter.scene.best];
    $("curves-note").textContent = best && filter.passes(best) ? `The thick line is ${best.name}, the best.` : "";
    $("matching").textContent = brushed ? `${all.length} of ${filter.scene.trials.length} match` : "";
    const known = new Map([...$("matches").children].map((li) => [li.dataset.key, li]));
    $("matches").replaceChildren(...all.filter((t) => t.picture).slice(0, matches).map((t) => {
      const key = `${t.id} ${t.picture}`;
      return known.get(key) ?? match(t, key);
    }));
  }

  function match(t, key) {
    const item = document.createElement("li");
    item.dataset.key = key;
    const link = Object.assign(document.createElement("a"), { href: `/runs/${t.id}` });
    link.append(Object.assign(new Image(), { src: pictureAddress(t.picture, 160), alt: t.name, loading: "lazy" }));
    item.append(link);
    item.addEventListener("pointerenter", () => filter.hover(t.id, link));
    item.addEventListener("pointerleave", () => filter.hover(""));
    link.addEventListener("focus", () => filter.hover(t.id, link));
    link.addEventListener("blur", () => filter.hover(""));
    return item;
  }

  filter.addEventListener("filter", showMatches);
  $("unbrush").addEventListener("click", () => filter.clear());
  $("colour").addEventListener("change", () => {
    parallel.restyle();
    scatter.restyle();
    curves.draw();
  });
  for (const id of ["x", "y", "log-x", "log-y"]) {
    $(id).addEventListener("change", () => {
      history.replaceState(null, "", `${location.pathname}?${query()}`);
      load();
    });
  }
  // Another last axis is another order of all, and other importances: a page of its own.
  for (const id of ["last", "more"]) {
    $(id).addEventListener("change", () => {
      const q = query();
      q.set("last", $("last").value);
      location.assign(`${location.pathname}?${q}`);
    });
  }
  $("metric").addEventListener("change", loadCurves);
  $("log").addEventListener("change", () => curves.setLog($("log").checked));

  followTrials(host, async () => {
    const page = await fetchPage();
    for (const part of ["sweep-state", "sweep-unfair", "importance"]) take(page, part);
    host.dataset.runs = page.getElementById("explore").dataset.runs;
    await Promise.all([load(), loadCurves()]);
  });
}

/** options fills a list of choices, and keeps what is chosen. */
function options(select, list, value = select.value) {
  select.replaceChildren(...list.map(([key, text]) => new Option(text, key)));
  if (list.some(([key]) => String(key) === value)) select.value = value;
}
