// Before the first paint, so that a chosen side does not flash: this file is a classic script in <head>.
const chosen = localStorage.getItem("tema");
if (chosen) document.documentElement.dataset.theme = chosen;
