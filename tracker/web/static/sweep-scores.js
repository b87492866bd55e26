// The scores: what is new since the last judgement.
import { fetchPage, take } from "./page.js";
import { followTrials } from "./sweep-live.js";

const host = document.getElementById("scores");

followTrials(host, async () => {
  const page = await fetchPage();
  take(page, "sweep-state");
  take(page, "sweep-unfair");
  const next = document.adoptNode(page.getElementById("scores"));
  const old = new Map([...host.querySelectorAll("img")].map((img) => [img.closest(".ranked").dataset.run, img]));
  for (const img of next.querySelectorAll("img")) {
    const was = old.get(img.closest(".ranked").dataset.run);
    if (was?.getAttribute("src") === img.getAttribute("src")) img.replaceWith(was);
  }
  host.replaceChildren(...next.children);
  host.dataset.runs = next.dataset.runs;
});
