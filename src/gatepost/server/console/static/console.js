// What a page gains with JavaScript.  Everything here also works without it, by another page or by hand.
"use strict";

// A link to a form opens it as a dialog where the page has one for it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dialog]");
  const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const dialog = link && plain && document.getElementById(link.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    dialog.showModal();
    dialog.querySelector("input:not([type=hidden])")?.focus();
  }
  event.target.closest("[data-close]")?.closest("dialog")?.close();
});

// The secret of a new token goes to the clipboard.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const said = button.querySelector("[aria-live]");
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    said.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    said.textContent = "Selected: copy it with the keyboard";
  }
});
for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;

// Whoever has chosen already keeps the choice while a slower search replaces the list around it.
let chosen = "";
document.addEventListener("change", (event) => {
  if (event.target.name === "subject") chosen = event.target.value;
});
document.addEventListener("htmx:after:swap", () => {
  for (const radio of document.querySelectorAll("#subjects input[name=subject]")) radio.checked = radio.value === chosen;
});

// A second press while the first is on its way would do it twice: two tokens, one of which nobody gets to see.
const UNANSWERED = 10_000; // milliseconds, after which it may be tried again
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) event.preventDefault();
  form.dataset.sent = "";
  setTimeout(() => delete form.dataset.sent, UNANSWERED);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What is shown once: a reload, or the way back, asks for the page and not for another of it.
const once = document.querySelector("[data-once]");
if (once) history.replaceState(null, "", once.dataset.once);

// After a refused form, the keyboard starts at the reason.
document.querySelector("[data-focus]")?.focus();
