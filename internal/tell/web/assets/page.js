// The pages are whole without this. It lets countdowns tick by the site's
// clock, and fetches the page again while somebody looks at it.
"use strict";
(() => {
  const root = document.documentElement;
  let base = +root.dataset.now, started = performance.now();
  const rate = +root.dataset.rate || 1;
  const now = () => base + (performance.now() - started) * rate;

  // The same words as text.go writes: keep them alike.
  const span = (ms) => {
    const s = Math.floor(Math.abs(ms) / 1000), f = Math.floor;
    if (s < 60) return s + " s";
    if (s < 3600) return f(s / 60) + " min " + s % 60 + " s";
    if (s < 48 * 3600) return f(s / 3600) + " h " + f(s / 60) % 60 + " min";
    if (s < 60 * 86400) return f(s / 86400) + " d " + f(s / 3600) % 24 + " h";
    return f(s / 86400) + " d";
  };
  const tick = () => {
    const at = now();
    for (const t of document.querySelectorAll("time:not([data-still])")) {
      const left = Date.parse(t.dateTime) - at;
      const words = left >= 0 ? "in " + span(left) : span(left) + " ago";
      if (t.textContent !== words) t.textContent = words;
    }
  };
  setInterval(tick, 1000);

  const every = +root.dataset.refresh, button = document.getElementById("live");
  if (!every || !button) return;
  let paused = false, known = null;
  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume updates" : "Pause updates";
  });
  // Nothing is changed under the hands of somebody who types, selects or has
  // the focus within the page.
  const busy = () => {
    const main = document.getElementById("main"), active = document.activeElement;
    return paused || document.hidden || (active !== main && main.contains(active)) || String(getSelection()) !== "";
  };
  setInterval(async () => {
    if (busy()) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const tag = answer.headers.get("ETag");
      if (!answer.ok || (tag && tag === known)) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (busy()) return; // somebody began to type while we waited
      known = tag;
      const open = [...document.querySelectorAll("main details")].map((d) => d.open);
      document.getElementById("main").replaceChildren(...fresh.getElementById("main").childNodes);
      document.querySelectorAll("main details").forEach((d, i) => { d.open = !!open[i]; });
      // A page from the site's memory is some seconds old: only a greater
      // difference says that our own clock went astray (a laptop that slept).
      const theirs = +fresh.documentElement.dataset.now;
      if (Math.abs(theirs - now()) > 15000 * rate) {
        base = theirs;
        started = performance.now();
      }
      tick();
    } catch { /* the site is away for a moment: the next round will tell */ }
  }, every);
})();
