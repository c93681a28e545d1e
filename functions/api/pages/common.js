// What both pages share: elements made without markup, and questions to the API the page came from.

export const root = new URL(document.documentElement.dataset.root, location.href);
const [, batchPart, chartPart] = /\/batches\/([^/]+)(?:\/charts\/([^/]+))?\/review$/.exec(location.pathname) ?? [];
export const batch = decodeURIComponent(batchPart ?? "");
export const chart = decodeURIComponent(chartPart ?? "");

/** An element. Text only ever becomes a text node: nothing that a chart, an id or a code holds is read as markup. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const find = (selector, within = document) => within.querySelector(selector);

/** What the API refused, in its own words; `status` is 0 where it could not be reached. */
export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Asks the API: `ask(["batches", id])`. Gives the JSON and its ETag. Raises Refused. */
export async function ask(parts, { method = "GET", query = {}, body, headers = {} } = {}) {
  const address = new URL(parts.map(encodeURIComponent).join("/"), root);
  for (const [name, value] of Object.entries(query)) if (value) address.searchParams.set(name, value);
  const options = { method, cache: "no-store", credentials: "same-origin", headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await reach(address, options);
  const said = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, said?.detail ?? `The API answered ${answer.status}.`);
  if (said === null) throw new Refused(answer.status, "The API's answer did not arrive whole.");
  return { value: said, tag: answer.headers.get("ETag") };
}

/** What was only asked for is asked for again, once, where the network broke off (a changed one does so at once). */
async function reach(address, options, again = options.method === "GET") {
  try {
    return await fetch(address, options);
  } catch {
    if (again) return reach(address, options, false);
    throw new Refused(0, "The API cannot be reached.");
  }
}

/** Every page of a list, as they come. */
export async function* pages(parts) {
  let token = null;
  do {
    const { value } = await ask(parts, { query: { next_token: token } });
    yield value;
    token = value.next_token;
  } while (token);
}

export const number = (value) => value.toLocaleString("en-US");

export function moment(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return value;
  return date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** The last part of an IAM identity or a user's name as it is. */
export const who = (caller) => caller.split("/").at(-1);

export function say(words) {
  find("#said").textContent = words;
}

export function complain(words) {
  const place = find("#problem");
  place.textContent = words;
  place.hidden = !words;
}

/** Dialogs close by their buttons marked data-close, too. */
export function closable(dialog) {
  for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
  return dialog;
}
