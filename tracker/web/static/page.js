// Small things that several pages do.

const clock = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

/** localTimes writes the times in a part of the page as they are where the viewer is; the markup has them in UTC. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    time.title = time.textContent;
    time.textContent = clock.format(new Date(time.dateTime));
  }
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
