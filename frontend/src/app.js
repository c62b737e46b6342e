import "htmx.org";
import("./charts.js");
