// Ticking runs, by the mouse or by keys, and the bar that says what can be done with them.
import { onKey } from "./keys.js";

/** @returns {{update: Function}} update has the bar say what is ticked, after rows have changed. */
export function choose(list) {
  const boxes = () => [...list.querySelectorAll("input[name=run]")];
  const all = () => document.getElementById("all");
  const action = (path) => list.querySelector(`#selection [formaction="${path}"]`);
  let last = null; // the box that was ticked last, from which Shift ticks all others

  function update() {
    if (!document.getElementById("chosen")) return;
    const everything = all().checked;
    const n = everything ? Number(list.dataset.total) : boxes().filter((b) => b.checked).length;
    const most = Number(list.dataset.most);
    document.getElementById("selection").classList.toggle("on", n > 0);
    document.getElementById("unchoose").hidden = n === 0;
    document.getElementById("choose-page").hidden = everything || boxes().every((b) => b.checked);
    for (const button of list.querySelectorAll(".selection-actions button")) button.disabled = n === 0;
    action("/compare").disabled = everything || n < 2 || n > most;
    document.getElementById("selection-count").textContent =
      n === 0 ? "Tick runs to compare, tag, rate, export or delete them." : n === 1 ? "1 run" : everything || n > most ? `${n.toLocaleString("en")} runs: at most ${most} can be compared.` : `${n} runs`;
    for (const b of boxes()) b.closest("tr").classList.toggle("chosen-row", everything || b.checked);
  }

  list.addEventListener("click", (event) => {
    if (event.target.id === "unchoose") {
      for (const b of [...boxes(), all()]) b.checked = false;
    } else if (event.target.id === "choose-page") {
      boxes().forEach((b) => (b.checked = true));
    } else if (event.target.matches("input[name=run]")) {
      const rows = boxes();
      if (event.shiftKey && last) {
        const [a, b] = [rows.indexOf(last), rows.indexOf(event.target)].sort((x, y) => x - y);
        rows.slice(Math.max(a, 0), b + 1).forEach((box) => (box.checked = event.target.checked));
      }
      last = event.target;
      if (!event.target.checked) all().checked = false;
    } else {
      return;
    }
    update();
  });
  list.addEventListener("change", update);
  // What an action has no use for stays out of its address.
  let to = "";
  list.addEventListener("submit", ({ submitter, target }) => (to = new URL(submitter?.formAction ?? target.action).pathname));
  list.addEventListener("formdata", ({ formData }) => {
    if (to !== "/runs/change") for (const name of ["tag", "rating"]) formData.delete(name);
    if (to === "/compare" || !all().checked) formData.delete("filter");
    if (all().checked) formData.delete("run");
  });
  list.addEventListener("keydown", (event) => {
    // Enter in the field of tags adds them; the first button of the form would compare.
    if (event.key !== "Enter" || event.target.id !== "bulk-tag") return;
    event.preventDefault();
    list.querySelector('button[value="tag"]').click();
  });
  addEventListener("pageshow", update); // the browser may have kept the ticks of an earlier visit
  update();

  const rows = () => [...list.querySelectorAll("#runs tbody tr")];
  const current = () => list.querySelector("tr.current");
  function go(by) {
    const there = rows();
    const at = there.indexOf(current());
    const next = there[at < 0 ? (by > 0 ? 0 : there.length - 1) : Math.min(Math.max(at + by, 0), there.length - 1)];
    current()?.classList.remove("current");
    next?.classList.add("current");
    next?.querySelector(".name a").focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }
  onKey("j", "Next run", () => go(1));
  onKey("k", "Previous run", () => go(-1));
  onKey("x", "Tick the run", () => current()?.querySelector("input").click());
  onKey("a", "Tick all runs of the page", () => document.getElementById("choose-page")?.click());
  onKey("c", "Compare the ticked runs", () => action("/compare")?.click());
  return { update };
}
