// "há 5 min": written here and not by the server, so that a page that was kept never tells an old age.
const portuguese = document.documentElement.lang.startsWith("pt");

const STEPS = [
  [60, "second"],
  [60, "minute"],
  [24, "hour"],
  [Infinity, "day"],
];
const WORDS = { second: "s", minute: "min", hour: "h", day: ["dia", "dias"] };

export function age(moment, now = Date.now()) {
  let amount = Math.max(0, (now - moment) / 1000);
  if (amount < 45) return portuguese ? "agora há pouco" : "just now";
  for (const [size, unit] of STEPS) {
    if (amount < size) return phrase(Math.floor(amount), unit);
    amount /= size;
  }
}

function phrase(amount, unit) {
  if (!portuguese) return new Intl.RelativeTimeFormat("en", { style: "short" }).format(-amount, unit);
  const word = Array.isArray(WORDS[unit]) ? WORDS[unit][amount === 1 ? 0 : 1] : WORDS[unit];
  return `há ${amount}\u00a0${word}`;
}

export function drawAges() {
  for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = age(Date.parse(time.dateTime));
  for (const time of document.querySelectorAll("time[data-ago-title]")) time.title = age(Date.parse(time.dateTime));
}
