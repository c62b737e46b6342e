import "htmx.org";
import { drawAges } from "./ages.js";
import "./theme.js";
import "./controls.js";
import "./news.js";

async function drawCharts() {
  const places = document.querySelectorAll("[data-chart]");
  if (places.length === 0) return;
  const { draw } = await import("./charts.js");
  places.forEach(draw);
}

function begin() {
  drawAges();
  drawCharts();
}

begin();
setInterval(drawAges, 20_000);
document.addEventListener("visibilitychange", () => document.hidden || drawAges());
document.addEventListener("htmx:after:swap", begin);
