// A trial's picture, large, with its settings; arrows go to the others of the grid.
import { pictureAddress, show } from "./sweep-picture.js";

const $ = (id) => document.getElementById(id);

/**
 * enlarging wires up the dialog.
 * @param {{trials: () => HTMLElement[], hash: (trial: HTMLElement) => string, small: () => number, neighbour: Function,
 *   chosen: {has: Function, toggle: Function}, step: (by: number) => void}} grid
 */
export function enlarging(grid) {
  const dialog = $("large");
  const picture = $("large-picture");
  let run = "";

  const current = () => grid.trials().find((t) => t.dataset.run === run);

  function paint() {
    const trial = current();
    if (!trial) return dialog.close();
    const { number, state, told, value } = trial.dataset;
    const hash = grid.hash(trial);
    const failed = state === "failed";
    picture.hidden = !hash || failed;
    $("large-text").hidden = !picture.hidden;
    $("large-text").textContent = trial.querySelector(".trial-text")?.textContent.trim() ?? "no picture yet";
    if (!picture.hidden) show(picture, pictureAddress(hash));
    picture.alt = trial.querySelector("img")?.alt ?? "";
    $("large-title").textContent = `Trial ${number}`;
    $("large-state").textContent = [state, value].filter(Boolean).join(" · ");
    $("large-told").replaceChildren(...(JSON.parse(told) ?? []).map(({ Name, Text }) => {
      const pair = document.createElement("div");
      pair.append(Object.assign(document.createElement("dt"), { textContent: Name }), Object.assign(document.createElement("dd"), { textContent: Text }));
      return pair;
    }));
    $("large-run").href = `/runs/${run}`;
    $("large-choose").setAttribute("aria-pressed", String(grid.chosen.has(run)));
    $("large-choose").textContent = grid.chosen.has(run) ? "Chosen" : "Choose";
  }

  function go(trial) {
    if (!trial) return;
    run = trial.dataset.run;
    paint();
  }

  function by(n) {
    const all = grid.trials();
    go(all[Math.min(Math.max(all.indexOf(current()) + n, 0), all.length - 1)]);
  }

  function choose() {
    grid.chosen.toggle(current());
    paint();
  }

  const keys = {
    ArrowLeft: () => by(-1), ArrowRight: () => by(1), ArrowUp: () => go(grid.neighbour(current(), -1, 0)), ArrowDown: () => go(grid.neighbour(current(), 1, 0)),
    x: choose, "[": () => grid.step(-1), "]": () => grid.step(1),
  };
  dialog.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => current()?.querySelector("a").focus());
  $("large-back").addEventListener("click", () => by(-1));
  $("large-on").addEventListener("click", () => by(1));
  $("large-choose").addEventListener("click", choose);

  return {
    open(trial) {
      run = trial.dataset.run;
      picture.removeAttribute("src");
      delete picture.dataset.wanted;
      const small = trial.querySelector("img");
      if (small?.currentSrc) picture.src = small.currentSrc; // until the large one is there
      paint();
      dialog.showModal();
    },
    /** update shows what is new. */
    update() {
      if (dialog.open) paint();
    },
  };
}
