// The chart's text with its findings marked.

import { make } from "./common.js";

export const ASSERTIONS = {
  present: ["present", "●"],
  negated: ["negated", "⊘"],
  possible: ["possible", "?"],
  historical: ["historical", "↺"],
  family: ["family", "⚭"],
  hypothetical: ["hypothetical", "◇"],
  other_person: ["other person", "⇄"],
};

const BLOCK = 12_000; // UTF-16 units
const LONG = 20 * BLOCK; // from here on, blocks off the screen are not laid out: five megabytes scroll as one page

/** Offsets in UTF-16 units, which JavaScript counts in, of offsets in code points, which the API counts in. */
export function unitOffsets(text, points) {
  const units = new Map();
  let point = 0;
  let unit = 0;
  for (const wanted of [...new Set(points)].sort((a, b) => a - b)) {
    while (point < wanted && unit < text.length) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
      point += 1;
    }
    units.set(wanted, unit);
  }
  return units;
}

/** The stretches of text that the same findings cover, in order: overlapping findings share stretches. */
export function stretches(text, findings) {
  const units = unitOffsets(text, findings.flatMap(({ start, end }) => [start, end]));
  const edges = new Map();
  const edge = (place) => edges.get(place) ?? edges.set(place, { opens: [], closes: [] }).get(place);
  findings.forEach(({ start, end }, index) => {
    if (end <= start) return;
    edge(units.get(start)).opens.push(index);
    edge(units.get(end)).closes.push(index);
  });
  const found = [];
  const open = new Set();
  let before = 0;
  for (const place of [...edges.keys()].sort((a, b) => a - b)) {
    if (open.size && place > before) found.push({ start: before, end: place, findings: [...open] });
    const { opens, closes } = edges.get(place);
    closes.forEach((index) => open.delete(index));
    opens.forEach((index) => open.add(index));
    before = place;
  }
  return found;
}

/** Shows the text within `place`. Gives, for each finding's index, the marks that show it. */
export function showText(place, text, findings) {
  const marks = new Map(findings.map((_, index) => [index, []]));
  const all = stretches(text, findings);
  let next = 0;
  const blocks = document.createDocumentFragment();
  place.classList.toggle("long", text.length > LONG);
  for (const [start, end] of blocksOf(text)) {
    const block = make("div", { class: "block" });
    let at = start;
    while (next < all.length && all[next].start < end) {
      const stretch = all[next];
      const from = Math.max(stretch.start, start);
      const to = Math.min(stretch.end, end);
      if (from > at) block.append(text.slice(at, from));
      const mark = markOf(text.slice(from, to), stretch, findings);
      stretch.findings.forEach((index) => marks.get(index).push(mark));
      block.append(mark);
      at = to;
      if (stretch.end > end) break;
      next += 1;
    }
    if (at < end) block.append(text.slice(at, end));
    blocks.append(block);
  }
  place.replaceChildren(blocks);
  return marks;
}

function markOf(words, { findings: indexes }, findings) {
  const shortest = indexes.reduce((best, index) => (length(findings[index]) < length(findings[best]) ? index : best));
  const kinds = [...new Set(indexes.map((index) => findings[index].assertion))];
  const names = kinds.map((kind) => ASSERTIONS[kind]?.[0] ?? kind).join(", ");
  const mark = make("mark", { class: `a-${findings[shortest].assertion}`, title: names, "data-findings": indexes.join(" ") }, words);
  if (indexes.length > 1) mark.classList.add("several");
  return mark;
}

const length = ({ start, end }) => end - start;

/** [start, end) of blocks that end after a line where there is one, and never within a character. */
function* blocksOf(text) {
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + BLOCK, text.length);
    if (end < text.length) {
      const line = text.lastIndexOf("\n", end);
      if (line > start) end = line + 1;
      else if (text.codePointAt(end - 1) > 0xffff) end += 1;
    }
    yield [start, end];
    start = end;
  }
}
