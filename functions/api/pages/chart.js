// One chart: its text, the codes to bill, and what a reviewer decides.

import { ask, batch, chart, closable, complain, find, make, moment, number, Refused, say, who } from "./common.js";
import { keep, latest, unsaved } from "./deciding.js";
import { bindKeys } from "./keys.js";
import { ASSERTIONS, showText } from "./text.js";

const here = ["batches", batch, "charts", chart];
const STATES = { open: "to review", accept: "✓ accepted", reject: "✕ rejected", add: "+ added" };
const VERDICTS = { accept: "accepted", reject: "rejected", add: "added" };

let coded = { codes: [], findings: [], rejected: [], given: [] };
let marks = new Map();
let decisions = [];
let tag = null;
let selected = null; // a code
let evidenceAt = -1; // which evidence of it was shown last
let pending = null; // {code, decision, why}: a decision with its form open
const inText = new Map(); // a code -> what was typed into its form

// ── what is shown ──

/** The list as it stands: what the coder bills, then what people added. */
function billed() {
  const added = new Map();
  for (const made of decisions) {
    if (made.current && made.decision === "add") added.set(made.code, made);
  }
  const own = coded.codes.map((code) => ({ ...code, added: false }));
  for (const code of own) added.delete(code.code);
  return [...own, ...[...added.values()].map((made) => (
    { code: made.code, description: made.description ?? "", evidence: evidenceOf(made.code), rules: [], hcc: null, added: true }
  ))];
}

const evidenceOf = (code) => coded.findings.flatMap((finding, index) => (finding.code === code ? [index] : []));
const stateOf = (code) => latest(decisions, code)?.decision ?? "open";

function show() {
  const codes = billed();
  if (!codes.some(({ code }) => code === selected)) selected = codes[0]?.code ?? null;
  find("#billed").replaceChildren(...(codes.length ? codes.map(card) : [
    make("li", { class: "none" }, "The coder bills no code for this chart."),
  ]));
  const decided = codes.filter(({ code }) => stateOf(code) !== "open").length;
  find("#decided").textContent = codes.length ? `${decided} of ${codes.length} decided` : "";
  find("#decided").classList.toggle("all", decided === codes.length && decided > 0);
  markEvidence();
}

function card(code, index) {
  const state = stateOf(code.code);
  const open = code.code === selected;
  const head = make("button", {
    type: "button", class: "card-head", "aria-expanded": String(open), "data-code": code.code, onclick: () => select(code.code),
  },
    make("span", { class: "rank" }, String(index + 1)),
    make("span", { class: "code" }, code.code),
    make("span", { class: "description" }, code.description,
      code.hcc && make("span", { class: "hccs" }, Object.entries(code.hcc).map(([model, categories]) =>
        make("span", { class: "hcc", title: `CMS-HCC ${model}` }, `HCC ${categories.join(", ")} · ${model}`)))),
    make("span", { class: `state ${state}` }, STATES[state]));
  return make("li", { class: `card ${state}${open ? " selected" : ""}` }, head, open && body(code));
}

function body(code) {
  const turnedDown = coded.rejected.filter(({ evidence }) => evidence.some((index) => code.evidence.includes(index)));
  const history = decisions.filter((made) => made.code === code.code);
  return make("div", { class: "card-body" },
    make("h3", {}, "Evidence"),
    code.evidence.length
      ? make("ul", { class: "quotes" }, code.evidence.map((index, place) => make("li", {}, quote(index, () => showEvidence(place)))))
      : make("p", { class: "hint" }, code.added ? "Added by a reviewer; the coder found nothing for it." : "By rule alone."),
    code.rules.length > 0 && [make("h3", {}, "Rules"), make("ul", { class: "rules" }, code.rules.map((rule) => make("li", {}, rule)))],
    turnedDown.length > 0 && [make("h3", {}, "Turned down on this evidence"), make("ul", { class: "rules" }, turnedDown.map(why))],
    history.length > 0 && [make("h3", {}, "Decisions"), make("ul", { class: "history" }, history.map(told))],
    pending?.code === code.code ? form(code.code) : actions(code));
}

/** Evidence as it stands in the text, with some words around it. */
function quote(index, onclick) {
  const finding = coded.findings[index];
  const [name, glyph] = ASSERTIONS[finding.assertion] ?? [finding.assertion, "·"];
  return make("button", { type: "button", class: "quote", onclick },
    make("span", { class: "words" }, before(index), make("mark", { class: `a-${finding.assertion}` }, finding.text), after(index)),
    make("span", { class: "where" }, `${glyph} ${name}`, finding.section ? ` · ${finding.section.replaceAll("_", " ")}` : "",
      finding.cue ? ` · “${finding.cue}”` : ""));
}

