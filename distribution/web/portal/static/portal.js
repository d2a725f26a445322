// Improvements only: every page works without this file.
"use strict";
document.documentElement.classList.add("scripted");

// Rows open and close in place; without script the same buttons ask the server.
document.addEventListener("click", (event) => {
  const arrow = event.target.closest("td.arrow button");
  const all = event.target.closest("a.fold, a.unfold");
  if (arrow) {
    event.preventDefault();
    set(arrow, arrow.getAttribute("aria-expanded") !== "true");
  } else if (all && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const open = all.classList.contains("unfold");
    document.querySelectorAll("td.arrow button").forEach((each) => set(each, open));
    all.className = open ? "fold" : "unfold";
    all.textContent = open ? "Collapse all rows" : "Expand all rows";
  }
});

function set(arrow, open) {
  arrow.setAttribute("aria-expanded", String(open));
  document.getElementById(arrow.getAttribute("aria-controls")).hidden = !open;
  arrow.closest("tbody").classList.toggle("open", open);
}

// A choice by pointer is taken at once; the keyboard steps through the list and then uses the button.
let byKeyboard = false;
document.addEventListener("keydown", () => { byKeyboard = true; }, true);
document.addEventListener("pointerdown", () => { byKeyboard = false; }, true);
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.switch");
  if (form && !byKeyboard) form.requestSubmit();
});

// After another page of the table the reader goes on at its beginning, with the keyboard too.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "scores") document.getElementById("scores").focus({preventScroll: true});
});

// What cannot stand in the table's place, an error or a lost line, is opened as a page, as it is without script.
for (const trouble of ["htmx:responseError", "htmx:sendError"]) {
  document.addEventListener(trouble, (event) => {
    location.assign(event.detail.xhr.responseURL || event.detail.pathInfo.finalRequestPath);
  });
}
