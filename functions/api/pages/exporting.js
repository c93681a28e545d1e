// Files that the page makes of what it has: nothing more is asked for, and nothing is kept on the way.

import { make } from "./common.js";

/** A line of CSV. A cell that a spreadsheet would take for a formula is marked as text. */
export function csv(cells) {
  return `${cells.map((cell) => {
    const words = String(cell);
    const inert = /^[=+\-@\t\r]/.test(words) ? `'${words}` : words;
    return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  }).join(",")}\r\n`;
}

export function save(name, type, parts) {
  const address = URL.createObjectURL(new Blob(parts, { type: `${type};charset=utf-8` }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
