// The graphic that OGraf renderers play, on a page of its own and played at once: /live/{event_id}?overlay&places=6

import Graphic from "/graphics/ograf/graphic.mjs";

customElements.define("live-vote", Graphic);
const graphic = document.createElement("live-vote");
document.body.append(graphic);
const places = new URLSearchParams(location.search).get("places") ?? undefined;
await graphic.load({ data: { event: location.origin + location.pathname, places }, renderType: "realtime" });
await graphic.playAction();
