// The few texts that are made here and not by the server, in the language that the page is in.
const TEXTS = {
  "pt-BR": {
    now: "agora há pouco",
    ago: (amount, unit) => `há ${amount}\u00a0${unit === "day" ? (amount === 1 ? "dia" : "dias") : unit}`,
    change: "Variação",
    copied: "Copiado.",
    shared: "Endereço copiado: quem o abrir vê esta mesma lista.",
    show: "Mostrar",
    hide: "Ocultar",
    thousands: [" mil", " mi", " bi"],
  },
  en: {
    now: "just now",
    ago: (amount, unit) => `${amount}\u00a0${unit === "day" && amount !== 1 ? "days" : unit} ago`,
    change: "Change",
    copied: "Copied.",
    shared: "Address copied: whoever opens it sees this very list.",
    show: "Show",
    hide: "Hide",
    thousands: ["K", "M", "B"],
  },
};

export const locale = document.documentElement.lang === "en" ? "en" : "pt-BR";
export const texts = TEXTS[locale];
