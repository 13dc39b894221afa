// The graphic as EBU OGraf v1 plays it, in any renderer that keeps to it; /live/{event_id}?overlay is the same one, played
// at once. It paints nothing before it is played, nor while there is nothing to show; without an event there isn't.

import { Bars } from "./bars.mjs";
import { watch } from "./standings.js";

const AWAY = ["hidden", "cancelled"]; // what is held back, or has no result, leaves the picture
const CLOSED_WAIT_MS = 3_000;
const PLACES = 6;
const FADE_MS = 500;
const STYLE = `
  :host { position: absolute; inset: 0; overflow: hidden; pointer-events: none; }
  .graphic { position: absolute; left: 4%; bottom: 6%; width: min(46%, 60em); font: clamp(14px, 2.3vh, 40px) / 1.3
    var(--font, system-ui), "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; color: var(--foreground, #fff);
    opacity: 0; transform: translateY(1em); transition: opacity ${FADE_MS}ms ease, transform ${FADE_MS}ms ease; }
  .graphic.played.ready { opacity: 1; transform: none; }
  .cut, .cut * { transition: none !important; }
  .head { display: flex; align-items: center; gap: 0.6em; margin-bottom: 0.4em; font-weight: 700; font-size: 1.25em;
    text-shadow: 0 0 0.3em #000a; }
  .logo { height: 1.8em; max-width: 6em; object-fit: contain; }
  .logo:not([src]), .mark:empty { display: none; }
  .mark { padding: 0 0.5em; background: #c00; color: #fff; }
  .lines { position: relative; height: calc(var(--places) * 2.3em); }
  .line { position: absolute; inset: 0 0 auto; height: 2.3em; opacity: 0; overflow: hidden; will-change: transform, opacity;
    transition: transform 700ms ease-in-out, opacity ${FADE_MS}ms ease; }
  .line::before { content: ""; position: absolute; inset: 0 0 0.3em; background: var(--background, #10142b); opacity: 0.82; }
  .bar { position: absolute; inset: 0 0 0.3em; background: var(--accent, #4c6fff); transform: scaleX(0); opacity: 0.9;
    transform-origin: left; transition: transform 700ms ease-out; will-change: transform; }
  .name, .figure { position: absolute; line-height: 2em; white-space: nowrap; }
  .name { left: 0.7em; right: 6em; overflow: hidden; text-overflow: ellipsis; font-weight: 650; }
  .figure { right: 0.7em; font-weight: 700; }
`;

const settled = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Where an event's calls are, and its id, of the address of its live page; null: it is none. */
function addressOf(text) {
  try {
    const url = new URL(text);
    const id = /\/live\/([0-9a-f-]{36})\/?$/i.exec(url.pathname)?.[1];
    return id ? { origin: url.origin, id } : null;
  } catch {
    return null;
  }
}

export default class LiveVote extends HTMLElement {
  async load({ data, renderType }) {
    if (renderType !== "realtime") return { statusCode: 400, statusMessage: "it plays in real time only" };
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    this.data = {};
    return this.updateAction({ data });
  }

  async dispose() {
    this.watching?.abort();
    this.shadowRoot?.replaceChildren();
    return { statusCode: 200 };
  }

  async playAction({ delta = 1, goto, skipAnimation = false } = {}) {
    const step = goto ?? (this.step ?? -1) + delta;
    if (step !== 0) return { ...(await this.stopAction({ skipAnimation })), currentStep: undefined };
    this.step = 0;
    await this.toggle(true, skipAnimation);
    return { statusCode: 200, currentStep: 0 };
  }

  async stopAction({ skipAnimation = false } = {}) {
    this.step = undefined;
    await this.toggle(false, skipAnimation);
    return { statusCode: 200 };
  }

  async updateAction({ data, skipAnimation = false }) {
    const wanted = { ...this.data, ...data };
    if (JSON.stringify(wanted) === JSON.stringify(this.data)) return { statusCode: 200 };
    const address = wanted.event ? addressOf(wanted.event) : null;
    if (wanted.event && !address) return { statusCode: 400, statusMessage: "event must be the address of a live page" };
    this.data = wanted;
    this.watching?.abort();
    this.watching = new AbortController();
    const drawn = this.draw();
    if (address) this.follow(address, drawn, this.watching.signal, skipAnimation);
    return { statusCode: 200 };
  }

  async customAction() {
    return { statusCode: 404, statusMessage: "it has no custom actions" };
  }

  /** An empty graphic in the place of the last one. */
  draw() {
    const made = document.createElement("template");
    made.innerHTML = `<div class="graphic"><div class="head"><img class="logo" alt=""><span class="mark"></span>
      <span class="title"></span></div><div class="lines"></div></div>`;
    this.shadowRoot.replaceChildren(made.content);
    const graphic = this.shadowRoot.firstElementChild;
    graphic.classList.toggle("played", this.step === 0);
    const places = Math.min(12, Math.max(1, Math.trunc(this.data.places ?? PLACES) || PLACES));
    return { graphic, bars: new Bars(graphic.querySelector(".lines"), places) };
  }

  /** Shows an event; `isCut`: what is there first is there at once. */
  async follow({ origin, id }, { graphic, bars }, signal, isCut) {
    const part = (name) => graphic.querySelector(`.${name}`);
    dress(graphic, part, `${origin}/live/${id}/look`, signal);
    const show = {
      state: (state) => AWAY.includes(state) && graphic.classList.remove("ready"),
      event: (event) => {
        part("title").textContent = event.event_title;
        bars.name(event.totals);
        graphic.style.setProperty("--places", Math.min(bars.places, event.totals.length));
      },
      standings: (standings) => {
        const isFirst = !graphic.classList.contains("ready");
        change(graphic, isCut && isFirst, () => {
          bars.show(standings);
          graphic.classList.add("ready");
        });
      },
    };
    await watch(id, show, { origin, signal, closedWaitMs: CLOSED_WAIT_MS });
  }

  async toggle(isPlayed, isCut) {
    const graphic = this.shadowRoot?.firstElementChild;
    if (graphic) change(graphic, isCut, () => graphic.classList.toggle("played", isPlayed));
    if (!isCut) await settled(FADE_MS);
  }
}

/** Makes a change of the graphic, if wanted without any animation of it; those of later ones go on as ever. */
function change(graphic, isCut, make) {
  graphic.classList.toggle("cut", isCut);
  make();
  if (!isCut) return;
  graphic.getBoundingClientRect(); // so that it has happened
  graphic.classList.remove("cut");
}

/** Puts the event's colours, font, logo and the mark of a rehearsal on the graphic. */
async function dress(graphic, part, url, signal) {
  const look = await fetch(url, { signal }).then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (!look) return;
  for (const name of ["background", "foreground", "accent"]) {
    if (look.theme[name]) graphic.style.setProperty(`--${name}`, look.theme[name]);
  }
  if (look.theme.font) graphic.style.setProperty("--font", JSON.stringify(look.theme.font));
  if (look.theme.logo_url) part("logo").src = look.theme.logo_url;
  part("mark").textContent = look.rehearsal ? "REHEARSAL" : "";
}
