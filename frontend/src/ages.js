// "há 5 min": written here and not by the server, so that a page that was kept never tells an old age.
const STEPS = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [Infinity, "dia"],
];

export function age(moment, now = Date.now()) {
  let amount = Math.max(0, (now - moment) / 1000);
  if (amount < 45) return "agora há pouco";
  for (const [size, unit] of STEPS) {
    if (amount < size) return phrase(Math.floor(amount), unit);
    amount /= size;
  }
}

function phrase(amount, unit) {
  return `há ${amount}\u00a0${unit === "dia" && amount !== 1 ? "dias" : unit}`;
}

export function drawAges() {
  for (const time of document.querySelectorAll("time[data-ago]")) time.textContent = age(Date.parse(time.dateTime));
  for (const time of document.querySelectorAll("time[data-ago-title]")) time.title = age(Date.parse(time.dateTime));
}