const AROUND = 36;
const flat = (words) => words.replace(/\s+/g, " ");

function before(index) {
  const words = around(marks.get(index)?.[0], "previousSibling");
  return flat(words.slice(-AROUND)).replace(/^\S*\s/, "… ");
}

function after(index) {
  const words = around(marks.get(index)?.at(-1), "nextSibling");
  return flat(words.slice(0, AROUND)).replace(/\s\S*$/, " …");
}

function around(mark, side) {
  let words = "";
  for (let node = mark?.[side]; node && words.length < AROUND; node = node[side]) {
    words = side === "nextSibling" ? words + node.textContent : node.textContent + words;
  }
  return words;
}

const why = ({ code, reason }) => make("li", {}, make("span", { class: "code" }, code), ` ${reason}`);

const told = (made) => make("li", { class: made.current ? "" : "past" },
  `${VERDICTS[made.decision]} by ${who(made.by)}, ${moment(made.at)}`,
  !made.current && " (on an earlier upload)",
  made.why && make("span", { class: "why" }, ` “${made.why}”`));

function actions(code) {
  const state = stateOf(code.code);
  const act = (label, key, verdict, onclick) => make("button", {
    type: "button", class: verdict, "aria-pressed": String(state === verdict), onclick,
  }, label, make("kbd", {}, key));
  if (code.added) {
    return make("p", { class: "actions" }, state === "add"
      ? act("Take back", "r", "reject", () => askWhy("reject"))
      : act("Add again", "a", "accept", () => decide(code.code, "add")));
  }
  return make("p", { class: "actions" },
    act("Accept", "a", "accept", () => decide(code.code, "accept")),
    act("Reject", "r", "reject", () => askWhy("reject")),
    make("button", { type: "button", class: "quiet", onclick: () => askWhy("accept") }, "Accept with a note", make("kbd", {}, "w")));
}

function form(code) {
  const verb = pending.decision === "reject" ? "Reject" : "Accept";
  const field = make("input", { id: "why", maxlength: "2000", autocomplete: "off", oninput: () => inText.set(code, field.value) });
  field.value = inText.get(code) ?? "";
  return make("form", { class: "why-form", onsubmit: (event) => {
    event.preventDefault();
    decide(code, pending.decision, field.value.trim());
  } },
    make("label", { for: "why" }, `${verb} ${code}: why? `, make("span", { class: "hint" }, "(optional)")),
    field,
    make("p", { class: "actions" },
      make("button", { type: "submit", class: pending.decision }, verb, make("kbd", {}, "Enter")),
      make("button", { type: "button", class: "quiet", onclick: cancel }, "Cancel", make("kbd", {}, "Esc"))));
}

function list(id, title, items) {
  const place = find(id);
  place.hidden = items.length === 0;
  find("summary", place).textContent = `${title} (${items.length})`;
  find("ul", place).replaceChildren(...items);
}

// ── what a reviewer does ──

function select(code, { focus = true } = {}) {
  if (pending && pending.code !== code) pending = null;
  selected = code;
  evidenceAt = -1;
  find("#finding").hidden = true;
  show();
  if (focus) find(`[data-code="${CSS.escape(code)}"]`)?.focus();
  showEvidence(0, { quietly: true });
}

export function step(by) {
  const codes = billed().map(({ code }) => code);
  if (!codes.length) return;
  const to = codes[Math.min(Math.max(codes.indexOf(selected) + by, 0), codes.length - 1)];
  select(to);
  find(`[data-code="${CSS.escape(to)}"]`).scrollIntoView({ block: "nearest" });
}

export const stepEvidence = (by) => showEvidence(evidenceAt + by);

function showEvidence(place, { quietly = false } = {}) {
  const evidence = billed().find(({ code }) => code === selected)?.evidence ?? [];
  if (!evidence.length) return;
  evidenceAt = (place + evidence.length) % evidence.length;
  const [first] = marks.get(evidence[evidenceAt]) ?? [];
  if (!first) return;
  document.querySelectorAll("mark.shown").forEach((mark) => mark.classList.remove("shown"));
  marks.get(evidence[evidenceAt]).forEach((mark) => mark.classList.add("shown"));
  if (!quietly || !narrow.matches) first.scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  if (!quietly) say(`Evidence ${evidenceAt + 1} of ${evidence.length}: ${coded.findings[evidence[evidenceAt]].text}`);
}

