// Keeping decisions: each on what was seen.

import { ask } from "./common.js";

let underWay = 0;

/** Whether a decision is on its way. */
export const unsaved = () => underWay > 0;

/** Sends one decision on the version `tag` of the chart's. Gives it as it was kept, and the version that it made. */
export async function keep(chart, body, tag) {
  underWay += 1;
  try {
    return await ask([...chart, "decisions"], { method: "POST", body, headers: { "If-Match": tag ?? "" } });
  } finally {
    underWay -= 1;
  }
}

/** The decision that holds on a code: the last one on what is billed now. */
export const latest = (decisions, code) => decisions.filter((made) => made.code === code && made.current).at(-1);
