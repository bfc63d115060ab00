"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const passes = ["forward", "tangent", "reverse"];
  const words = { forward: "Forward pass", tangent: "Tangent pass", reverse: "Reverse pass" };
  const roles = { value: "soft", tangent: "tangent", adjoint: "adjoint" };
  const events = data.events;
  const node = (key) => $("w-" + key);
  const keys = Object.keys(data.nodes);
  let position = 0;
  let selected = null;
  let timer = null;

  // -- source -------------------------------------------------------------------------------------
  const atLine = new Map(); // "file:line" -> keys of nodes
  for (const [key, n] of Object.entries(data.nodes))
    for (const [file, line] of n.lines) {
      const place = file + ":" + line;
      if (!atLine.has(place)) atLine.set(place, []);
      atLine.get(place).push(key);
    }
  data.sources.forEach((source, file) => {
    $("source").append(make("h2", {}, source.name));
    const list = make("ol", { "aria-label": "Lines of " + source.name });
    for (const [number, text] of source.lines) {
      const place = file + ":" + number;
      const item = make("li", { "data-place": place }, make("span", { class: "number", "aria-hidden": "true" }, number ? String(number) : ""));
      const found = atLine.get(place);
      if (found) {
        const count = found.length + (found.length === 1 ? " node" : " nodes");
        const button = make("button", { type: "button", "aria-label": `Line ${number}, ${count}: ${text.trim()}`, "aria-pressed": "false" }, text);
        button.addEventListener("click", () => chooseLine(place));
        item.append(button);
      } else item.append(make("span", { class: "text" }, text || " "));
      list.append(item);
    }
    $("source").append(list);
  });
  if (!data.sources.length) $("source").append(make("p", {}, "The source of this function is not in a file."));

  // -- nodes ----------------------------------------------------------------------------------------
  keys.forEach((key, i) => {
    const g = node(key);
    g.setAttribute("tabindex", i ? "-1" : "0");
    g.setAttribute("role", "button");
    g.addEventListener("click", () => choose(key));
    g.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (event.key === "Enter" || event.key === " ") choose(key);
      else if (move) {
        const other = keys[Math.min(Math.max(i + move, 0), keys.length - 1)];
        for (const k of keys) node(k).setAttribute("tabindex", k === other ? "0" : "-1");
        node(other).focus();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });
  const into = new Map(); // key -> edges that end there
  document.querySelectorAll("#canvas g.e").forEach((g) => {
    const target = g.getAttribute("data-target");
    if (!into.has(target)) into.set(target, []);
    into.get(target).push(g);
  });

  function reveal(box, element) {
    const a = box.getBoundingClientRect();
    const b = element.getBoundingClientRect();
    if (b.top < a.top || b.bottom > a.bottom) box.scrollTop += b.top - a.top - (a.height - b.height) / 2;
    if (b.left < a.left || b.right > a.right) box.scrollLeft += b.left - a.left - (a.width - b.width) / 2;
  }

  function light(places, chosen) {
    document.querySelectorAll("#source li").forEach((item) => {
      const on = places.includes(item.dataset.place);
      item.classList.toggle("lit", on);
      const button = item.querySelector("button");
      if (button) button.setAttribute("aria-pressed", String(on));
    });
    for (const key of keys) node(key).classList.toggle("lit", chosen.includes(key));
  }

  function chooseLine(place) {
    const found = atLine.get(place) || [];
    selected = found[0] || null;
    light([place], found);
    if (selected) {
      reveal($("canvas"), node(selected));
      describe(selected);
    }
  }

  function choose(key) {
    selected = key;
    const places = data.nodes[key].lines.map(([file, line]) => file + ":" + line);
    light(places, [key]);
    const item = document.querySelector("#source li.lit");
    if (item) reveal($("source"), item.firstChild);
    describe(key);
    show("node");
  }

  function describe(key) {
    const n = data.nodes[key];
    const panel = $("panel-node");
    const rows = make("tbody");
    const row = (name, text) => rows.append(make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "mono" }, text)));
    row("formula", n.label);
    for (const [what, role] of Object.entries(roles)) {
      const text = state(key)[what];
      if (text) row(what, text);
    }
    if (n.type) row("type", n.type);
    if (n.value) row("in full", n.value);
    for (const [other, slope] of n.reads) row("reads", data.nodes[other].label + (slope ? ", partial derivative " + slope : ""));
    if (n.lines.length) row(n.lines.length > 1 ? "lines" : "line", n.lines.map(([f, l]) => data.sources[f].name + ":" + l).join(", "));
    panel.replaceChildren(make("table", {}, make("caption", { class: "visually-hidden" }, "The node " + n.label), rows));
  }

  // -- steps ------------------------------------------------------------------------------------------
  let states = {};
  const state = (key) => states[key] || {};

  function go(to) {
    position = Math.min(Math.max(to, 0), events.length - 1);
    states = {};
    for (let i = 0; i <= position; i++)
      for (const [key, what, text] of events[i][3]) (states[key] = states[key] || {})[what] = text;
    const [pass, key, text, filled] = events[position];
    for (const k of keys) {
      const g = node(k);
      for (const [what, role] of Object.entries(roles)) {
        const element = g.querySelector("text." + role);
        if (!element) continue;
        const now = state(k)[what];
        element.classList.toggle("pending", !now);
        if (now) element.textContent = now;
      }
      g.classList.toggle("future", !state(k).value);
      g.classList.toggle("now", k === key);
      const n = data.nodes[k];
      const spoken = Object.keys(roles).map((what) => state(k)[what] && what + " " + state(k)[what]).filter(Boolean);
      g.setAttribute("aria-label", [n.label, ...spoken].join(", "));
    }
    document.querySelectorAll("#canvas g.e.now").forEach((g) => g.classList.remove("now"));
    const changed = new Set(filled.map(([k]) => k));
    for (const g of into.get(key) || []) if (pass !== "reverse" || changed.has(g.getAttribute("data-source"))) g.classList.add("now");
    $("said").textContent = `${words[pass]}, ${position + 1} of ${events.length}: ${text}`;
    $("position").value = String(position);
    $("position").setAttribute("aria-valuetext", `${words[pass]}: ${text}`);
    for (const name of passes) {
      if (name === pass) $("pass-" + name).setAttribute("aria-current", "step");
      else $("pass-" + name).removeAttribute("aria-current");
    }
    const places = data.nodes[key].lines.map(([file, line]) => file + ":" + line);
    light(places, []);
    const item = document.querySelector("#source li.lit");
    if (item) reveal($("source"), item.firstChild);
    reveal($("canvas"), node(key));
    describe(key);
    document.querySelectorAll("#panel-trace li").forEach((li, i) => {
      if (i === position) {
        li.setAttribute("aria-current", "step");
        if (!$("panel-trace").hidden) reveal($("panel-trace"), li);
      } else li.removeAttribute("aria-current");
    });
  }

  const starts = passes.map((name) => events.findIndex((event) => event[0] === name));
  passes.forEach((name, i) => {
    const button = $("pass-" + name);
    const count = events.filter((event) => event[0] === name).length;
    button.style.flexGrow = String(Math.max(count, events.length / 12));
    if (starts[i] < 0) button.hidden = true;
    button.setAttribute("aria-label", `${words[name]}, ${count} steps`);
    button.addEventListener("click", () => go(starts[i]));
  });

  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => (position < events.length - 1 ? go(position + 1) : play(false)), 700) : null;
    $("play").setAttribute("aria-pressed", String(on));
    $("play").setAttribute("aria-label", on ? "Pause" : "Play");
    $("play").textContent = on ? "❚❚" : "▶";
  }

  $("position").max = String(events.length - 1);
  $("position").addEventListener("input", (event) => go(Number(event.target.value)));
  $("back").addEventListener("click", () => go(position - 1));
  $("next").addEventListener("click", () => go(position + 1));
  $("play").addEventListener("click", () => {
    if (timer === null && position === events.length - 1) go(0);
    play(timer === null);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.target;
    if (on.matches("select, [role=tab], [role=tabpanel], #canvas, #source")) return;
    const key = event.key;
    const button = on.matches("button");
    if (key === "ArrowRight" && on !== $("position")) go(position + 1);
    else if (key === "ArrowLeft" && on !== $("position")) go(position - 1);
    else if (key === "Home") go(0);
    else if (key === "End") go(events.length - 1);
    else if (key === " " && !button) play(timer === null);
    else if ("ftr".includes(key) && key.length === 1 && starts["ftr".indexOf(key)] >= 0) go(starts["ftr".indexOf(key)]);
    else return;
    event.preventDefault();
  });

  // -- size -------------------------------------------------------------------------------------------
  const svg = document.querySelector("#canvas svg");
  const size = [Number(svg.getAttribute("width")), Number(svg.getAttribute("height"))];
  let scale = 1;
  function zoom(to) {
    scale = Math.min(Math.max(to, 0.2), 3);
    svg.setAttribute("width", String(size[0] * scale));
    svg.setAttribute("height", String(size[1] * scale));
  }
  const fitting = () => Math.min(1, ($("canvas").clientWidth - 2) / size[0]);
  $("smaller").addEventListener("click", () => zoom(scale / 1.25));
  $("larger").addEventListener("click", () => zoom(scale * 1.25));
  $("fit").addEventListener("click", () => zoom(fitting()));

  // -- tabs -------------------------------------------------------------------------------------------
  const tabs = [...document.querySelectorAll("[role=tab]")];
  function show(name, focus) {
    for (const tab of tabs) {
      const on = tab.id === "tab-" + name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = !on;
      if (on && focus) tab.focus();
    }
  }
  tabs.forEach((tab, i) => {
    const name = (j) => tabs[(j + tabs.length) % tabs.length].id.slice(4);
    tab.addEventListener("click", () => show(name(i)));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      show(name(to), true);
      event.preventDefault();
      event.stopPropagation();
    });
  });

  const list = make("ol", { start: "1" });
  events.forEach(([pass, , text], i) => {
    const button = make("button", { type: "button" }, text);
    button.style.color = `var(--c-${pass})`;
    button.addEventListener("click", () => go(i));
    list.append(make("li", {}, button));
  });
  $("panel-trace").append(list);

  const kept = data.residuals;
  const bytes = (n) => (n < 1000 ? n + " B" : n < 1e6 ? (n / 1e3).toFixed(1) + " kB" : (n / 1e6).toFixed(1) + " MB");
  const body = make("tbody");
  for (const r of kept.rows)
    body.append(
      make("tr", {}, ...[r.name, r.of, r.line, r.type, r.value].map((text) => make("td", { class: "mono" }, text)), make("td", { class: "amount" }, r.bytes ? bytes(r.bytes) : "—"))
    );
  const head = make("tr", {}, ...["value", "of", "line", "type", "is", "bytes"].map((text) => make("th", { scope: "col" }, text)));
  $("panel-residuals").append(
    make("p", {}, `Between the forward and the reverse pass the program keeps ${bytes(kept.total)} besides its inputs.`),
    make("table", {}, make("caption", { class: "visually-hidden" }, "Values kept for the reverse pass"), make("thead", {}, head), body),
    make("h2", {}, "The program that computes and returns them"),
    make("pre", {}, kept.program)
  );

  const choice = make("select", { id: "stage" });
  data.stages.forEach(([name, text], i) => choice.append(make("option", { value: String(i) }, `${name} (${text.split("\n").length} lines)`)));
  const text = make("pre", { id: "stage-text" });
  choice.addEventListener("change", () => (text.textContent = data.stages[Number(choice.value)][1]));
  text.textContent = data.stages[0][1];
  $("panel-compiler").append(make("label", { for: "stage" }, "Stage "), choice, text);

  zoom(Math.max(fitting(), 0.65)); // text stays readable
  go(0);
})();
