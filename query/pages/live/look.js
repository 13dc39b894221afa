// How an event presents itself: its colours, font and logo on the page, and the mark of a rehearsal across all of it.

/** Fetches the look of an event and dresses the page in it; null when there is none, or nobody can be asked. */
export async function dress(eventId) {
  const address = `/live/${encodeURIComponent(eventId)}/look`;
  const look = await fetch(address).then((answer) => (answer.ok ? answer.json() : null), () => null);
  if (!look) return null;
  const { dataset, style } = document.documentElement;
  const { background, foreground, accent, font, logo_url: logo } = look.theme;
  dataset.rehearsal = look.rehearsal ? "Rehearsal" : "";
  if (background && foreground) {
    dataset.themed = "";
    style.setProperty("--ground", background);
    style.setProperty("--text", foreground);
  }
  if (accent) style.setProperty("--accent", accent);
  if (font) style.setProperty("--font", JSON.stringify(font));
  const picture = document.getElementById("logo");
  if (logo && picture) {
    picture.src = logo;
    picture.hidden = false;
  }
  return look;
}
