// The page of all sweeps: what is new.
import { fetchPage } from "./page.js";
import { followTrials } from "./sweep-live.js";

const host = document.getElementById("sweeps");

followTrials(host, async () => {
  const next = document.adoptNode((await fetchPage()).getElementById("sweeps"));
  // A picture that is the same stays, since one that is made anew would flicker.
  const old = new Map([...host.querySelectorAll("img")].map((img) => [img.getAttribute("src"), img]));
  for (const img of next.querySelectorAll("img")) {
    const was = old.get(img.getAttribute("src"));
    if (was) img.replaceWith(was);
  }
  const focused = document.activeElement?.getAttribute("href");
  host.replaceChildren(...next.children);
  if (focused) host.querySelector(`a[href="${CSS.escape(focused)}"]:not([tabindex])`)?.focus({ preventScroll: true });
});
