"use strict";
// The switch between light and dark, and tables that are sorted by a click on a column's name.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "light" : "dark"; button.setAttribute("aria-label", `switch to ${button.textContent} colours`); };
  // A browser may refuse to remember anything for a page that was opened from a file.
  try { const kept = localStorage.getItem("stroke_tf-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch { /* not remembered */ }
  button.hidden = false;
  name();
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("stroke_tf-theme", root.dataset.theme); } catch { /* not remembered */ }
    name();
  });

  const value = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    return cell.textContent.trim();
  };
  const compare = (one, other) => {
    const missing = (v) => v === "" || v === "-" || Number.isNaN(v);
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    if (typeof one === "number" && typeof other === "number") return one - other;
    return String(one).localeCompare(String(other), "en", { numeric: true });
  };
  for (const head of document.querySelectorAll("thead th button")) {
    head.addEventListener("click", () => {
      const th = head.parentElement;
      const body = th.closest("table").tBodies[0];
      // Numbers are asked for their largest first, names for their first.
      const numbers = th.classList.contains("r");
      const order = { none: numbers ? "descending" : "ascending", ascending: "descending", descending: "ascending" }[th.getAttribute("aria-sort")];
      for (const other of th.parentElement.cells) other.setAttribute("aria-sort", "none");
      th.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [value(row, th.cellIndex), row]);
      const empty = (v) => v === "" || v === "-";
      rows.sort(([a], [b]) => (empty(a) || empty(b) ? compare(a, b) : sign * compare(a, b)));
      body.append(...rows.map(([, row]) => row));
    });
  }

  // What is folded away on the screen is printed.
  const opened = [];
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("main details:not([open])")) { each.open = true; opened.push(each); }
  });
  addEventListener("afterprint", () => { for (const each of opened.splice(0)) each.open = false; });
})();
