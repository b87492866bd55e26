// Stars: choosing one rates the run at once, and so do the keys 0 to 5.
import { onKey } from "./keys.js";
import { say } from "./page.js";

/** @param {HTMLFormElement | null} form is not there where nothing can be changed. */
export function rate(form) {
  if (!form) return;
  form.querySelector("button").hidden = true;
  form.addEventListener("change", async () => {
    const body = new URLSearchParams(new FormData(form));
    const rating = Number(body.get("rating"));
    try {
      // The server answers with the way to the page, which is here already.
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (answer.type !== "opaqueredirect") throw new Error(String(answer.status));
      say(rating === 0 ? "No rating" : `Rated ${rating} of 5`);
    } catch {
      say("The rating was not saved: the server does not answer.");
      form.reset();
    }
  });
  onKey("1 2 3 4 5 0", "Rate (0: no rating)", (key) => {
    form.querySelector(`input[value="${key}"]`).click();
  });
}
