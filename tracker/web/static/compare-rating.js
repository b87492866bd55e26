// Stars that are given without leaving the page.

import { say } from "/static/page.js";

/** makeRatings has the forms send themselves. Pressing the star of the current rating removes it. */
export function makeRatings(forms, complain) {
  for (const form of forms) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      rate(form, Number(event.submitter.value), complain);
    });
  }
}

/** rate keeps a rating and shows it once it is kept. */
export async function rate(form, rating, complain) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ rating }), redirect: "manual" });
    if (answer.type !== "opaqueredirect") throw new Error(`the server answered ${answer.status}`);
    show(form, rating);
    say(rating === 0 ? "No rating" : `Rated ${rating} of 5`);
  } catch (error) {
    complain(`The rating was not saved: ${error.message}.`);
  }
}

function show(form, rating) {
  form.dataset.rating = rating;
  form.querySelectorAll("button").forEach((button, i) => {
    button.value = i + 1 === rating ? 0 : i + 1;
    button.setAttribute("aria-pressed", String(i < rating));
  });
}