const narrow = matchMedia("(max-width: 56rem)"); // the panes stand one below the other: what is focused must not leave
const still = matchMedia("(prefers-reduced-motion: reduce)");

function markEvidence() {
  document.querySelectorAll("#text mark.evidence").forEach((mark) => mark.classList.remove("evidence"));
  const code = billed().find((one) => one.code === selected);
  for (const index of code?.evidence ?? []) marks.get(index)?.forEach((mark) => mark.classList.add("evidence"));
}

/** A click on the text: the code that it is evidence of, or what became of it. */
function touch(event) {
  const mark = event.target.closest?.("mark[data-findings]");
  if (!mark) return;
  const indexes = mark.dataset.findings.split(" ").map(Number);
  const code = billed().find(({ evidence }) => indexes.some((index) => evidence.includes(index)));
  if (code) select(code.code, { focus: false });
  const place = find("#finding");
  place.hidden = false;
  place.replaceChildren(make("h3", {}, "In the text"), ...indexes.map(fate));
  place.scrollIntoView({ block: "nearest" });
}

function fate(index) {
  const { code, description } = coded.findings[index];
  const bills = coded.codes.filter(({ evidence }) => evidence.includes(index)).map((one) => `billed as ${one.code}`);
  const reasons = coded.rejected.filter(({ evidence }) => evidence.includes(index)).map((one) => `${one.code}: ${one.reason}`);
  return make("div", {}, quote(index, () => marks.get(index)[0]?.scrollIntoView({ block: "center" })),
    code && make("p", {}, make("span", { class: "code" }, code), ` ${description ?? ""}`),
    ...[...bills, ...reasons].map((line) => make("p", { class: "hint" }, line)));
}

export function askWhy(decision) {
  const code = billed().find((one) => one.code === selected);
  if (!code || (code.added && (decision !== "reject" || stateOf(code.code) !== "add"))) return;
  pending = { code: code.code, decision };
  show();
  find("#why").focus();
}

export function cancel() {
  const { code } = pending ?? {};
  if (!code) return;
  pending = null;
  inText.delete(code);
  select(code);
}

export const acceptSelected = () => {
  const code = billed().find((one) => one.code === selected);
  if (!code) return;
  if (!code.added) decide(code.code, "accept");
  else if (stateOf(code.code) === "reject") decide(code.code, "add");
};

/** Keeps a decision; what was typed stays until it is kept. */
async function decide(code, decision, note = "") {
  const body = note ? { code, decision, why: note } : { code, decision };
  try {
    const kept = await keep(here, body, tag);
    decisions = [...decisions, kept.value];
    tag = kept.tag;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    await refused(error, code, decision, note);
    return false;
  }
  inText.delete(code);
  pending = null;
  complain("");
  const next = decision === "add" ? code : nextOpen(code);
  select(next ?? code);
  say(`${code} ${VERDICTS[decision]}. ${next === null ? "Every code is decided." : ""}`);
  return true;
}

/** The decision was not kept: what others decided is shown, and this one waits to be made again. */
async function refused(error, code, decision, note) {
  if (note) inText.set(code, note);
  if (decision !== "add") pending = { code, decision };
  if (error.status === 412) {
    const known = decisions.length;
    await loadDecisions();
    const theirs = decisions.slice(known).map((made) => `${who(made.by)} ${VERDICTS[made.decision]} ${made.code}`).join("; ");
    complain(`Not saved: ${theirs || "the chart was coded anew"} meanwhile. Look at it as it is now, and decide again.`);
  } else {
    complain(`Not saved: ${error.message} What you decided is still here; try again.`);
  }
  show();
  find("#why")?.focus();
}

function nextOpen(after) {
  const codes = billed().map(({ code }) => code);
  const at = codes.indexOf(after);
  return [...codes.slice(at + 1), ...codes.slice(0, at)].find((code) => stateOf(code) === "open") ?? null;
}

// ── adding a code ──

const adding = closable(find("#add"));
const codeField = find("#add-code");
let asked = 0; // only the last look-up's answer is shown

export function openAdd() {
  find("#add-form").reset();
  find("#add-said").textContent = "As the release has it, for example E11.9.";
  adding.showModal();
  codeField.focus();
}

