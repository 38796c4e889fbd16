// A link in a message has its token in the fragment, which browsers send to no server. This script runs before the page
// is shown: it removes the token from the address bar and from the history of the tab, and puts it into the form.
"use strict";

let token = null;

function take() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (found) token = found;
}

function fill() {
  const field = document.querySelector("input[data-token]");
  if (token === null || field === null) return;
  field.value = token;
  token = null;
  field.closest(".field").hidden = true;
}

take();
document.addEventListener("DOMContentLoaded", fill);
// A second link in the same tab changes only the fragment and loads no page.
addEventListener("hashchange", () => {
  take();
  fill();
});
