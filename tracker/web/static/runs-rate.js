// Stars in the rows: choosing one rates the run at once, and so do the keys 0 to 5 for the current row.
import { onKey } from "./keys.js";
import { say } from "./page.js";

export function rateRows(list) {
  list.addEventListener("change", async ({ target }) => {
    const stars = target.closest(".rating");
    if (!stars) return;
    const before = [...stars.querySelectorAll("input")].find((i) => i.defaultChecked);
    try {
      // The server answers with the way to the run's page.
      const answer = await fetch(`/runs/${stars.dataset.run}`, { method: "POST", body: new URLSearchParams({ rating: target.value }), redirect: "manual" });
      if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
      if (before) before.defaultChecked = false;
      target.defaultChecked = target.checked = true;
      say(target.value === "0" ? "No rating" : `Rated ${target.value} of 5`);
    } catch {
      if (before) before.checked = true;
      say("The rating was not saved: the server does not answer.");
    }
  });
  onKey("1 2 3 4 5 0", "Rate the run (0: no rating)", (key) => {
    list.querySelector(`tr.current .rating input[value="${key}"]`)?.click();
  });
}