const typed = () => codeField.value.trim().toUpperCase().replace(/^([A-Z][0-9A-Z]{2})([0-9A-Z]{1,4})$/, "$1.$2");

/** What the release says of the code that is typed; null where it cannot be billed. */
async function lookUp() {
  const mine = ++asked;
  const code = typed();
  const tell = (words, good) => {
    if (mine !== asked) return;
    find("#add-said").textContent = words;
    find("#add-said").className = good === undefined ? "hint" : good ? "hint good" : "hint bad";
  };
  if (!/^[A-Z][0-9A-Z]{2}(\.[0-9A-Z]{1,4})?$/.test(code)) {
    tell("Expected a code such as E11.9.", false);
    return null;
  }
  if (billed().some((one) => one.code === code)) {
    tell(`${code} is in the list already.`, false);
    return null;
  }
  tell("Looking it up …");
  try {
    const { value } = await ask(["codes", code]);
    tell(value.billable ? value.description : `${value.description}: divided further, so it cannot be billed.`, value.billable);
    return value.billable ? code : null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    tell(error.status === 404 ? `${code} is not in the release.` : error.message, false);
    return null;
  }
}

let pause = 0;
codeField.addEventListener("input", () => {
  clearTimeout(pause);
  pause = setTimeout(() => typed().length >= 3 && lookUp(), 250);
});
find("#add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(pause);
  const code = await lookUp();
  if (code && (await decide(code, "add", find("#add-why").value.trim()))) adding.close();
  else if (code) find("#add-said").textContent = find("#problem").textContent;
});

// ── from the API to the page ──

async function loadDecisions() {
  const answer = await ask([...here, "decisions"]);
  decisions = answer.value.decisions;
  tag = answer.tag;
}

async function load() {
  document.title = `${batch}/${chart} · chartcoder`;
  find("#batch-link").textContent = batch;
  find("#chart-id").textContent = chart;
  ({ value: coded } = await ask(here));
  if (coded.state !== "coded") {
    complain(coded.state === "failed" ? `This chart failed (${coded.reason}): ${coded.message}` : "This chart waits to be coded.");
    return;
  }
  const [read] = await Promise.all([ask([...here, "text"]), loadDecisions()]);
  find("#about").textContent = [coded.about?.setting, coded.about?.kind, coded.about?.format, `release ${coded.release}`]
    .filter(Boolean).join(" · ");
  marks = showText(find("#text"), read.value.text, coded.findings);
  showLegend();
  list("#rejected", "Not billed", coded.rejected.map(why));
  list("#given", "Codes the document brought along", (coded.given ?? []).map(({ system, code, display }) =>
    make("li", {}, make("span", { class: "code" }, code), ` ${display ?? ""} `, make("span", { class: "hint" }, system))));
  const seen = new Set([...coded.rejected, ...coded.findings].map(({ code }) => code).filter(Boolean));
  coded.codes.forEach(({ code }) => seen.delete(code));
  find("#seen").replaceChildren(...[...seen].sort().map((code) => make("option", { value: code })));
  show();
}

function showLegend() {
  const counts = new Map();
  for (const { assertion } of coded.findings) counts.set(assertion, (counts.get(assertion) ?? 0) + 1);
  find("#legend").replaceChildren(...[...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) =>
    make("li", {}, make("mark", { class: `a-${kind}` }, `${ASSERTIONS[kind]?.[1] ?? ""} ${ASSERTIONS[kind]?.[0] ?? kind}`),
      make("span", { class: "count" }, number(count)))));
}

find("#text").addEventListener("click", touch);
find("#add-button").addEventListener("click", openAdd);
const help = closable(find("#help"));
find("#help-button").addEventListener("click", () => help.showModal());
bindKeys({
  j: () => step(1), k: () => step(-1), n: () => stepEvidence(1), p: () => stepEvidence(-1), a: acceptSelected,
  r: () => askWhy("reject"), w: () => askWhy("accept"), "+": openAdd, b: () => find("#batch-link").click(),
  "?": () => help.showModal(),
}, cancel);
addEventListener("beforeunload", (event) => {
  if (unsaved() || [...inText.values()].some((words) => words.trim())) event.preventDefault();
});

try {
  await load();
} catch (error) {
  complain(error instanceof Refused ? error.message : "This page failed to show the chart.");
  if (!(error instanceof Refused)) throw error;
} finally {
  document.body.dataset.ready = "";
}
