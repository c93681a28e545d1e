// One batch: how far it is, its commonest codes, its failures, and its charts with what was reviewed.

import { ask, batch, complain, find, make, moment, number, pages, Refused, say } from "./common.js";
import { csv, save } from "./exporting.js";

const here = ["batches", batch];
const SHOWN_CODES = 12;
const SHOWN_FAILURES = 50;
const LOOK_SECONDS = 5; // between looks at a batch that is not done
const AT_ONCE = 6; // results fetched at the same time for an export

let charts = [];
let token = null;
let shown = "all";
const SHOWS = {
  all: () => true,
  open: ({ state, decisions }) => state === "coded" && !decisions,
  reviewed: ({ decisions }) => decisions > 0,
  failed: ({ state }) => state === "failed",
};

const nameOf = ({ id }) => id.slice(batch.length + 1);

// ── progress ──

function showProgress(progress) {
  const parts = [["coded", "Coded"], ["failed", "Failed"], ["waiting", "Waiting"]];
  const share = (name) => (progress.submitted ? (100 * progress[name]) / progress.submitted : 0);
  const bar = vector("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img", "aria-label":
    parts.map(([name, label]) => `${label}: ${number(progress[name])}`).join(", ") });
  let at = 0;
  for (const [name] of parts) {
    bar.append(vector("rect", { x: at, width: share(name), height: 4, class: `part-${name}` }));
    at += share(name);
  }
  find("#progress").replaceChildren(bar);
  const submitted = `${progress.submitted_is_exact ? "" : "more than "}${number(progress.submitted)}`;
  find("#counts").replaceChildren(
    make("div", {}, make("dt", {}, "Submitted"), make("dd", {}, submitted)),
    ...parts.map(([name, label]) => make("div", { class: `key-${name}` }, make("dt", {}, label), make("dd", {}, number(progress[name])))));
  find("#ends").textContent = progress.done ? "Every chart ended."
    : progress.expected_end ? `Expected to end ${moment(progress.expected_end)}.` : "";
}

function vector(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Looks again until the batch is done; what charts ended meanwhile is told, not moved under the reader's eyes. */
async function watch() {
  const { value } = await ask(here);
  showProgress(value);
  if (!value.done) setTimeout(() => watch().catch(tell), LOOK_SECONDS * 1000);
}

// ── codes ──

async function showCodes() {
  const counts = new Map();
  let counted = 0;
  for await (const page of pages([...here, "codes"])) {
    counted += page.charts;
    for (const { code, charts: bills } of page.codes) counts.set(code, (counts.get(code) ?? 0) + bills);
    drawCodes(counts, counted);
  }
  drawCodes(counts, counted);
  for (const row of find("#codes tbody").rows) describe(row);
}

function drawCodes(counts, counted) {
  const commonest = [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)).slice(0, SHOWN_CODES);
  const most = commonest[0]?.[1] ?? 1;
  find("#codes tbody").replaceChildren(...commonest.map(([code, bills]) => {
    const bar = vector("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(vector("rect", { width: (100 * bills) / most, height: 10 }));
    return make("tr", { "data-code": code },
      make("th", { scope: "row" }, make("span", { class: "code" }, code), make("span", { class: "description" })),
      make("td", {}, bar, make("span", { class: "bills" }, number(bills))));
  }));
  const kinds = counts.size === 1 ? "1 code" : `${number(counts.size)} codes`;
  find("#codes-said").textContent = counted ? `${kinds} in ${number(counted)} ${counted === 1 ? "chart" : "charts"}` : "No chart is coded yet.";
}

/** A code's words, which are a convenience: without them the code stands for itself. */
async function describe(row) {
  try {
    const { value } = await ask(["codes", row.dataset.code]);
    find(".description", row).textContent = value.description;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

// ── charts ──

async function loadMore() {
  const { value } = await ask([...here, "charts"], { query: { next_token: token } });
  charts = [...charts, ...value.charts];
  token = value.next_token;
  showCharts();
}

function showCharts() {
  const rows = charts.filter(SHOWS[shown]);
  find("#rows").replaceChildren(...(rows.length ? rows.map(row) : [make("tr", {}, make("td", { colspan: 4, class: "none" }, "None."))]));
  find("#more").hidden = token === null;
  const reviewed = charts.filter(SHOWS.reviewed).length;
  const coded = charts.filter(({ state }) => state === "coded").length;
  find("#decided").textContent = coded ? `${number(reviewed)} of ${number(coded)}${token ? "+" : ""} reviewed` : "";
  find("#decided").classList.toggle("all", coded > 0 && reviewed === coded && token === null);
  showFailures(charts.filter(SHOWS.failed));
}

function row(chart) {
  const name = nameOf(chart);
  const review = new URL(`charts/${encodeURIComponent(name)}/review`, location.href);
  const failed = chart.state === "failed";
  return make("tr", { class: chart.state },
    make("th", { scope: "row" }, make("a", { href: review.href }, name)),
    make("td", {}, failed ? make("span", { class: "bad" }, `failed: ${chart.reason}`) : codesOf(chart)),
    make("td", { class: "when" }, moment(chart.at)),
    make("td", { class: "reviewed" }, failed ? "–" : chart.decisions
      ? make("span", { class: "good" }, `✓ ${chart.decisions === 1 ? "1 decision" : `${chart.decisions} decisions`}`) : "to review"));
}

const codesOf = ({ codes }) => codes?.length ? codes.flatMap((code) => [make("span", { class: "code" }, code), " "]) : "none";

function showFailures(failed) {
  find("#failures-panel").hidden = failed.length === 0;
  find("#failures").replaceChildren(...failed.slice(0, SHOWN_FAILURES).map((chart) => make("li", {},
    make("strong", {}, nameOf(chart)), " ", make("span", { class: "bad" }, chart.reason), make("span", { class: "hint" }, ` ${chart.message}`))));
}

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    shown = button.dataset.show;
    for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === button));
    showCharts();
    say(`${find("#rows").rows.length} charts shown`);
  });
}
find("#more").addEventListener("click", () => loadMore().catch(tell));

// ── export ──

async function every() {
  while (token !== null) await loadMore();
  return charts;
}

async function exportCsv() {
  const rows = (await every()).flatMap((chart) => (chart.codes?.length ? chart.codes : [""]).map((code, index) =>
    [chart.id, chart.state, code && index + 1, code, chart.decisions ?? 0, chart.reason ?? ""]));
  save(`${batch}.csv`, "text/csv", [csv(["chart", "state", "rank", "code", "decisions", "reason"]), ...rows.map(csv)]);
}

async function exportLines() {
  const all = await every();
  const lines = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE).map((chart) => ask([...here, "charts", nameOf(chart)]));
    lines.push(...(await Promise.all(some)).map(({ value }) => `${JSON.stringify(value)}\n`));
    say(`${lines.length} of ${all.length} results`);
  }
  save(`${batch}.jsonl`, "application/x-ndjson", lines);
}

for (const [id, act] of [["#export-csv", exportCsv], ["#export-jsonl", exportLines]]) {
  find(id).addEventListener("click", async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      tell(error);
    } finally {
      button.disabled = false;
    }
  });
}

function tell(error) {
  if (!(error instanceof Refused)) throw error;
  complain(error.message);
}

document.title = `${batch} · chartcoder`;
find("#batch-id").textContent = batch;
try {
  await Promise.all([watch(), showCodes(), loadMore()]);
} catch (error) {
  tell(error);
} finally {
  document.body.dataset.ready = "";
}
