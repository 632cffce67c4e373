// Without this everything works too: forms are sent, and pages loaded. With it a changed favourite replaces the lists alone.
"use strict";
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form[data-live]")) return;
  event.preventDefault();
  const main = document.querySelector("main");
  const data = new URLSearchParams(new FormData(form, event.submitter));
  const label = event.submitter.getAttribute("aria-label");
  main.classList.add("busy");
  try {
    const answer = await fetch(form.action, { method: "POST", body: data });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...page.querySelector("main").childNodes);
    document.querySelector("#said").textContent = answer.ok ? label + ": done" : page.querySelector("h1").textContent;
    main.focus({ preventScroll: true });
  } catch {
    form.removeAttribute("data-live");
    form.requestSubmit(event.submitter);
  } finally {
    main.classList.remove("busy");
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.querySelector("#q").focus();
  }
});
