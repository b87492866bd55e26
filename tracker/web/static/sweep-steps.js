// The slider that runs through the iterations of all pictures at once.
import { onKey } from "./keys.js";

const $ = (id) => document.getElementById(id);
const pace = 160; // ms from one iteration to the next, at least

/**
 * stepping wires up the slider. changed is called with the step to show, Infinity for the last pictures, and the one
 * after it in the direction of the slider; it returns a promise of when they are shown.
 */
export function stepping(changed) {
  const slider = $("step");
  const play = $("play");
  let steps = [];
  let step = Number(new URLSearchParams(location.search).get("step") ?? Infinity);
  if (!(step >= 0)) step = Infinity;
  let playing = false;

  const index = () => (step === Infinity ? steps.length - 1 : Math.max(steps.findLastIndex((s) => s <= step), 0));

  function write() {
    slider.max = Math.max(steps.length - 1, 0);
    slider.value = index();
    $("step-text").textContent = step === Infinity ? "final" : step.toLocaleString("en");
    slider.setAttribute("aria-valuetext", $("step-text").textContent);
    $("steps").hidden = steps.length < 2;
  }

  function go(i) {
    const last = steps.length - 1;
    const was = index();
    const at = Math.min(Math.max(i, 0), last);
    step = at === last ? Infinity : steps[at];
    write();
    return changed(step, steps[at + Math.sign(at - was)]);
  }

  async function run(on) {
    playing = on;
    play.setAttribute("aria-pressed", String(on));
    play.textContent = on ? "❚❚" : "▶";
    if (on && step === Infinity) await go(0);
    while (playing && step !== Infinity) {
      await Promise.all([go(index() + 1), new Promise((done) => setTimeout(done, pace))]);
    }
    if (playing) run(false);
  }

  slider.addEventListener("input", () => {
    run(false);
    go(Number(slider.value));
  });
  play.setAttribute("aria-label", "Run through the iterations");
  play.addEventListener("click", () => run(!playing));
  onKey("[ ]", "Earlier or later iteration", (key) => go(index() + (key === "[" ? -1 : 1)));
  onKey("p", "Run through the iterations", () => run(!playing));

  return {
    get step() {
      return step;
    },
    /** set says at which steps there are pictures. */
    set(next) {
      steps = next;
      write();
    },
    by: (n) => go(index() + n),
  };
}
