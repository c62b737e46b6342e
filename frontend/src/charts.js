// Bars by month, drawn by ECharts as SVG. The server sends numbers to draw and texts to show; nothing is formatted here.
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { locale, texts } from "./texts.js";

use([BarChart, GridComponent, TooltipComponent, SVGRenderer]);

const drawn = new Map();
const narrow = matchMedia("(max-width: 47.99rem)");

export function draw(place) {
  if (drawn.has(place)) return;
  const chart = init(place, null, { renderer: "svg" });
  const values = JSON.parse(place.dataset.values);
  const paint = () => chart.setOption(KINDS[place.dataset.chart](values, narrow.matches), { notMerge: true });
  paint();
  drawn.set(place, { chart, paint });
  new ResizeObserver(() => chart.resize()).observe(place);
}

function repaint() {
  for (const [place, { chart, paint }] of drawn) {
    if (place.isConnected) paint();
    else {
      chart.dispose();
      drawn.delete(place);
    }
  }
}

// A sheet of paper is narrower than the window, and nothing is drawn anew for it: it is scaled.
addEventListener("beforeprint", () => {
  for (const svg of document.querySelectorAll("[data-chart] svg")) {
    svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
  }
});
addEventListener("afterprint", () => {
  for (const svg of document.querySelectorAll("[data-chart] svg")) svg.removeAttribute("viewBox");
});

document.addEventListener("theme", repaint);
narrow.addEventListener("change", repaint);

// ECharts reads no light-dark(): a probe element gives the colour that a token has on this side.
function token(name) {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.className = "probe";
  probe.dataset.token = name;
  probe.style.color = `var(--${name})`;
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

const font = () => getComputedStyle(document.body).fontFamily;

function axes(labels, current, scale) {
  const text = { color: token("chart-axis"), fontSize: 11, fontFamily: font() };
  const category = {
    type: "category",
    data: labels,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: token("line-strong") } },
    axisLabel: {
      ...text,
      interval: scale.interval,
      margin: 10,
      formatter: (label, place) => (place === current ? `{now|${label}}` : label),
      rich: { now: { ...text, color: token("ink"), fontWeight: 600 } },
    },
  };
  const value = {
    type: "value",
    max: scale.top,
    interval: scale.step,
    axisLabel: { ...text, formatter: (amount) => tick(amount) },
    splitLine: { lineStyle: { color: token("chart-grid") } },
  };
  return { category, value, text };
}

// Few lines on round figures, with room above the tallest bar for its label.
function scaleOf(amounts) {
  const top = Math.max(...amounts.filter((amount) => amount !== null), 1);
  const power = 10 ** Math.floor(Math.log10(top));
  const step = [0.2, 0.25, 0.5, 1, 2].map((part) => part * power).find((part) => top / part <= 6.5);
  return { step, top: Math.ceil((top * 1.04) / step) * step };
}

function tick(amount) {
  for (const power of [3, 2, 1]) {
    const unit = 1000 ** power;
    if (Math.abs(amount) >= unit) return (amount / unit).toLocaleString(locale) + texts.thousands[power - 1];
  }
  return amount.toLocaleString(locale);
}

function tooltip(values) {
  return {
    trigger: "axis",
    transitionDuration: 0,
    axisPointer: { type: "shadow", shadowStyle: { color: token("hover"), opacity: 0.9 } },
    className: "tip-place",
    borderWidth: 0,
    padding: 0,
    backgroundColor: "transparent",
    extraCssText: "box-shadow: none",
    confine: true,
    formatter: (points) => tip(values.tips[points[0].dataIndex]),
  };
}

// A node and not a string: a string would need styles inside, and the policy of the pages allows none.
function tip({ title, rows, change }) {
  const box = document.createElement("div");
  box.className = "tip tip--live";
  const head = box.appendChild(document.createElement("b"));
  head.textContent = title;
  const list = box.appendChild(document.createElement("dl"));
  for (const [key, name, text] of rows) row(list, `key key--${key}`, name).textContent = text;
  if (change && change[0] !== "none") {
    const delta = row(list, "", texts.change).appendChild(document.createElement("span"));
    delta.className = `delta delta--${change[0]}`;
    delta.textContent = change[1];
  }
  return box;
}

function row(list, key, name) {
  const term = list.appendChild(document.createElement("dt"));
  if (key) term.appendChild(document.createElement("span")).className = key;
  term.append(name);
  return list.appendChild(document.createElement("dd"));
}

const round = [2, 2, 0, 0];

const KINDS = {
  revenue(values, small) {
    const scale = { ...scaleOf([...values.now, ...values.before, values.projection]), interval: 0 };
    const { category, value, text } = axes(small ? values.short : values.labels, values.current, scale);
    const rest = values.now.map((amount, place) =>
      place === values.current && values.projection !== null ? Math.max(0, values.projection - amount) : null,
    );
    const now = token("chart-now");
    return {
      animation: false,
      grid: { left: 4, right: 4, top: 24, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: tooltip(values),
      xAxis: [category, { ...category, show: false }],
      yAxis: value,
      series: [
        {
          type: "bar",
          xAxisIndex: 1,
          data: values.before,
          barWidth: small ? "62%" : "52%",
          barMaxWidth: 34,
          itemStyle: { color: token("chart-before"), borderColor: token("chart-before-line"), borderWidth: 1, borderRadius: round },
          silent: true,
        },
        {
          type: "bar",
          stack: "now",
          data: values.now,
          barWidth: small ? "36%" : "30%",
          barMaxWidth: 20,
          itemStyle: { color: now, borderRadius: round },
          silent: true,
          z: 3,
        },
        {
          type: "bar",
          stack: "now",
          data: rest,
          itemStyle: {
            color: token("surface"),
            borderColor: now,
            borderWidth: 1,
            borderType: [3, 2],
            decal: { symbol: "rect", color: now, rotation: Math.PI / 4, dashArrayX: [1, 0], dashArrayY: [1.6, 3.2], symbolSize: 1 },
          },
          label: { ...text, show: true, position: "top", color: token("ink"), fontWeight: 600, textBorderColor: token("surface"), textBorderWidth: 3, formatter: () => values.projected },
          silent: true,
          z: 3,
        },
      ],
    };
  },

  months(values, small) {
    const amounts = small ? values.now.slice(-12) : values.now;
    const labels = small ? values.labels.slice(-12) : values.labels;
    const tips = small ? values.tips.slice(-12) : values.tips;
    const scale = { ...scaleOf(amounts), interval: (place) => labels[place] !== "" };
    const { category, value } = axes(labels, null, scale);
    return {
      animation: false,
      grid: { left: 4, right: 4, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: tooltip({ tips }),
      xAxis: category,
      yAxis: value,
      series: [
        { type: "bar", data: amounts, barWidth: "62%", barMaxWidth: 24, silent: true, itemStyle: { color: token("chart-now"), borderRadius: round } },
      ],
    };
  },
};
