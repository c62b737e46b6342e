// What is published while a page is open comes by itself. Asking costs a 304 as long as there is nothing new; an answer
// with another stamp than the page's takes the place of what is shown, unless somebody is in the middle of something.
import htmx from "htmx.org";
import { drawAges } from "./ages.js";

const EVERY = 5_000;
const tags = new Map();

function busy() {
  const field = document.activeElement?.matches("input, select, textarea");
  return document.hidden || field || document.querySelector("details.menu[open]") || !getSelection().isCollapsed;
}

async function ask(address) {
  const tag = tags.get(address);
  const answer = await fetch(address, tag ? { headers: { "If-None-Match": tag } } : { cache: "no-cache" });
  if (answer.status !== 200 || answer.redirected) return null;
  tags.set(address, answer.headers.get("ETag"));
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function look() {
  const main = document.querySelector("main[data-stamp]");
  if (!main || busy()) return;
  const address = location.href;
  const page = await ask(address).catch(() => null);
  const stamp = page?.querySelector("main[data-stamp]")?.dataset.stamp;
  if (!stamp || stamp === main.dataset.stamp || address !== location.href) return;
  if (busy()) tags.delete(address);
  else show(page);
}

function show(page) {
  const fresh = page.querySelector(".side-foot .fresh");
  if (fresh) document.querySelector(".side-foot .fresh")?.replaceWith(fresh);
  drawAges();
  htmx.ajax("GET", location.href, { target: "#conteudo", select: "#conteudo", swap: "outerMorph" });
}

setInterval(look, EVERY);
