'use strict';
(() => {
  const byID = (id) => document.getElementById(id);
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const grid = byID('cards');
  const cards = JSON.parse(byID('data').textContent).map((run, i) => {
    const element = grid.children[i];
    return { run, element, place: i, found: true, text: run.text.toLowerCase(), image: null, inputs: [] };
  });

  // Each picture is in the file once. Where others refer to it, they get a copy now.
  for (const link of document.querySelectorAll('a[data-ref]')) {
    const from = byID(link.dataset.ref);
    if (!(from instanceof HTMLImageElement)) continue;
    const image = make('img', { src: from.src, alt: from.alt });
    if (link.classList.contains('again')) link.replaceWith(image);
    else link.prepend(image);
  }

  // ---- Finding and sorting ----

  const search = byID('search'), sort = byID('sort'), direction = byID('direction'), size = byID('size');
  let down = false;

  function find() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const card of cards) {
      card.found = words.every((word) => card.text.includes(word));
      card.element.hidden = !card.found;
      count += card.found;
    }
    byID('count').textContent = count === cards.length ? `${count}` : `${count} of ${cards.length}`;
    byID('empty').hidden = count > 0;
  }

  function key(card) {
    switch (sort.value) {
      case '': return card.place;
      case 'name': return card.run.name;
      case 'started': return card.run.started;
      case 'rating': return card.run.rating || undefined;
    }
    return card.run.values[sort.value];
  }

  // What a card lacks puts it last either way; numbers come before texts, as in the tracker's own lists.
  function compare(a, b) {
    const x = key(a), y = key(b);
    if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || a.place - b.place;
    const texts = (typeof x !== 'number') - (typeof y !== 'number');
    let order = texts;
    if (!texts) order = typeof x === 'number' ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return (down ? -order : order) || a.place - b.place;
  }

  function arrange() {
    direction.textContent = down ? '↓' : '↑';
    direction.title = down ? 'The greatest first' : 'The least first';
    cards.sort(compare);
    grid.append(...cards.map((card) => card.element));
  }

  search.addEventListener('input', find);
  sort.addEventListener('change', () => {
    down = 'down' in sort.selectedOptions[0].dataset;
    arrange();
  });
  direction.addEventListener('click', () => {
    down = !down;
    arrange();
  });
  size.addEventListener('input', () => grid.style.setProperty('--size', `${size.value}px`));
  byID('tools').addEventListener('submit', (event) => event.preventDefault());
  byID('tools').hidden = false;

  // ---- One picture, large ----

  const viewer = byID('viewer'), stage = byID('stage'), one = byID('one'), other = byID('other'), partner = byID('with');
  let at = null; // the card that is looked at
  let before = null; // the card that was looked at before it
  let choice = ''; // what to flip with: '' for the one before, 'run:' and its place, or 'input:' and its role

  const seen = () => cards.filter((card) => card.found && card.image);

  function neighbour(step) {
    const list = seen();
    return list[(list.indexOf(at) + step + list.length) % list.length];
  }

  // counterpart returns what the picture flips with: the image and what to say of it.
  function counterpart() {
    const [kind, name] = choice.split(/:(.*)/s);
    const input = kind === 'input' && at.inputs.find((i) => i.role === name);
    if (input) return { image: input.image, title: `${input.role}: ${input.image.alt}`, more: at.run.name };
    let card = kind === 'run' && cards.find((c) => c.place === Number(name));
    if (!card || card === at) card = before && before !== at ? before : neighbour(1);
    return describe(card);
  }

  function describe(card) {
    const settings = [...card.element.querySelectorAll('.facts > .settings > div')];
    return { image: card.image, title: card.run.name, more: settings.map((div) => `${div.firstChild.textContent} ${div.lastChild.textContent}`).join(' · ') };
  }

  function options() {
    const rest = seen().filter((card) => card !== at);
    const option = (value, text) => make('option', { value, textContent: text, selected: value === choice });
    partner.replaceChildren(option('', 'the one before'));
    const inputs = at.inputs.map((i) => option(`input:${i.role}`, i.role));
    if (inputs.length) partner.append(make('optgroup', { label: 'What it began with' }, ...inputs));
    if (rest.length) partner.append(make('optgroup', { label: 'Runs' }, ...rest.map((card) => option(`run:${card.place}`, card.run.name))));
  }

  function show(flipped) {
    const front = describe(at), back = counterpart();
    const place = (image, what) => {
      if (image.src !== what.image.src) image.src = what.image.src;
      image.alt = what.title;
    };
    place(one, front);
    place(other, back);
    stage.classList.toggle('flipped', flipped);
    byID('flip').setAttribute('aria-pressed', flipped);
    const shown = flipped ? back : front;
    byID('said').replaceChildren(shown.title, make('span', { textContent: shown.more }));
    measure();
  }

  // At true pixels, both pictures take the room of the one that is looked at, so that flipping moves nothing.
  function measure() {
    const actual = stage.classList.contains('actual');
    for (const image of [one, other]) {
      image.style.width = actual ? `${at.image.naturalWidth / devicePixelRatio}px` : '';
      image.style.height = actual ? `${at.image.naturalHeight / devicePixelRatio}px` : '';
    }
  }

  function look(card, flipped = false) {
    if (at && at !== card) before = at;
    at = card;
    options();
    show(flipped);
    if (!viewer.open) viewer.showModal();
  }

  const flip = () => show(!stage.classList.contains('flipped'));
  const actual = () => {
    byID('actual').setAttribute('aria-pressed', stage.classList.toggle('actual'));
    measure();
  };

  byID('before').addEventListener('click', () => look(neighbour(-1)));
  byID('after').addEventListener('click', () => look(neighbour(1)));
  byID('flip').addEventListener('click', flip);
  byID('actual').addEventListener('click', actual);
  byID('close').addEventListener('click', () => viewer.close());
  stage.addEventListener('click', flip);
  partner.addEventListener('change', () => {
    choice = partner.value;
    show(true);
  });
  // The page stands where the viewer was left.
  viewer.addEventListener('close', () => at.element.querySelector('.open').focus());
  viewer.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === partner) return;
    const pressed = event.target instanceof HTMLButtonElement;
    const act = {
      ArrowLeft: () => look(neighbour(-1)),
      ArrowRight: () => look(neighbour(1)),
      1: actual,
      ' ': pressed ? undefined : flip, // a button has the space bar for itself
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  for (const card of cards) {
    const image = card.element.querySelector('.picture img');
    if (image) {
      card.image = image;
      const button = make('button', { type: 'button', className: 'open', ariaLabel: `${card.run.name}, large` });
      image.replaceWith(button);
      button.append(image);
      button.addEventListener('click', () => look(card));
    }
    for (const link of card.element.querySelectorAll('.strip a')) {
      const shown = link.querySelector('img');
      if (!shown) continue;
      const role = link.dataset.role, alike = card.inputs.filter((i) => i.role.split(' ')[0] === role).length;
      const input = { role: alike ? `${role} ${alike + 1}` : role, image: shown };
      card.inputs.push(input);
      if (!card.image) continue;
      link.addEventListener('click', (event) => {
        event.preventDefault();
        choice = `input:${input.role}`;
        look(card, true);
        stage.focus();
      });
    }
  }

  // ---- Commands ----

  for (const button of document.querySelectorAll('.copy')) {
    const code = button.previousElementSibling;
    button.hidden = false;
    button.addEventListener('click', async () => {
      getSelection().selectAllChildren(code); // where a page from disk may not use the clipboard, the keyboard can
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = 'Copied';
      } catch {
        button.textContent = 'Selected: now copy it';
      }
    });
  }
  const opened = [];
  addEventListener('beforeprint', () => {
    for (const details of document.querySelectorAll('.command:not([open])')) {
      details.open = true;
      opened.push(details);
    }
  });
  addEventListener('afterprint', () => {
    for (const details of opened.splice(0)) details.open = false;
  });

  find();
  arrange();
})();
