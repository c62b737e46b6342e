// "há 5 min": written here and not by the server, so that a page that was kept never tells an old age.
import { texts } from "./texts.js";

const STEPS = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [Infinity, "day"],
];

export function age(moment, now = Date.now()) {
  let amount = Math.max(0, (now - moment) / 1000);
  if (amount < 45) return texts.now;
  for (const [size, unit] of STEPS) {
    if (amount < size) return texts.ago(Math.floor(amount), unit);
    amount /= size;
  }
}

export function drawAges() {
  for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = age(Date.parse(time.dateTime));
  for (const time of document.querySelectorAll("time[data-ago-title]")) time.title = age(Date.parse(time.dateTime));
}
