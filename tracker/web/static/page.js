// Small things that several pages do.

const clock = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en", { year: "numeric", month: "short", day: "numeric" });
const ago = new Intl.RelativeTimeFormat("en");
const fresh = 30_000; // ms after which "12 minutes ago" is written anew

/** localTimes writes how long ago the times in a part of the page are; what points at one sees it as it is in the viewer's zone. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const text = since(at);
    time.title ||= clock.format(at);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(() => localTimes(document), fresh);

function since(at) {
  const seconds = (Date.now() - at) / 1000;
  if (Math.abs(seconds) < 45) return "just now";
  if (seconds < 0) return clock.format(at);
  for (const [unit, length, most] of [["minute", 60, 60], ["hour", 3600, 24], ["day", 86400, 30]]) {
    const n = Math.round(seconds / length);
    if (n < most) return ago.format(-Math.max(n, 1), unit);
  }
  return date.format(at);
}

/** say tells those who do not see the page that something has happened. */
export function say(text) {
  document.getElementById("live").textContent = text;
}

/** parse makes elements of markup that this server has sent. */
export function parse(markup) {
  const template = document.createElement("template");
  template.innerHTML = markup;
  localTimes(template.content);
  return template.content;
}

/** fetchPage returns the page as it is now, or as another address has it. A status that is no success is an error, except evenIf. */
export async function fetchPage(address = location.href, { signal, evenIf } = {}) {
  const answer = await fetch(address, { signal });
  if (!answer.ok && answer.status !== evenIf) throw new Error(`the server answered ${answer.status}`);
  return parse(await answer.text());
}

/** take puts a part of another page into this one. */
export function take(page, id) {
  const part = page.getElementById(id);
  if (part) document.getElementById(id)?.replaceWith(part);
}

/** remembered and remember keep a choice in this browser, if it may. */
export function remembered(name, otherwise) {
  try {
    return localStorage.getItem(`gouache-${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`gouache-${name}`, value);
  } catch {
    // it holds for this page only
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(`gouache-${name}`);
  } catch {
    // nothing was remembered
  }
}
