// Single keys that act, except where one types; they can be turned off (WCAG 2.1.4).

import { find } from "./common.js";

const SETTING = "chartcoder.single-keys";
const TYPED_IN = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export function bindKeys(acts, escape) {
  const box = find("#single-keys");
  box.checked = localStorage.getItem(SETTING) !== "off";
  box.addEventListener("change", () => localStorage.setItem(SETTING, box.checked ? "on" : "off"));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
    if (event.key === "Escape") escape();
    else if (box.checked && !event.target.closest?.(TYPED_IN) && Object.hasOwn(acts, event.key)) {
      event.preventDefault();
      if (!event.repeat || "jknp".includes(event.key)) acts[event.key]();
    }
  });
}
